"""Tables, migrations and the encodings of columns, for SQLite and PostgreSQL."""
