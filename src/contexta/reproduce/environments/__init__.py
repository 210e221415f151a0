"""Build virtual environments with uv, and keep them in a cache."""
