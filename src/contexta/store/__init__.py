import contexta.core.check_requirements  # noqa: F401  # the gate: before what may be too old
