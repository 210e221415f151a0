"""Records as people append them, and the metric series that both they and live runs feed."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import islice
from typing import Any, TypeVar

from sqlalchemy import Connection, Table, bindparam, func, insert, select, update

from contexta.contract.records import RECORD_TYPES, MetricRecord, Record
from contexta.errors import Conflict, DamagedData
from contexta.refs import StableRef
from contexta.scalars import to_microseconds
from contexta.store import tables
from contexta.store.metadata import SCOPE_TABLES, parent_id

_BATCH = 5_000  # under the limit of bound variables of every supported SQLite

T = TypeVar("T")


# ---------------------------------------------------------------------------------------------- points


@dataclass(frozen=True)
class Point:
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


def add_points(connection: Connection, points: dict[SeriesKey, list[Point]]) -> None:
    """Append points to their series, in order of arrival, and keep each series' last value."""
    series, rows, changes = tables.metric_series, [], []
    for key, new in points.items():
        known = _series(connection, key)
        number = known.points
        for point in new:
            rows.append((known.id, number, point.step, point.observed_at, point.value, point.exact))
            number += 1
        last = max((_order(point.step, point.observed_at, index), point) for index, point in enumerate(new))[1]
        newer = known.points == 0 or _order(last.step, last.observed_at, 0) >= _order(known.last_step, known.last_at, 0)
        kept = (last.step, last.observed_at, last.value, last.exact) if newer else tuple(known[2:])
        changes.append(
            dict(zip(("row", "points", "step", "at", "value", "exact"), (known.id, number, *kept), strict=True))
        )
    if rows:
        _insert_rows(connection, tables.metric_point, _POINT_COLUMNS, rows)
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


def _order(step: int | None, observed_at: int, arrival: int) -> tuple[bool, int, int, int]:
    """What makes a value the last one: by step, then time, then arrival; a point without a step precedes all steps."""
    return (step is not None, step or 0, observed_at, arrival)


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


def _insert_rows(connection: Connection, table: Table, columns: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> None:
    """By the driver's own executemany: several times faster than through the expression language. The values are as
    the database holds them, not as the column types take them."""
    mark = "%s" if connection.dialect.name == "postgresql" else "?"
    names, marks = ", ".join(columns), ", ".join([mark] * len(columns))
    connection.exec_driver_sql(f"INSERT INTO {table.name} ({names}) VALUES ({marks})", list(rows))


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
        body = tables.encode_json(item.model_dump(exclude_defaults=True))
        digest = sha256(body.encode()).digest()[:16]
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
        _insert_rows(connection, table, ("ref", "run_id", "record_type", "digest", "body"), rows)
        add_points(connection, points)
    return len(rows)


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
