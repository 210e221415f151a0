"""Findings about metrics: the best run, the trend, points, learning curves, and the timeline of a package."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from contexta.contract.aliases import alias
from contexta.contract.context import RUN_LEVEL
from contexta.contract.fields import Number, RunRef, Status, Timestamp
from contexta.findings.environments import Change, Kind
from contexta.findings.kinds.completeness_note import CompletenessNote
from contexta.findings.kinds.finding import Finding, FindingAboutRuns, Tabular
from contexta.findings.kinds.text_finding import TextFinding


class RankedRun(Finding):
    """One run that was compared with others."""

    run_ref: RunRef
    name: str
    status: Status
    value: Number | None
    """The last value of the metric; None without one."""
    rank: int | None
    """1 is the best; equal values share a rank. None without a finite value."""

    run_id: ClassVar[RunRef] = alias("run_ref")
    run_name: ClassVar[str] = alias("name")


class RunRanking(FindingAboutRuns):
    """Several runs, ranked by the last value of a metric."""

    metric_key: str
    stage_name: str | None
    """The stage of the metric; None for the stage that logged it last."""
    higher_is_better: bool
    run_ref: RunRef | None
    """None if no run has a finite value."""
    value: Number | None
    candidates: tuple[RankedRun, ...]
    """The ranked runs, then the others in the given order."""
    completeness_notes: tuple[CompletenessNote, ...]

    metric: ClassVar[str] = alias("metric_key")


class BestRun(TextFinding):
    """The reference of the best run, with the fields of ``RunRanking``. Empty if no run has a finite value."""

    model = RunRanking

    @classmethod
    def text_of(cls, finding: RunRanking) -> str:
        return finding.run_ref or ""


class TrendPoint(Finding):
    """The last value of a metric in one run."""

    run_ref: RunRef
    name: str
    status: Status
    started_at: Timestamp
    captured_at: Timestamp
    """The time of the last value."""
    value: Number
    changes: tuple[Change, ...] | None
    """What differs from the last run that recorded the same; None for the first run, and if nothing can be compared."""
    unknown: tuple[str, ...] = ()
    """The aspects that this run or all runs before it did not record, so that they may have changed."""

    run_id: ClassVar[RunRef] = alias("run_ref")
    run_name: ClassVar[str] = alias("name")


class MetricTrend(Tabular, FindingAboutRuns):
    """A metric over runs, the oldest first. A note counts the runs without it."""

    metric_key: str
    stage_name: str | None
    """The stage of the metric; None for the stage that logged it last."""
    points: tuple[TrendPoint, ...]
    completeness_notes: tuple[CompletenessNote, ...]

    metric: ClassVar[str] = alias("metric_key")

    @property
    def values(self) -> tuple[int | float, ...]:
        """The values of the points."""
        return tuple(point.value for point in self.points)

    def _table(self) -> tuple[list[str], list[Mapping[str, Any]]]:
        names = ["name", "status", "started_at", "value"]
        return ["run", *names], [_fields(point, names) for point in self.points]


class SeriesBucket(Finding):
    """Consecutive points of a series, summarised."""

    first: int
    """The number of the first point, in order of arrival."""
    points: int
    step: int | None
    observed_at: Timestamp
    low: Number | None
    """The lowest value as a float, without NaN; None if all points are NaN."""
    high: Number | None
    last: Number
    """The exact last value."""
    not_numbers: int = 0
    """The number of points that are NaN."""


class MetricSeries(Tabular, FindingAboutRuns):
    """The points of a metric in one run, in order of arrival, reduced to buckets that keep the extreme values."""

    run_ref: RunRef
    stage_name: str
    metric_key: str
    slice_ref: str | None = None
    points: int
    """The number of recorded points."""
    buckets: tuple[SeriesBucket, ...] = ()
    completeness_notes: tuple[CompletenessNote, ...] = ()

    run_id: ClassVar[RunRef] = alias("run_ref")

    def _table(self) -> tuple[list[str], list[Mapping[str, Any]]]:
        names = ["first", "points", "step", "observed_at", "low", "high", "last"]
        run = {"run": self.run_ref.value}
        return ["run", *names], [run | {name: getattr(bucket, name) for name in names} for bucket in self.buckets]


class TimelineRun(Finding):
    """One run with its version of a package."""

    run_ref: RunRef
    name: str
    status: Status
    started_at: Timestamp
    version: str | None
    """None if the environment lacks the package."""
    value: Number | None = None
    """The last value of the metric; None without one."""

    run_id: ClassVar[RunRef] = alias("run_ref")
    run_name: ClassVar[str] = alias("name")


class VersionPeriod(Finding):
    """Consecutive runs with the same version."""

    version: str | None
    """None if the environments lack the package."""
    first_run: RunRef
    last_run: RunRef
    first_at: Timestamp
    last_at: Timestamp
    runs: int
    low: Number | None = None
    """The lowest value of the metric, without NaN; None without a value."""
    high: Number | None = None
    last: Number | None = None


class PackageTimeline(Tabular, FindingAboutRuns):
    """The versions of a package over runs, the oldest first."""

    package: str
    """Normalised by PEP 503."""
    metric: str | None = None
    runs: tuple[TimelineRun, ...] = ()
    """Every run with a recorded environment."""
    periods: tuple[VersionPeriod, ...] = ()
    without_environment: int = 0
    """The number of other runs."""
    completeness_notes: tuple[CompletenessNote, ...] = ()

    def _table(self) -> tuple[list[str], list[Mapping[str, Any]]]:
        names = ["name", "status", "started_at", "version", "value"]
        return ["run", *names], [_fields(run, names) for run in self.runs]


class LanePeriod(Finding):
    """Consecutive runs with one version or value: the half-open interval [start, stop) of the runs."""

    start: int
    stop: int
    version: str | None
    """Of an input the start of its digest; None if the runs lack it."""
    is_known: bool = True
    """Whether the runs recorded it."""


class Lane(Finding):
    """The versions of a package, of Python or of the source, or the values of a parameter or of an input, over runs."""

    name: str
    """``torch``, ``python``, ``source``, ``parameter lr``, ``input train.csv``."""
    kind: Kind = "package"
    periods: tuple[LanePeriod, ...]
    moved_at: tuple[int, ...] = ()
    """The first runs of the levels of the metric at which it changed too."""


class MetricLevel(Finding):
    """Runs around one value of a metric: the half-open interval [start, stop) of the runs."""

    start: int
    stop: int
    runs: int
    """The number of completed runs with a finite value."""
    mean: float
    deviation: float
    """The standard deviation of the values, without outliers."""
    worse: bool | None = None
    """Than the level before; None for the first level, and if the direction is unknown."""


class EnvironmentTimeline(Finding):
    """The environments of successive runs of a project, with a metric, the oldest first."""

    project: str
    metric: str | None
    """``accuracy`` or ``train/accuracy``; None if no run has a metric."""
    metrics: tuple[str, ...] = ()
    """All metrics of the runs, the best known first."""
    runs: tuple[TimelineRun, ...] = ()
    lanes: tuple[Lane, ...] = ()
    """What changed between the runs; what changed together with the metric comes first."""
    unchanged: int = 0
    """The number of packages that have the same version in all runs."""
    levels: tuple[MetricLevel, ...] = ()
    change: int | None = None
    """The number of the level that began with the change to look at: the last drop, else the last change."""
    outliers: tuple[int, ...] = ()
    """The numbers of single runs far from both neighbours."""
    older: int = 0
    """The number of runs that are left out because they are older."""


# ---------------------------------------------------------------------------------------------- curves

Axis = Literal["step", "time", "epoch"]


class Curve(Finding):
    """A metric in one run.

    A curve of more than twice as many points as the chart has columns keeps the lowest and the highest point of each
    column.
    """

    run_ref: RunRef
    name: str
    """The name of the run in the chart: without its project where all runs have the same."""
    points: int
    """The number of recorded points."""
    not_finite: int = 0
    """The number of recorded points that are NaN or infinite. They leave gaps."""
    low: Number | None
    """The lowest finite value; None without one. ``low`` and ``high`` are those of the smoothed curve, if it is."""
    high: Number | None
    last: Number
    """The last recorded value, never smoothed."""
    x: tuple[float, ...]
    """Ascending; seconds since the start of the run on an axis of time."""
    y: tuple[float, ...]
    """The value at each x; NaN is a gap."""


class Chart(Finding):
    """One metric in one or more runs, over a common axis."""

    metric: str
    """``accuracy``, ``train/accuracy`` or ``train/accuracy [slice]``."""
    axis: Axis | Literal["point"]
    """``point`` if the points have no steps: x is the number of the point."""
    is_log: bool = False
    """Whether the values have a logarithmic scale."""
    smoothing: float = 0.0
    """The weight of the past in the exponential moving average; 0 is none."""
    columns: int
    curves: tuple[Curve, ...]


class LearningCurves(Tabular, FindingAboutRuns):
    """The charts of metrics of one or more runs, those with a known direction first."""

    run_refs: tuple[RunRef, ...]
    charts: tuple[Chart, ...]
    completeness_notes: tuple[CompletenessNote, ...] = ()

    def _table(self) -> tuple[list[str], list[Mapping[str, Any]]]:
        """A row per point: the axis is ``step``, ``time``, ``epoch`` or ``point``."""
        rows: list[Mapping[str, Any]] = [
            {"run": curve.run_ref.value, "metric": chart.metric, "axis": chart.axis, "x": x, "y": y}
            for chart in self.charts
            for curve in chart.curves
            for x, y in zip(curve.x, curve.y, strict=True)
        ]
        return ["run", "metric", "axis", "x", "y"], rows


def _fields(row: TrendPoint | TimelineRun, names: Sequence[str]) -> Mapping[str, Any]:
    return {"run": row.run_ref.value, **{name: getattr(row, name) for name in names}}


SeriesKey = tuple[str, str, str]
"""(stage name, metric key, slice or an empty text)"""
RawPoint = tuple[int | None, int, float | None]
"""(step, microseconds since 1970, value; None for NaN)"""
NumberedPoint = tuple[int, int | None, int, float]
"""(number, step, microseconds since 1970, value)"""


@dataclass(frozen=True)
class BucketExtremes:
    """What a chart shows of consecutive points of a long series."""

    points: list[NumberedPoint]
    """The first point with the lowest value, and the first one with the highest; one NaN without any value."""
    low: float | None
    """The lowest finite value, also where a logarithmic chart has no place for it."""
    high: float | None
    not_finite: int
    not_positive: int
    """The number of finite values up to 0, if the chart is logarithmic."""


@dataclass(frozen=True)
class RecordedSeries:
    """A metric of one run, without its points."""

    id: int
    """Its key in the database."""
    key: SeriesKey
    points: int
    last: int | float

    @property
    def label(self) -> str:
        """``accuracy``, ``train/accuracy`` or ``train/accuracy [slice]``."""
        stage, metric, slice_ref = self.key
        name = metric if stage == RUN_LEVEL else f"{stage}/{metric}"
        return f"{name} [{slice_ref}]" if slice_ref else name


@dataclass(frozen=True)
class SeriesBounds:
    """The ranges of the points of one series."""

    with_step: int
    """The number of points with a step."""
    steps: tuple[int, int] | None
    """The lowest and the highest step; None without any."""
    times: tuple[int, int]
    """The earliest and the latest point, in microseconds since 1970."""
