"""Reproduce: environments built again from exact pins, through uv."""

import contexta.core.check_requirements  # noqa: F401  # the gate: before what may be too old
