"""Build virtual environments with uv, and cache them."""
