"""Capture the source of a run: commits, and a patch of all differences from them."""
