"""Everything that can be recorded below a run: metrics, events, spans, stages and their parts, deployments."""
