"""Open a workspace: a directory with SQLite, or a PostgreSQL server with a directory of objects."""
