"""Rebuild recorded environments from exact pins with uv, and rerun recorded runs."""

import contexta.core.check_requirements  # noqa: F401  # the gate: before what may be too old
