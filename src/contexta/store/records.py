"""Records as people append them, and the metric series that both they and live runs feed."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import chain, count, islice, repeat
from operator import itemgetter
from typing import Any, NamedTuple, TypeVar

from sqlalchemy import Connection, Table, bindparam, func, insert, select, update

from contexta.contract.records import RECORD_TYPES, MetricRecord, Record
from contexta.errors import Conflict, DamagedData
from contexta.refs import StableRef
from contexta.scalars import to_microseconds
from contexta.store import tables
from contexta.store.metadata import SCOPE_TABLES, parent_id

_ROWS_AT_ONCE = 20
_BATCH = 5_000  # under the limit of bound variables of every supported SQLite

T = TypeVar("T")


# ---------------------------------------------------------------------------------------------- points


class Point(NamedTuple):
    """One measurement of a series, as it lies in the database."""

    step: int | None
    observed_at: int  # microseconds since 1970
    value: float | None
    exact: str | None


def encode_number(number: int | float) -> tuple[float | None, str | None]:
    """(value, exact): the nearest double, and the text that makes it exact where the double is not the number."""
    if isinstance(number, float):
        if math.isnan(number):
            return None, "nan"
        return number, "-0.0" if number == 0 and math.copysign(1, number) < 0 else None  # SQLite drops that sign
    try:
        return float(number), str(number)
    except OverflowError:
        return (math.inf if number > 0 else -math.inf), str(number)


def decode_number(value: float | None, exact: str | None) -> int | float:
    """The inverse of encode_number. Raises DamagedData for a row that it cannot have written."""
    if exact in ("nan", "-0.0"):
        return float(exact)
    if exact is not None:
        try:
            return int(exact)
        except ValueError:
            raise DamagedData(f"a metric value reads {exact!r}", hint="restore the workspace from a backup") from None
    if value is None:
        raise DamagedData("a metric point has no value", hint="restore the workspace from a backup")
    return value


SeriesKey = tuple[int, int | None, str, str]  # run id, stage id, metric key, slice
PointRow = tuple[int | None, int, float | None, str | None]  # a Point, or a plain tuple of its fields
_STEP_AND_TIME = itemgetter(0, 1)


def add_points(connection: Connection, points: Mapping[SeriesKey, Sequence[PointRow]]) -> None:
    """Append points to their series, in order of arrival, and keep each series' last value."""
    series, changes = tables.metric_series, []
    for key, new in points.items():
        known = _series(connection, key)
        rows = zip(repeat(known.id), count(known.points), *zip(*new, strict=True), strict=False)
        _insert_rows(connection, tables.metric_point, _POINT_COLUMNS, len(new), rows)
        last = _last(new)
        newer = known.points == 0 or _order(last[0], last[1]) >= _order(known.last_step, known.last_at)
        kept = last if newer else tuple(known[2:])
        values = (known.id, known.points + len(new), *kept)
        changes.append(dict(zip(("row", "points", "step", "at", "value", "exact"), values, strict=True)))
    if changes:
        connection.execute(
            update(series)
            .where(series.c.id == bindparam("row"))
            .values(
                points=bindparam("points"),
                last_step=bindparam("step"),
                last_at=bindparam("at"),
                last_value=bindparam("value"),
                last_exact=bindparam("exact"),
            ),
            changes,
        )


def _last(points: Sequence[PointRow]) -> PointRow:
    """The last by step, then time, then arrival; a point without a step precedes all steps."""
    candidates = [point for point in points if point[0] is not None] or points
    moment = max(map(_STEP_AND_TIME, candidates)) if candidates[0][0] is not None else None
    highest = moment if moment is not None else (None, max(point[1] for point in candidates))
    return next(point for point in reversed(candidates) if point[:2] == highest)


def _order(step: int | None, observed_at: int) -> tuple[bool, int, int]:
    return (step is not None, step or 0, observed_at)


