"""Expect the duration of a rerun from the durations of recorded runs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from contexta.findings.reproduction import RECONSTRUCTED
from contexta.findings.runs import IMPORTED


def measured_seconds(seconds: float | None, metadata: Mapping[str, Any]) -> float | None:
    """The duration of the training of a run; None if no recorder measured it.

    seconds: from the start to the end of the run. A reconstructed run has one moment. The times of an imported run are
    those that the other tool wrote, such as its first and its last event.
    """
    is_measured = RECONSTRUCTED not in metadata and IMPORTED not in metadata
    return seconds if seconds and is_measured else None


def expected_seconds(durations: Iterable[float | None]) -> float | None:
    """The duration of one rerun in any mix of two sides: that of the slower one; None if both are unknown."""
    return max((seconds for seconds in durations if seconds is not None), default=None)
