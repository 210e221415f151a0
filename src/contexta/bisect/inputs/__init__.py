"""Read OLD and NEW: one module per kind of side."""
