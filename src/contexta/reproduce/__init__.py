"""Reproduce: environments built again from exact pins, through uv."""
