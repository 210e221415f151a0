"""Find the lowest and the highest points of a long series in the database, without reading its points one by one."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal

from contexta.findings.metrics import BucketExtremes, NumberedPoint, RecordedSeries
from contexta.store.schema.statements import fetch, marks

if TYPE_CHECKING:
    from sqlalchemy import Connection

Position = Literal["step", "observed_at"]
"""The order of the points: their step, or their time in microseconds since 1970."""

_LARGEST = 1.7976931348623157e308
_AT_ONCE = 500  # under the limit of bound variables of every supported database
_PARTS = 8  # a bucket that is too wide is divided into this many
_MOST_DIVISIONS = 6  # for each of the first buckets; more mean that the positions have no order


@dataclass(frozen=True)
class Bucket:
    """Points of consecutive numbers, in the half-open interval [first, stop), summarised."""

    first: int
    stop: int
    numbers: int
    """The number of points with a value that is a number or infinite."""
    low: float | None
    high: float | None
    positioned: int
    """The number of points with a position."""
    start: int | None
    """The lowest position."""
    end: int | None


def buckets_of(connection: Connection, series: RecordedSeries, position: Position, count: int) -> list[Bucket]:
    """Buckets of equal numbers of points. Reads every point of the series once, by its key."""
    edges = [series.points * place // count for place in range(count + 1)]
    steps = _even_steps(connection, series, edges) if position == "step" else None
    if steps is None:
        return [_bucket(connection, series, position, *edges[place : place + 2]) for place in range(count)]
    buckets = []
    for first, stop in pairwise(edges):
        ((numbers, low, high),) = fetch(connection, _VALUES, (series.id, first, stop))
        buckets.append(Bucket(first, stop, numbers, low, high, stop - first, steps[first], steps[stop - 1]))
    return buckets


def _even_steps(connection: Connection, series: RecordedSeries, edges: list[int]) -> dict[int, int] | None:
    """The steps of the points at the ends of buckets, by number, if each bucket has its steps at one even distance.

    Then the steps between are those in between, and the costs of reading them are saved. None if they are uneven.
    """
    numbers = sorted({number for first, stop in pairwise(edges) for number in (first, stop - 1)})
    steps: dict[int, int | None] = {}
    for start in range(0, len(numbers), _AT_ONCE):
        some = numbers[start : start + _AT_ONCE]
        steps.update(fetch(connection, _STEPS.format(marks(some)), [series.id, *some]))
    numbered_steps = {number: step for number, step in steps.items() if step is not None}
    if len(numbered_steps) < len(numbers) or series.points < 2:
        return None
    distance, rest = divmod(numbered_steps[numbers[-1]] - numbered_steps[numbers[0]], series.points - 1)
    is_even = all(numbered_steps[number] == numbered_steps[numbers[0]] + distance * number for number in numbers)
    return numbered_steps if is_even and rest == 0 and distance > 0 else None


def bounds_of_buckets(buckets: list[Bucket]) -> tuple[int, tuple[int, int] | None]:
    """(number of points with a position, the lowest and the highest position)"""
    starts = [bucket.start for bucket in buckets if bucket.start is not None]
    ends = [bucket.end for bucket in buckets if bucket.end is not None]
    return sum(bucket.positioned for bucket in buckets), (min(starts), max(ends)) if starts else None


class NoOrder(Exception):
    """The positions of a series do not increase with its numbers, so even small buckets are wide."""


def narrowed(
    connection: Connection, series: RecordedSeries, position: Position, buckets: list[Bucket], width: float
) -> Iterator[Bucket]:
    """The buckets, divided until none is wider than ``width`` or has more than two points. Raises NoOrder."""
    divisions = _MOST_DIVISIONS * len(buckets)
    waiting = buckets[::-1]
    while waiting:
        bucket = waiting.pop()
        is_wide = bucket.start is not None and bucket.end is not None and bucket.end - bucket.start > width
        if not is_wide or bucket.stop - bucket.first <= 2:
            yield bucket
            continue
        divisions -= 1
        if divisions < 0:
            raise NoOrder
        size = bucket.stop - bucket.first
        edges = sorted({bucket.first + size * place // _PARTS for place in range(_PARTS + 1)})
        parts = [_bucket(connection, series, position, *edges[place : place + 2]) for place in range(len(edges) - 1)]
        waiting += parts[::-1]


def extremes_of(connection: Connection, series: RecordedSeries, bucket: Bucket, *, is_log: bool) -> BucketExtremes:
    """is_log: values up to 0 are counted, and not shown."""
    size = bucket.stop - bucket.first
    numbers, low, high = bucket.numbers, bucket.low, bucket.high
    if low is not None and high is not None and (math.isinf(low) or math.isinf(high)):
        numbers, low, high = _within(connection, series, bucket, -_LARGEST)
    shown, bottom, top = numbers, low, high
    if is_log and low is not None and low <= 0:
        shown, bottom, top = _within(connection, series, bucket, 5e-324)
    if bottom is None or top is None:
        ((number, step, at),) = fetch(connection, _FIRST, (series.id, bucket.first))
        points: list[NumberedPoint] = [(number, step, at, math.nan)]
    else:
        values = dict.fromkeys((bottom, top))
        points = [(*_place(connection, series, bucket, value), value) for value in values]
    return BucketExtremes(points, low, high, size - numbers, numbers - shown)


def _bucket(connection: Connection, series: RecordedSeries, position: Position, first: int, stop: int) -> Bucket:
    statement = _SUMMARY.format(position=position)
    ((numbers, low, high, positioned, start, end),) = fetch(connection, statement, (series.id, first, stop))
    return Bucket(first, stop, numbers, low, high, positioned, start, end)


def _within(connection: Connection, series: RecordedSeries, bucket: Bucket, lowest: float) -> Any:
    """(number, lowest, highest) of the finite values that are not below ``lowest``."""
    values = (series.id, bucket.first, bucket.stop, lowest, _LARGEST)
    ((numbers, low, high),) = fetch(connection, _WITHIN, values)
    return numbers, low, high


def _place(connection: Connection, series: RecordedSeries, bucket: Bucket, value: float) -> Any:
    ((number, step, at),) = fetch(connection, _PLACE, (series.id, bucket.first, bucket.stop, value))
    return number, step, at


_RANGE = "FROM metric_point WHERE series_id = ? AND number >= ? AND number < ?"
_SUMMARY = (
    f"SELECT count(value), min(value), max(value), count({{position}}), min({{position}}), max({{position}}) {_RANGE}"
)
_VALUES = f"SELECT count(value), min(value), max(value) {_RANGE}"
_STEPS = "SELECT number, step FROM metric_point WHERE series_id = ? AND number IN ({})"
_WITHIN = f"SELECT count(value), min(value), max(value) {_RANGE} AND value BETWEEN ? AND ?"
_PLACE = f"SELECT number, step, observed_at {_RANGE} AND value = ? ORDER BY number LIMIT 1"
_FIRST = "SELECT number, step, observed_at FROM metric_point WHERE series_id = ? AND number = ?"
