"""The page that compares runs: its state, its tables, and the differences of code."""
