"""Find the change between two environments that moved a metric, by rerunning mixes of both."""

import contexta.core.check_requirements  # noqa: F401  # the gate: before what may be too old
