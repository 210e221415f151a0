"""Compare recorded environments, and say how completely one was recorded."""
