"""Run uv: the only package that knows its arguments and messages."""
