import contexta.asking  # noqa: F401  # the gate: before what may be too old
