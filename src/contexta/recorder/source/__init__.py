"""Capture the source that a run ran from: commits, and a patch of everything that differs from them."""
