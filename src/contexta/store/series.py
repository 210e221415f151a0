"""Metric series: the points that appended records and live runs add, where each series ends, and where each metric of
a run does."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from itertools import repeat
from typing import Any

from sqlalchemy import Connection, bindparam, func, insert, select, update

from contexta.errors import DamagedData
from contexta.store import checks, tables
from contexta.store.driver import insert_rows
from contexta.store.rows import insert_into

_KEYS_AT_ONCE = 500

SeriesKey = tuple[int, int | None, str, str]  # run id, stage id, metric key, slice ("" for the whole)


def encode_number(number: int | float) -> tuple[float | None, str | None]:
    """(value, exact): the nearest double, and the text that makes it exact where the double is not the number."""
    if isinstance(number, float):
        if math.isnan(number):
            return None, "nan"
        if number == 0 and math.copysign(1, number) < 0:
            return 0.0, "-0.0"  # SQLite drops that sign, so that it would not read as it was written
        return number, None
    try:
        return float(number), str(number)
    except OverflowError:
        return (math.inf if number > 0 else -math.inf), str(number)


def decode_number(value: float | None, exact: str | None) -> int | float:
    """The inverse of encode_number. Raises DamagedData for a row that it cannot have written."""
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
    """Points of one series in order of arrival, column by column, as they lie in the database."""

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
        """Many at once; far faster where all are floats that a double says exactly."""
        self.steps.extend(steps)
        self.moments.extend(moments)
        if set(map(type, numbers)) == {float} and not any(each != each or each == 0 for each in numbers):
            self.values.extend(numbers)
            self.exacts.extend(repeat(None, len(numbers)))
        else:
            values, exacts = zip(*map(encode_number, numbers), strict=True)
            self.values.extend(values)
            self.exacts.extend(exacts)

    def last(self) -> tuple[int | None, int, float | None, str | None]:
        """(step, observed_at, value, exact) of the last by step, then time, then arrival; a point without a step
        precedes all steps."""
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
    """Append points to their series, and keep where each series and each metric of a run ends.

    Returns series key -> (series id, number of the first new point).
    """
    places, changes = {}, []
    for key, new in points.items():
        known = _series(connection, key)
        columns = (new.steps, new.moments, new.values, new.exacts)
        width = len(_POINT_COLUMNS) - (not any(new.exacts))  # a column of nothing but NULL costs as much as another
        given = (repeat(known.id), range(known.points, known.points + len(new)), *columns)[:width]
        insert_rows(connection, tables.metric_point, _POINT_COLUMNS[:width], len(new), zip(*given, strict=False))
        last = new.last()
        newer = known.points == 0 or _order(last[0], last[1]) >= _order(known.last_step, known.last_at)
        kept = last if newer else tuple(known[2:6])
        check = checks.extended(checks.POINTS, columns, known.points_check)
        changes.append(dict(zip(_CHANGED, (known.id, known.points + len(new), *kept, check), strict=True)))
        places[key] = (known.id, known.points)
    if changes:
        connection.execute(_CHANGE, changes)
        _keep_ends(connection, points)
    return places


def _order(step: int | None, observed_at: int) -> tuple[bool, int, int]:
    return (step is not None, step or 0, observed_at)


_LAST = ("last_step", "last_at", "last_value", "last_exact", "points_check")
_CHANGED = ("row", "points_", *(f"{name}_" for name in _LAST))
_CHANGE = (
    update(tables.metric_series)
    .where(tables.metric_series.c.id == bindparam("row"))
    .values({name: bindparam(f"{name}_") for name in ("points", *_LAST)})
)


def _series(connection: Connection, key: SeriesKey) -> Any:
    """(id, points, last_step, last_at, last_value, last_exact, points_check) of a series, created when it is new."""
    series = tables.metric_series
    run_id, stage_id, metric_key, slice_ref = key
    wanted = (
        select(series.c.id, series.c.points, *(series.c[name] for name in _LAST))
        .where(series.c.run_id == run_id, func.coalesce(series.c.stage_id, 0) == (stage_id or 0))
        .where(series.c.metric_key == metric_key, series.c.slice_ref == slice_ref)
    )
    row = connection.execute(wanted).first()
    if row is None:
        new = {"run_id": run_id, "stage_id": stage_id, "metric_key": metric_key, "slice_ref": slice_ref, "points": 0}
        connection.execute(insert(series), new)
        row = connection.execute(wanted).one()
    return row


_POINT_COLUMNS = ("series_id", "number", "step", "observed_at", "value", "exact")


# ---------------------------------------------------------------------------------------------- where metrics end


def _keep_ends(connection: Connection, touched: Iterable[SeriesKey]) -> None:
    keys: dict[int, set[str]] = {}
    for run_id, _, metric_key, slice_ref in touched:
        if not slice_ref:
            keys.setdefault(run_id, set()).add(metric_key)
    for run_id, of_run in keys.items():
        keep_ends(connection, run_id, sorted(of_run))


def keep_ends(connection: Connection, run_id: int, metric_keys: Sequence[str] | None = None) -> None:
    """Bring run_metric up to date for these metrics of a run (None for all), as RunSummary.metrics reads its stages:
    the series that was logged last; of several at one moment that of the last stage."""
    if metric_keys is None:
        known = select(tables.run_metric.c.metric_key).where(tables.run_metric.c.run_id == run_id)
        metric_keys = connection.execute(known).scalars().all()
    series, stage, end = tables.metric_series, tables.stage, tables.run_metric
    last_first = (
        series.c.last_at.desc(),
        series.c.stage_id.is_not(None).desc(),
        stage.c.order_index.is_(None).desc(),
        stage.c.order_index.desc(),
        stage.c.started_at.desc(),
        stage.c.id.desc(),
    )
    for start in range(0, len(metric_keys), _KEYS_AT_ONCE):
        ranked = (
            select(
                series.c.run_id,
                series.c.metric_key,
                series.c.last_value,
                series.c.last_exact,
                func.row_number().over(partition_by=series.c.metric_key, order_by=last_first).label("place"),
            )
            .outerjoin_from(series, stage, stage.c.id == series.c.stage_id)
            .where(series.c.run_id == run_id, series.c.slice_ref == "", series.c.points > 0)
            .where(series.c.metric_key.in_(metric_keys[start : start + _KEYS_AT_ONCE]))
            .subquery()
        )
        source = select(*list(ranked.c)[:4]).where(ranked.c.place == 1)
        statement = insert_into(connection, end).from_select(["run_id", "metric_key", "value", "exact"], source)
        connection.execute(
            statement.on_conflict_do_update(
                index_elements=["run_id", "metric_key"],
                set_={"value": statement.excluded.value, "exact": statement.excluded.exact},
            )
        )
