"""Digests and checksums of stored content, equal on SQLite and PostgreSQL."""
