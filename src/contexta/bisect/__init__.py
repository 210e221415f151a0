"""Bisect: which of the changes between two environments moved a metric, shown by rerunning mixes of both."""

import contexta.core.check_requirements  # noqa: F401  # the gate: before what may be too old
