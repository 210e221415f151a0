"""The parts of a run that a program can record: metrics, events, spans, stages and their parts, deployments."""
