"""Find traces on disk and in git, resolve the rest with uv, and store the result as a run."""
