"""OLD and NEW as a user names them: one module per kind of side."""
