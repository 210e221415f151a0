"""Read metrics from what a program prints: lines, progress bars and tables."""
