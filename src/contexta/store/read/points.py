"""Read the metric series of runs, and their points one after the other."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from contexta.contract.context import RUN_LEVEL
from contexta.findings.metrics import RawPoint, RecordedSeries, SeriesBounds
from contexta.store.entities.series import decode_number
from contexta.store.schema.statements import fetch, marks

if TYPE_CHECKING:
    from sqlalchemy import Connection

_POINTS_AT_ONCE = 100_000


def is_metric(connection: Connection, word: str) -> bool:
    """Whether any run has a metric that this word can name: ``accuracy``, ``train/accuracy``, ``accuracy [slice]``."""
    name, bracket, _ = word.partition(" [")
    parts = name.split("/")
    keys = ["/".join(parts[start:]) for start in range(len(parts))] + [word] * bool(bracket)
    statement = f"SELECT 1 FROM metric_series WHERE points > 0 AND metric_key IN ({marks(keys)}) LIMIT 1"
    return bool(fetch(connection, statement, keys))


def names_and_start(connection: Connection, run_id: int) -> tuple[tuple[str, ...], int]:
    """(display names, start in microseconds since 1970) of a run: the given name, and the recorded one."""
    ((name, recorded, started_at),) = fetch(connection, _NAMES, (run_id,))
    return ((recorded,) if name is None else (name, recorded)), started_at


_NAMES = """
SELECT annotation.name, run.name, started_at FROM run LEFT JOIN annotation ON annotation.run_id = run.id
WHERE run.id = ?
"""


def series_of(connection: Connection, run_id: int) -> list[RecordedSeries]:
    """The series of a run. Of stages with the same name, the one that logged a metric last counts."""
    latest = {
        (stage or RUN_LEVEL, metric, slice_ref): RecordedSeries(
            id=series_id,
            key=(stage or RUN_LEVEL, metric, slice_ref),
            points=points,
            last=decode_number(value, exact),
        )
        for series_id, stage, metric, slice_ref, points, value, exact in fetch(connection, _SERIES, (run_id,))
    }
    return list(latest.values())


_SERIES = """
SELECT metric_series.id, stage_name, metric_key, slice_ref, points, last_value, last_exact FROM metric_series
LEFT JOIN stage ON stage.id = stage_id WHERE metric_series.run_id = ? AND points > 0 ORDER BY last_at, metric_series.id
"""


def bounds_of(connection: Connection, series: RecordedSeries) -> SeriesBounds:
    """The ranges of steps and times. Reads every point once."""
    ((with_step, *steps, first, last),) = fetch(connection, _BOUNDS, (series.id,))
    return SeriesBounds(with_step, (steps[0], steps[1]) if with_step else None, (first, last))


_BOUNDS = """
SELECT count(step), min(step), max(step), min(observed_at), max(observed_at) FROM metric_point WHERE series_id = ?
"""


def points_of(connection: Connection, series: RecordedSeries) -> Iterator[RawPoint]:
    """The points in order of arrival, without holding all of them."""
    for start in range(0, series.points, _POINTS_AT_ONCE):
        yield from fetch(connection, _POINTS, (series.id, start, start + _POINTS_AT_ONCE))


_POINTS = """
SELECT step, observed_at, value FROM metric_point WHERE series_id = ? AND number >= ? AND number < ? ORDER BY number
"""
