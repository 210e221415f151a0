"""Learning curves: choose the metrics, place the points on an axis, smooth them, and reduce them to a chart."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from operator import itemgetter

from contexta.analysis.metrics.direction import Directions, direction_order, familiarity
from contexta.analysis.metrics.metric_names import like
from contexta.findings.metrics import BucketExtremes, RawPoint, RecordedSeries, SeriesKey

_STEP_AXES = (
    *("step", "steps", "_step", "global_step", "train_step", "total_timesteps", "iteration", "iterations", "iter"),
    *("epoch", "epochs", "round", "_timestamp", "timestamp", "_runtime"),
)

# ---------------------------------------------------------------------------------------------- metrics


def default_metrics(series: Iterable[RecordedSeries], directions: Directions) -> list[SeriesKey]:
    """The metrics with more than one point, without slices and counters of steps: first those of a known direction.

    A configured direction comes first, then the order of the table of well-known names, then the name. Counters of
    steps count if there is nothing else.
    """
    with_points = {item.key: item.label for item in series if item.points > 1 and not item.key[2]}
    configured = {*directions.higher, *directions.lower}
    metrics = {key: label for key, label in with_points.items() if key[1] in configured or not _is_step_axis(key[1])}
    labels = metrics or with_points

    def order(key: SeriesKey) -> tuple[int, int, str]:
        return direction_order(key[1], directions), familiarity(key[1]), labels[key]

    return sorted(labels, key=order)


def _is_step_axis(name: str) -> bool:
    """Whether a metric only counts steps or time, as W&B's ``_step`` and Lightning's ``epoch``."""
    return name.rpartition("/")[2].lower() in _STEP_AXES


def metrics_named(name: str, series: Iterable[RecordedSeries]) -> list[SeriesKey]:
    """The metrics that a name selects: ``accuracy`` in every stage, ``train/accuracy``, ``accuracy [slice]``."""
    matches = {
        item.key: item.label for item in series if name == item.label or (name == item.key[1] and not item.key[2])
    }
    return sorted(matches, key=matches.__getitem__)


def nearest_metric(name: str, series: Iterable[RecordedSeries]) -> str | None:
    """The recorded name that a misspelled one probably means."""
    return next(iter(like(name, (item.label for item in series), least=0.5)), None)


# ---------------------------------------------------------------------------------------------- axes


class Epochs:
    """The epoch of a point: the last value of the metric ``epoch`` of the same run at or before the point."""

    def __init__(self, points: Iterable[RawPoint]) -> None:
        rows = [(step, at, value) for step, at, value in points if value is not None and math.isfinite(value)]
        self._by_step = all(step is not None for step, _, _ in rows)
        ordered = sorted((self._position(step, at), value) for step, at, value in rows)
        self._positions = [position for position, _ in ordered]
        self._values = [value for _, value in ordered]

    @property
    def bounds(self) -> tuple[float, float] | None:
        """The lowest and the highest epoch; None without any."""
        return (min(self._values), max(self._values)) if self._values else None

    def at(self, step: int | None, at: int) -> float:
        return self._values[max(bisect_right(self._positions, self._position(step, at)) - 1, 0)]

    def _position(self, step: int | None, at: int) -> int:
        return step if self._by_step and step is not None else at


def placed(points: Iterable[RawPoint], place: Callable[[int, int | None, int], float]) -> Iterator[tuple[float, float]]:
    """(x, value) of each point; NaN for a value that is none.

    place: (number of the point, step, microseconds since 1970) -> x
    """
    for number, (step, at, value) in enumerate(points):
        yield place(number, step, at), math.nan if value is None else value


# ---------------------------------------------------------------------------------------------- points


def smoothed(points: Iterable[tuple[float, float]], weight: float) -> Iterator[tuple[float, float]]:
    """The exponential moving average of the values, corrected for its start. A value that is not finite stays.

    weight: of the past, in (0, 1). Source: Kingma and Ba 2015, section 3 (the correction).
    """
    average, remaining = 0.0, 1.0
    for x, value in points:
        if math.isfinite(value):
            average = weight * average + (1 - weight) * value
            remaining *= weight
            yield x, average / (1 - remaining)
        else:
            yield x, value


@dataclass(frozen=True)
class Reduced:
    """The points of a curve that a chart shows, and what it does not show."""

    points: list[tuple[float, float]]
    """(x, value), ordered by x; NaN is a gap."""
    low: float | None
    high: float | None
    not_finite: int
    not_positive: int


def reduced(
    points: Iterable[tuple[float, float]], count: int, bounds: tuple[float, float], columns: int, *, is_log: bool
) -> Reduced:
    """All points of a short curve; of a longer one the lowest and the highest of each column.

    count: the number of points; a curve is short up to two points for each column. bounds: of x in the whole chart.
    A column without a finite value keeps one NaN. Needs memory for two points of each column.
    """
    extremes = _Extremes(bounds, columns) if count > 2 * columns else None
    short: list[tuple[float, float]] = []
    low, high, not_finite, not_positive = math.inf, -math.inf, 0, 0
    for x, recorded in points:
        value = recorded
        if not math.isfinite(value):
            not_finite += 1
            value = math.nan
        else:
            if value < low:  # faster than min() and max(), a million times
                low = value
            if value > high:
                high = value
            if is_log and value <= 0:
                not_positive += 1
                value = math.nan
        if extremes is None:
            short.append((x, value))
        else:
            extremes.add(x, value)
    ordered = sorted(short if extremes is None else extremes.points(), key=itemgetter(0))
    has_range = low <= high
    return Reduced(ordered, low if has_range else None, high if has_range else None, not_finite, not_positive)


def reduced_buckets(
    buckets: Iterable[BucketExtremes],
    place: Callable[[int, int | None, int], float],
    bounds: tuple[float, float],
    columns: int,
) -> Reduced:
    """The lowest and the highest point of each column, from the extremes of buckets that are not wider than a column.

    An extreme near the edge of a column may replace that of the next column. Arguments: as ``reduced``.
    """
    extremes, not_finite, not_positive = _Extremes(bounds, columns), 0, 0
    lows, highs = [], []
    for bucket in buckets:
        not_finite += bucket.not_finite
        not_positive += bucket.not_positive
        if bucket.low is not None and bucket.high is not None:
            lows.append(bucket.low)
            highs.append(bucket.high)
        for number, step, at, value in bucket.points:
            extremes.add(place(number, step, at), value)
    ordered = sorted(extremes.points(), key=itemgetter(0))
    return Reduced(ordered, min(lows, default=None), max(highs, default=None), not_finite, not_positive)


class _Extremes:
    """The lowest and the highest point of each column."""

    def __init__(self, bounds: tuple[float, float], columns: int) -> None:
        self._start, self._columns = bounds[0], columns
        self._per_unit = columns / (bounds[1] - bounds[0]) if bounds[1] > bounds[0] else 0.0
        self._lows: dict[int, tuple[float, float]] = {}
        self._highs: dict[int, tuple[float, float]] = {}
        self._gaps: dict[int, tuple[float, float]] = {}

    def add(self, x: float, value: float) -> None:
        column = min(int((x - self._start) * self._per_unit), self._columns - 1)
        if math.isnan(value):
            self._gaps.setdefault(column, (x, value))
            return
        if column not in self._lows or value < self._lows[column][1]:
            self._lows[column] = x, value
        if column not in self._highs or value > self._highs[column][1]:
            self._highs[column] = x, value

    def points(self) -> Iterator[tuple[float, float]]:
        for column, low in self._lows.items():
            yield from {low, self._highs[column]}
        yield from (gap for column, gap in self._gaps.items() if column not in self._lows)


def curve_notes(chart: str, name: str, curve: Reduced) -> Iterator[str]:
    """The points of one curve that a chart does not show."""
    if number := curve.not_finite:
        text = (
            "point is NaN or infinite and leaves a gap" if number == 1 else "points are NaN or infinite and leave gaps"
        )
        yield f"{chart} of {name}: {number} {text}"
    if number := curve.not_positive:
        text = "value up to 0 has" if number == 1 else "values up to 0 have"
        yield f"{chart} of {name}: {number} {text} no place on a logarithmic scale"
