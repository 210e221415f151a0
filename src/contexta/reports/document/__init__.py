"""Reports as data: blocks of text, tables and plots, and the formatting of values in them."""
