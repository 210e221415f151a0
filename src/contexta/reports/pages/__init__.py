"""One module per finding: its report, as blocks."""
