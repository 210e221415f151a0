"""Decide what to install for a recorded environment, and what cannot be installed."""
