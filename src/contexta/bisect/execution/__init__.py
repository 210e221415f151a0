"""Run one trial: a command in an environment, on this machine or on a cluster."""
