"""Compare the metrics of a rerun with the recorded ones."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Literal

from contexta.findings import MetricDelta, RerunMetric, RunComparison

Outcome = Literal["reproduced", "differs", "unknown"]


def rerun_metrics(
    comparison: RunComparison, relative: float = 0.0, absolute: float = 0.0, only: Sequence[str] = ()
) -> tuple[RerunMetric, ...]:
    """Every metric of the left run with its value in the right one. only: restrict the result to these keys.

    Tolerances as in ``math.isclose``.
    """
    return tuple(_metrics(comparison, relative, absolute, only))


def outcome(metrics: Sequence[RerunMetric], exit_code: int) -> Outcome:
    """The outcome over all metrics; unknown if the command failed."""
    if exit_code != 0 or not metrics:
        return "unknown"
    return "reproduced" if all(metric.within for metric in metrics) else "differs"


def _metrics(comparison: RunComparison, relative: float, absolute: float, only: Sequence[str]) -> Iterator[RerunMetric]:
    for stage in comparison.stage_comparisons:
        for delta in stage.metric_deltas:
            if delta.left_value is None or (only and delta.metric_key not in only):
                continue
            apart = abs(delta.delta) if delta.delta is not None and math.isfinite(delta.delta) else None
            yield RerunMetric(
                stage_name=stage.stage_name,
                metric_key=delta.metric_key,
                slice_ref=delta.slice_ref,
                recorded=delta.left_value,
                rerun=delta.right_value,
                apart=float(apart) if apart is not None else None,
                within=_within(delta, relative, absolute),
            )


def _within(delta: MetricDelta, relative: float, absolute: float) -> bool:
    left, right = delta.left_value, delta.right_value
    if left is None or right is None:
        return False
    if not delta.differs:
        return True
    try:
        return math.isclose(left, right, rel_tol=relative, abs_tol=absolute)
    except OverflowError:  # an integer beyond the range of floats
        return False
