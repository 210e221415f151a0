"""The page Runs: a table to filter, sort, group, compare and annotate."""
