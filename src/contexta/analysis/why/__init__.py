"""Explain a drop: is it real, what changed, which change is suspected, what to do next."""
