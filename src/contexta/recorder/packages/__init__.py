"""Installed distributions: their names and versions, their origins, and edited files."""
