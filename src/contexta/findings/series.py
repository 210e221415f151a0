"""One metric of one run over its points, thinned for a plot."""

from __future__ import annotations

from contexta.contract.fields import Number, RunRef, Timestamp
from contexta.findings.finding import Finding


class SeriesBucket(Finding):
    """Points that follow each other, as one: how low and how high they went, and where they ended.

    low, high: the nearest doubles, without NaN; None where all points are NaN. last: exact. not_numbers: how many
    points are NaN. first, points: the number of the first point in order of arrival, and how many there are.
    """

    first: int
    points: int
    step: int | None
    observed_at: Timestamp
    low: Number | None
    high: Number | None
    last: Number
    not_numbers: int = 0


class MetricSeries(Finding):
    """A metric over time, in order of arrival. points: how many were measured; each bucket stands for as many of them.

    Every spike survives: the lowest and the highest of all points are those of the buckets.
    """

    run_ref: RunRef
    stage_name: str
    metric_key: str
    slice_ref: str | None = None
    points: int
    buckets: tuple[SeriesBucket, ...] = ()
    completeness_notes: tuple[str, ...] = ()
