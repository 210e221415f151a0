"""Where trials run: one module per executor."""
