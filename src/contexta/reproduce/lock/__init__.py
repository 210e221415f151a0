"""Write a recorded environment as a lock file."""
