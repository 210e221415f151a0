"""Open a workspace, and read its runs: queries, learning curves, tables."""
