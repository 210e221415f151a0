"""The run of the training process: start, join, log and finish."""
