"""Run a recorded command in a rebuilt environment, and confirm that it ran there."""
