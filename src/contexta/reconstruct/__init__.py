"""Reconstruct the environment of a run that was never recorded, from traces and from the package index."""

import contexta.core.check_requirements  # noqa: F401  # the gate: before what may be too old
