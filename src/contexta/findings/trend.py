"""A metric over the runs of a project."""

from __future__ import annotations

from contexta.contract.fields import Number, RunRef, Status, Timestamp
from contexta.findings.environments import Change
from contexta.findings.finding import Finding


class TrendPoint(Finding):
    """Where the metric ended in one run.

    changes: Python and packages that differ from the last run before it whose environment is known; None where this
    run's is not, or none before it is.
    """

    run_ref: RunRef
    name: str
    status: Status
    started_at: Timestamp
    value: Number
    changes: tuple[Change, ...] | None


class MetricTrend(Finding):
    """One metric over runs, the oldest first. stage_name: where it was looked for; None for whichever stage logged it
    last. Runs that lack it are counted in completeness_notes."""

    metric_key: str
    stage_name: str | None
    points: tuple[TrendPoint, ...]
    completeness_notes: tuple[str, ...]
