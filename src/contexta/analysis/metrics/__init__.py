"""Metrics of runs: direction, statistics, change points, repeats, selection."""
