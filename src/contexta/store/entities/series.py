"""Metric series: append points, keep the last point, and mark the last series of each metric of a run."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, repeat
from typing import TYPE_CHECKING, Any, NamedTuple

from contexta.core.errors import DamagedData
from contexta.store.integrity import running_checksums
from contexta.store.schema import sql, tables
from contexta.store.schema.statements import fetch, insert_rows, marks

if TYPE_CHECKING:
    from sqlalchemy import Connection, Update

_KEYS_AT_ONCE = 500

SeriesKey = tuple[int, int | None, str, str]  # run id, stage id, metric key, slice ("" for the whole)


def encode_number(number: int | float) -> tuple[float | None, str | None]:
    """(value, exact): the nearest double, and the exact text if the double is not equal to the number."""
    if isinstance(number, float):
        if math.isnan(number):
            return None, "nan"
        if number == 0 and math.copysign(1, number) < 0:
            return 0.0, "-0.0"  # SQLite drops the sign of a zero
        return number, None
    try:
        return float(number), str(number)
    except OverflowError:
        return (math.inf if number > 0 else -math.inf), str(number)


def decode_number(value: float | None, exact: str | None) -> int | float:
    """The inverse of ``encode_number``. Raises DamagedData for other values."""
    if exact is None and value is not None:
        return value
    if exact in ("nan", "-0.0"):
        return float(exact)
    if exact is not None:
        try:
            return int(exact)
        except ValueError:
            raise DamagedData(f"a metric value reads {exact!r}", hint="restore the workspace from a backup") from None
    raise DamagedData("a metric point has no value", hint="restore the workspace from a backup")


class Points:
    """Points of one series in order of arrival, as columns with the values of the database."""

    __slots__ = ("exacts", "moments", "steps", "values")

    def __init__(self) -> None:
        self.steps: list[int | None] = []
        self.moments: list[int] = []  # microseconds since 1970
        self.values: list[float | None] = []
        self.exacts: list[str | None] = []

    def __len__(self) -> int:
        return len(self.moments)

    def add(self, step: int | None, observed_at: int, number: int | float) -> None:
        value, exact = encode_number(number)
        self.steps.append(step)
        self.moments.append(observed_at)
        self.values.append(value)
        self.exacts.append(exact)

    def extend(self, steps: Sequence[int | None], moments: Sequence[int], numbers: Sequence[int | float]) -> None:
        """Add many points; far faster if all values are finite floats other than zero."""
        self.steps.extend(steps)
        self.moments.extend(moments)
        if set(map(type, numbers)) == {float} and not any(number != number or number == 0 for number in numbers):
            self.values.extend(numbers)
            self.exacts.extend(repeat(None, len(numbers)))
        else:
            values, exacts = zip(*map(encode_number, numbers), strict=True)
            self.values.extend(values)
            self.exacts.extend(exacts)

    def last(self) -> tuple[int | None, int, float | None, str | None]:
        """(step, observed_at, value, exact) of the last point by step, then time, then arrival. A point without a
        step comes before all steps."""
        if None not in self.steps and self.steps[-1] == max(self.steps) and self.moments[-1] == max(self.moments):  # type: ignore[type-var]  # none is None
            place = len(self) - 1
        else:
            order = [
                (*_order(step, at), place)
                for place, (step, at) in enumerate(zip(self.steps, self.moments, strict=True))
            ]
            place = max(order)[-1]
        return self.steps[place], self.moments[place], self.values[place], self.exacts[place]


def add_points(connection: Connection, points: Mapping[SeriesKey, Points]) -> dict[SeriesKey, tuple[int, int]]:
    """Append points to their series, and update the last point of each series and metric.

    Returns series key -> (series id, number of the first new point). All series share a few statements, because a run
    may log tens of thousands of metrics.
    """
    if not points:
        return {}
    series = _series(connection, list(points))
    for has_exact in (False, True):  # a column of NULLs costs as much as any other
        some = [key for key, new in points.items() if any(new.exacts) == has_exact]
        columns = _POINT_COLUMNS if has_exact else _POINT_COLUMNS[:-1]
        rows = chain.from_iterable(_point_rows(series[key], points[key], len(columns)) for key in some)
        insert_rows(connection, tables.metric_point, columns, sum(len(points[key]) for key in some), rows)
    connection.execute(_change(), [_changed(series[key], new) for key, new in points.items()])
    _mark_last(connection, points)
    return {key: (series[key].id, series[key].points) for key in points}


def _point_rows(series: _Series, new: Points, width: int) -> Iterator[tuple[Any, ...]]:
    numbers = range(series.points, series.points + len(new))
    columns = (repeat(series.id), numbers, new.steps, new.moments, new.values, new.exacts)
    return zip(*columns[:width], strict=False)


def _changed(series: _Series, new: Points) -> dict[str, Any]:
    """The new values of the row of a series."""
    last = new.last()
    is_newer = series.points == 0 or _order(last[0], last[1]) >= _order(series.last_step, series.last_at or 0)
    final = last if is_newer else (series.last_step, series.last_at, series.last_value, series.last_exact)
    columns = (new.steps, new.moments, new.values, new.exacts)
    check = running_checksums.extended(running_checksums.POINTS, columns, series.points_check)
    return dict(zip(_CHANGED, (series.id, series.points + len(new), *final, check), strict=True))


def _order(step: int | None, observed_at: int) -> tuple[bool, int, int]:
    return (step is not None, step or 0, observed_at)


_LAST = ("last_step", "last_at", "last_value", "last_exact", "points_check")
_CHANGED = ("row", "points_", *(f"{name}_" for name in _LAST))


def _change() -> Update:
    row = tables.metric_series
    values: dict[str, Any] = {name: sql.bindparam(f"{name}_") for name in ("points", *_LAST)}
    return sql.update(row).where(row.c.id == sql.bindparam("row")).values(values)


class _Series(NamedTuple):
    """A row of ``metric_series`` before points are appended."""

    id: int
    points: int
    last_step: int | None
    last_at: int | None
    last_value: float | None
    last_exact: str | None
    points_check: bytes | None


def _series(connection: Connection, keys: Sequence[SeriesKey]) -> dict[SeriesKey, _Series]:
    """The rows of series. Missing ones are created."""
    series = dict(_existing(connection, keys))
    new = [key for key in keys if key not in series]
    if new:
        rows = [(*key, 0) for key in new]
        insert_rows(connection, tables.metric_series, _KEY_COLUMNS, len(rows), rows)
        series.update(_existing(connection, new))
    return series


def _existing(connection: Connection, keys: Iterable[SeriesKey]) -> Iterator[tuple[SeriesKey, _Series]]:
    """The stored series among some keys.

    The condition on the stage is written as in the unique index, with a literal 0; otherwise SQLite would not use it.
    """
    groups: dict[tuple[int, int | None, str], list[str]] = {}
    for run_id, stage_id, metric_key, slice_ref in keys:
        groups.setdefault((run_id, stage_id, slice_ref), []).append(metric_key)
    for (run_id, stage_id, slice_ref), names in groups.items():
        for start in range(0, len(names), _KEYS_AT_ONCE):
            some = names[start : start + _KEYS_AT_ONCE]
            rows = fetch(
                connection,
                f"SELECT metric_key, id, points, {', '.join(_LAST)} FROM metric_series WHERE run_id = ?"
                f" AND coalesce(stage_id, 0) = ? AND metric_key IN ({marks(some)}) AND slice_ref = ?",
                (run_id, stage_id or 0, *some, slice_ref),
            )
            for metric_key, *row in rows:
                yield (run_id, stage_id, metric_key, slice_ref), _Series(*row)


_KEY_COLUMNS = ("run_id", "stage_id", "metric_key", "slice_ref", "points")
_POINT_COLUMNS = ("series_id", "number", "step", "observed_at", "value", "exact")


# ---------------------------------------------------------------------------------------------- the last of each metric


def _mark_last(connection: Connection, changed: Iterable[SeriesKey]) -> None:
    keys: dict[int, set[str]] = {}
    for run_id, _, metric_key, slice_ref in changed:
        if not slice_ref:
            keys.setdefault(run_id, set()).add(metric_key)
    for run_id, of_run in keys.items():
        mark_last(connection, run_id, sorted(of_run))


def mark_last(connection: Connection, run_id: int, metric_keys: Sequence[str] | None = None) -> None:
    """Mark the last series of some metrics of a run; None for all metrics.

    The last series has the latest point; if several have the same time, it is that of the last stage, as in
    ``RunSummary.metrics``.
    """
    series, stage = tables.metric_series, tables.stage
    last_first = (
        series.c.last_at.desc(),
        series.c.stage_id.is_not(None).desc(),
        stage.c.order_index.is_(None).desc(),
        stage.c.order_index.desc(),
        stage.c.started_at.desc(),
        stage.c.id.desc(),
    )
    place = sql.func.row_number().over(partition_by=series.c.metric_key, order_by=last_first).label("place")
    ranked = (
        sql.select(series.c.id, series.c.is_last, place)
        .outerjoin_from(series, stage, stage.c.id == series.c.stage_id)
        .where(series.c.run_id == run_id, series.c.slice_ref == "", series.c.points > 0)
    )
    if metric_keys is not None and len(metric_keys) <= _KEYS_AT_ONCE:  # with more names, reading all series is faster
        ranked = ranked.where(series.c.metric_key.in_(metric_keys))
    rows = ranked.subquery()
    wrong = connection.execute(
        sql.select(rows.c.id, rows.c.is_last).where(
            sql.or_(sql.and_(rows.c.place == 1, sql.not_(rows.c.is_last)), sql.and_(rows.c.place > 1, rows.c.is_last))
        )
    ).all()
    for is_last in (True, False):  # clear first: one series per metric may be marked
        ids = [{"row": row.id} for row in wrong if row.is_last is is_last]
        if ids:
            statement = sql.update(series).where(series.c.id == sql.bindparam("row")).values(is_last=not is_last)
            connection.execute(statement, ids)
