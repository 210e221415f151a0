"""Explain a drop: its significance, the changes, the suspects, and the next steps."""
