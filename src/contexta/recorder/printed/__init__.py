"""Read metrics from the output of a program: lines, progress bars and tables."""
