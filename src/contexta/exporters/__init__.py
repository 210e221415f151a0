"""Send runs to other tools, by their own client libraries."""