def _series(connection: Connection, key: SeriesKey) -> Any:
    """(id, points, last_step, last_at, last_value, last_exact) of a series, created when it is new."""
    series = tables.metric_series
    run_id, stage_id, metric_key, slice_ref = key
    wanted = (
        select(
            series.c.id, series.c.points, series.c.last_step, series.c.last_at, series.c.last_value, series.c.last_exact
        )
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


def _insert_rows(
    connection: Connection, table: Table, columns: Sequence[str], amount: int, rows: Iterable[tuple[Any, ...]]
) -> None:
    """By the driver's own executemany, many rows to a statement: ten times faster than through the expression language.
    The values are as the database holds them, not as the column types take them. amount: how many rows there are."""
    mark = "%s" if connection.dialect.name == "postgresql" else "?"
    one = f"({', '.join([mark] * len(columns))})"
    head = f"INSERT INTO {table.name} ({', '.join(columns)}) VALUES "
    values = list(chain.from_iterable(rows))
    whole, width = amount - amount % _ROWS_AT_ONCE, len(columns)
    for start, stop, at_once in ((0, whole, _ROWS_AT_ONCE), (whole, amount, 1)):
        step = at_once * width
        parameters = [tuple(values[at : at + step]) for at in range(start * width, stop * width, step)]
        if parameters:
            connection.exec_driver_sql(head + ", ".join([one] * at_once), parameters)


# ---------------------------------------------------------------------------------------------- records


@dataclass
class _Parents:
    """The keys of what the records of one call belong to, looked up once each."""

    connection: Connection
    known: dict[StableRef, int] = field(default_factory=dict)

    def require(self, record: Record) -> tuple[int, int | None]:
        """(run id, stage id); everything else the envelope refers to must exist too."""
        envelope = record.envelope
        run_id = self._key(tables.run, envelope.run_ref, envelope.record_ref)
        found = {
            name: self._key(table, getattr(envelope, name), envelope.record_ref)
            for name, table in SCOPE_TABLES.items()
            if getattr(envelope, name) is not None
        }
        return run_id, found.get("stage_execution_ref")

    def _key(self, table: Any, ref: StableRef, child: StableRef) -> int:
        if ref not in self.known:
            self.known[ref] = parent_id(self.connection, table, ref, child=child)
        return self.known[ref]


def append(connection: Connection, records: Iterable[Record]) -> int:
    """Store records and return how many of them were new.

    The same reference with the same content changes nothing. Raises Conflict when the content differs, ParentMissing
    when something a record belongs to is not stored; then the transaction is to be rolled back as a whole.
    """
    parents = _Parents(connection)
    return sum(_append_batch(connection, batch, parents) for batch in _batches(records, _BATCH))


def _append_batch(connection: Connection, batch: list[Record], parents: _Parents) -> int:
    table = tables.record
    refs = [str(item.envelope.record_ref) for item in batch]
    stored = connection.execute(select(table.c.ref, table.c.digest).where(table.c.ref.in_(refs)))
    known: dict[str, bytes] = {row.ref: row.digest for row in stored}
    rows: list[tuple[Any, ...]] = []
    points: dict[SeriesKey, list[Point]] = {}
    for item in batch:
        ref = str(item.envelope.record_ref)
        body, digest = _encode(item)
        if ref in known:
            if known[ref] != digest:
                raise Conflict(
                    f"{ref} was appended before with other content",
                    hint="a record is never rewritten: append the new one under a new reference",
                )
            continue
        known[ref] = digest
        run_id, stage_id = parents.require(item)
        rows.append((ref, run_id, item.envelope.record_type, digest, body))
        if isinstance(item, MetricRecord):
            key = (run_id, stage_id, item.payload.metric_key, item.payload.slice_ref or "")
            points.setdefault(key, []).append(_point(item))
    if rows:
        _insert_rows(connection, table, ("ref", "run_id", "record_type", "digest", "body"), len(rows), rows)
        add_points(connection, points)
    return len(rows)


def _encode(record: Record) -> tuple[str, bytes]:
    """(body, digest). A value of 1 and one of 1.0 are the same content, whatever a JSON file between made of them."""
    dumped = record.model_dump(exclude_defaults=True)
    body = same = tables.encode_json(dumped)
    if isinstance(record, MetricRecord):
        value = record.payload.value
        if type(value) is float and value.is_integer() and not (value == 0 and math.copysign(1, value) < 0):
            dumped["payload"]["value"] = int(value)
            same = tables.encode_json(dumped)
    return body, sha256(same.encode()).digest()[:16]


def _point(record: MetricRecord) -> Point:
    value, exact = encode_number(record.payload.value)
    return Point(record.payload.step, to_microseconds(record.envelope.observed_at), value, exact)


def _batches(items: Iterable[T], size: int) -> Iterator[list[T]]:
    iterator = iter(items)
    while batch := list(islice(iterator, size)):
        yield batch


def list_records(connection: Connection, run_id: int) -> tuple[Record, ...]:
    """The records appended to a run, in order of arrival. What a live run logged is in its series, not here."""
    table = tables.record
    rows = connection.execute(
        select(table.c.record_type, table.c.body).where(table.c.run_id == run_id).order_by(table.c.id)
    )
    return tuple(RECORD_TYPES[row.record_type].model_validate(tables.decode_json(row.body)) for row in rows)
