"""Digests of what is stored: how damage is told from content, on SQLite and PostgreSQL alike."""
