"""Pages about recorded runs: learning curves, source and output."""
