"""Run a recorded command in the environment that was built for it, and confirm that it ran there."""
