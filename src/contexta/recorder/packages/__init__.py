"""Installed distributions: which there are, where they came from, and which of their files were edited."""
