"""Callbacks and plugins of frameworks and tools, one module each. None imports its framework before it is used."""
