"""Reproduce: environments built again from exact pins, through uv."""

import contexta.asking  # noqa: F401  # the gate: before what may be too old
