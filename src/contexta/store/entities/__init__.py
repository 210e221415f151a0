"""Rows of each kind of entity: how they are written, and how they are read back."""
