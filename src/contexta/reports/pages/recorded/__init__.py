"""Pages of what a run recorded: learning curves, source and output."""
