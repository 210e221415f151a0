"""The run of the training process: start it, join it, log to it, finish it."""
