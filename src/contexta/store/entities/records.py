"""Appended records: a metric record is a point of its series, and a form that similar records share."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import islice, repeat
from operator import itemgetter
from typing import Any, TypeVar

from sqlalchemy import Connection, Row, select, update
from sqlalchemy.exc import IntegrityError

from contexta.contract.records import RECORD_TYPES, MetricRecord, Record
from contexta.core.errors import Conflict, DamagedData
from contexta.core.references import StableRef
from contexta.core.validation import from_microseconds, to_microseconds
from contexta.store.entities.models import SCOPE_TABLES
from contexta.store.entities.reference_keys import find_id, parent_id
from contexta.store.entities.series import Points, SeriesKey, add_points, decode_number
from contexta.store.integrity import running_checksums
from contexta.store.integrity.canonical_form import RUN
from contexta.store.integrity.digests import before_change
from contexta.store.schema import tables
from contexta.store.schema.rows import keep_text, text_digest
from contexta.store.schema.statements import insert_rows

_BATCH = 50_000
_NAMES_AT_ONCE = 500  # under the limit of bound variables of every supported database

T = TypeVar("T")

# The fields in which the records of one form differ.
_OWN_OF_ENVELOPE = ("record_ref", "recorded_at", "observed_at")
_OWN_OF_PAYLOAD = ("step", "value")
_ENVELOPE = itemgetter(
    "run_ref",
    "producer_ref",
    "completeness_marker",
    "degradation_marker",
    "correlation_refs",
    *SCOPE_TABLES,
)
_PAYLOAD = itemgetter(
    "metric_key", "value_type", "unit", "aggregation_scope", "subject_ref", "slice_ref", "summary_basis"
)
_OWN_FIELDS = itemgetter("record_ref", "recorded_at", "observed_at")
_OWN_VALUES = itemgetter("step", "value")
COLUMNS = ("run_id", "name", "number", "form_id", "series_id", "point", "recorded_at", "digest", "body")


def append(connection: Connection, records: Iterable[Record]) -> int:
    """Store records and return how many of them were new.

    A reference that is stored with the same content changes nothing. Raises Conflict if the content differs,
    ParentMissing if a parent is not stored; then the caller rolls the transaction back.
    """
    parents = _Parents(connection)
    return sum(_append_batch(connection, batch, parents) for batch in _batches(records, _BATCH))


def list_records(connection: Connection, run_id: int) -> tuple[Record, ...]:
    """The records appended to a run, in order of arrival. The points of a live run are only in its series."""
    run_ref = StableRef.parse(
        connection.execute(select(tables.run.c.ref).where(tables.run.c.id == run_id)).scalar_one()
    )
    rows = connection.execute(_stored().where(tables.record.c.run_id == run_id).order_by(tables.record.c.number))
    return tuple(_decoded(run_ref, row) for row in rows)


def other_records(connection: Connection, run_id: int) -> Iterator[Record]:
    """The records appended to a run except metrics, in order of arrival."""
    record = tables.record
    rows = connection.execute(
        select(record.c.body)
        .where(record.c.run_id == run_id, record.c.form_id.is_(None))
        .order_by(record.c.number)
        .execution_options(yield_per=1_000)
    )
    for row in rows:
        body = tables.decode_json(row.body)
        yield RECORD_TYPES[body["envelope"]["record_type"]].model_validate(body)


# ---------------------------------------------------------------------------------------------- appending


@dataclass
class _Parents:
    """The keys of the parents of the records of one call; each is looked up once."""

    connection: Connection
    keys: dict[StableRef, int] = field(default_factory=dict)

    def require(self, record: Record) -> tuple[int, int | None]:
        """(run id, stage id). Raises ParentMissing unless all references of the envelope are stored."""
        envelope = record.envelope
        run_id = self._key(tables.run, envelope.run_ref, envelope.record_ref)
        keys = {
            name: self._key(table, getattr(envelope, name), envelope.record_ref)
            for name, table in SCOPE_TABLES.items()
            if getattr(envelope, name) is not None
        }
        return run_id, keys.get("stage_execution_ref")

    def _key(self, table: Any, ref: StableRef, child: StableRef) -> int:
        if ref not in self.keys:
            self.keys[ref] = parent_id(self.connection, table.name, ref, child=child)
        return self.keys[ref]


def _append_batch(connection: Connection, batch: list[Record], parents: _Parents) -> int:
    """Insert a batch as if all records were new, as they nearly always are. After an error, leave out stored ones."""
    for run_ref in {item.envelope.run_ref for item in batch}:
        before_change(connection, RUN, find_id(connection, "run", run_ref))
    before = connection.begin_nested()
    try:
        _insert_new(connection, batch, parents)
        before.commit()
        return len(batch)
    except IntegrityError:
        before.rollback()
    new = _new_ones(connection, batch, parents)
    _insert_new(connection, new, parents)
    return len(new)


class _Rows:
    """Rows of ``record`` that have no number yet, column by column, in the order of a batch."""

    def __init__(self, count: int) -> None:
        self.run_ids: list[int] = [0] * count
        self.names: list[str] = [""] * count
        self.form_ids: list[int | None] = [None] * count
        self.series_ids: list[int | None] = [None] * count
        self.points: list[int | None] = [None] * count
        self.recorded_at: list[int | None] = [None] * count
        self.digests: list[bytes | None] = [None] * count
        self.bodies: list[str | None] = [None] * count
        self.contents: list[bytes] = [b""] * count  # digests of the forms of metrics, and of the bodies of others

    def columns(self, places: Sequence[int]) -> list[Sequence[Any]]:
        """All columns but ``run_id`` and ``number``, of the rows at some places; without places, of all rows."""
        own = (self.names, self.form_ids, self.series_ids, self.points, self.recorded_at, self.digests, self.bodies)
        return [_at(places, column) for column in own] if places else list(own)

    def checked(self, places: Sequence[int]) -> list[Sequence[Any]]:
        """The columns of running_checksums.RECORDS, of the same rows."""
        own = (self.names, self.contents, self.points, self.recorded_at)
        return [_at(places, column) for column in own] if places else list(own)


def _at(places: Sequence[int], column: Sequence[T]) -> Sequence[T]:
    return itemgetter(*places)(column) if len(places) > 1 else [column[place] for place in places]


def _insert_new(connection: Connection, batch: list[Record], parents: _Parents) -> None:
    if not batch:
        return
    rows = _Rows(len(batch))
    _place_metrics(connection, batch, parents, rows)
    for place, item in enumerate(batch):
        if type(item) is MetricRecord:
            continue
        rows.run_ids[place], _ = parents.require(item)
        rows.names[place] = item.envelope.record_ref.name
        body = rows.bodies[place] = tables.encode_json(item.model_dump(exclude_defaults=True))
        rows.digests[place] = rows.contents[place] = sha256(body.encode()).digest()[:16]
    _insert_rows_of_runs(connection, rows)


def _place_metrics(connection: Connection, batch: list[Record], parents: _Parents, rows: _Rows) -> None:
    """Add the points of the metrics of a batch, and fill in their rows.

    The fields of a frozen model are its ``__dict__``; reading that, column by column, is many times faster.
    """
    metrics = [(place, item) for place, item in enumerate(batch) if type(item) is MetricRecord]
    envelopes = [item.envelope.__dict__ for _, item in metrics]
    payloads = [item.payload.__dict__ for _, item in metrics]
    refs, recorded, observed = zip(*map(_OWN_FIELDS, envelopes), strict=True) if metrics else ((), (), ())
    steps, values = zip(*map(_OWN_VALUES, payloads), strict=True) if metrics else ((), ())
    points: dict[SeriesKey, Points] = {}
    forms: list[tuple[SeriesKey, int, tuple[int, bytes], list[int], list[int]]] = []
    for places in _of_one_form(envelopes, payloads):
        _, first = metrics[places[0]]
        run_id, stage_id = parents.require(first)
        key = (run_id, stage_id, first.payload.metric_key, first.payload.slice_ref or "")
        of_series = points.setdefault(key, Points())
        offset, texts, later = len(of_series), _at(places, observed), _at(places, recorded)
        moments = _moments(texts)
        of_series.extend(_at(places, steps), moments, _at(places, values))
        forms.append((key, offset, _form(connection, first), places, moments if later == texts else _moments(later)))
    starts = add_points(connection, points)
    for key, offset, (form_id, content), places, recorded_at in forms:
        run_id, (series_id, number) = key[0], starts[key]
        ref = refs[places[0]]
        behind = len(ref) - len(ref.name)
        for point, (series, at) in enumerate(zip(places, recorded_at, strict=True), number + offset):
            place = metrics[series][0]
            rows.run_ids[place], rows.form_ids[place], rows.series_ids[place] = run_id, form_id, series_id
            rows.names[place], rows.points[place], rows.recorded_at[place] = refs[series][behind:], point, at
            rows.contents[place] = content


def _of_one_form(envelopes: Iterable[dict[str, Any]], payloads: list[dict[str, Any]]) -> Iterable[list[int]]:
    """The places of the metrics of each form."""
    forms: dict[tuple[Any, ...], list[int]] = {}
    tags = [tuple(sorted(payload["tags"].items())) if payload["tags"] else None for payload in payloads]
    for place, form in enumerate(zip(map(_ENVELOPE, envelopes), map(_PAYLOAD, payloads), tags, strict=True)):
        places = forms.get(form)
        if places is None:
            forms[form] = [place]
        else:
            places.append(place)
    return forms.values()


def _insert_rows_of_runs(connection: Connection, rows: _Rows) -> None:
    """Number the rows of each run after the stored ones, and continue its checksum."""
    of_runs: dict[int, list[int]] = {run_id: [] for run_id in rows.run_ids}
    for place, run_id in enumerate(rows.run_ids if len(of_runs) > 1 else ()):
        of_runs[run_id].append(place)
    run = tables.run
    for run_id, places in of_runs.items():
        stored = connection.execute(select(run.c.records, run.c.records_check).where(run.c.id == run_id)).one()
        names, *rest = rows.columns(places)
        count, bodies = len(names), rest[-1]
        columns = (repeat(run_id), names, range(stored.records, stored.records + count), *rest)
        width = len(COLUMNS) if any(bodies) else COLUMNS.index("digest")  # metrics have no value in the last columns
        insert_rows(connection, tables.record, COLUMNS[:width], count, zip(*columns[:width], strict=False))
        check = running_checksums.extended(running_checksums.RECORDS, rows.checked(places), stored.records_check)
        connection.execute(
            update(run).where(run.c.id == run_id).values(records=stored.records + count, records_check=check)
        )


def form_of(body: dict[str, Any]) -> str:
    """The form of a metric record, as canonical JSON. body: the complete record."""
    envelope = {name: value for name, value in body["envelope"].items() if name not in _OWN_OF_ENVELOPE}
    payload = {name: value for name, value in body["payload"].items() if name not in _OWN_OF_PAYLOAD}
    return tables.encode_json({"envelope": envelope, "payload": payload})


def _form(connection: Connection, record: Record) -> tuple[int, bytes]:
    """(key, digest) of the form of a metric record. A new form is stored."""
    body = form_of(record.model_dump(exclude_defaults=True))
    return keep_text(connection, tables.record_form, body), text_digest(body)


def _moments(texts: Sequence[str]) -> list[int]:
    """Microseconds since 1970 of canonical timestamps; each second is parsed once."""
    seconds = {text: to_microseconds(f"{text}Z") for text in {text[:19] for text in texts}}
    return [seconds[text[:19]] + (int(text[20:26]) if len(text) > 20 else 0) for text in texts]


def _batches(items: Iterable[T], size: int) -> Iterator[list[T]]:
    iterator = iter(items)
    while batch := list(islice(iterator, size)):
        yield batch


# ---------------------------------------------------------------------------------------------- stored records


def _new_ones(connection: Connection, batch: list[Record], parents: _Parents) -> list[Record]:
    """The records of a batch that are not stored, without duplicates. Raises Conflict if the content differs."""
    names: dict[int, dict[str, StableRef]] = {}
    for item in batch:
        ref = item.envelope.record_ref
        names.setdefault(parents.require(item)[0], {})[ref.name] = ref.run
    stored: dict[StableRef, Record] = {}
    for run_id, of_run in names.items():
        record_names, run_ref = list(of_run), next(iter(of_run.values()))
        for start in range(0, len(record_names), _NAMES_AT_ONCE):
            some = tables.record.c.name.in_(record_names[start : start + _NAMES_AT_ONCE])
            for row in connection.execute(_stored().where(tables.record.c.run_id == run_id, some)):
                stored[run_ref.child("record", row.name)] = _decoded(run_ref, row)
    new = []
    for item in batch:
        ref = item.envelope.record_ref
        if ref not in stored:
            stored[ref] = item
            new.append(item)
        elif _content(stored[ref]) != _content(item):
            raise Conflict(
                f"{ref} was appended before with other content",
                hint="a record is never rewritten: append the new one under a new reference",
            )
    return new


def _content(record: Record) -> str:
    """The content of a record as text. The values 1 and 1.0 are equal, because JSON does not tell them apart."""
    dumped = record.model_dump(exclude_defaults=True)
    if isinstance(record, MetricRecord):
        value = record.payload.value
        if type(value) is float and value.is_integer() and repr(value) != "-0.0":
            dumped["payload"]["value"] = int(value)
    return tables.encode_json(dumped)


def _stored() -> Any:
    record, form, point = tables.record, tables.record_form, tables.metric_point
    return (
        select(
            *record.c["name", "recorded_at", "body"],
            form.c.body.label("form"),
            *point.c["step", "observed_at", "value", "exact"],
        )
        .outerjoin_from(record, form, form.c.id == record.c.form_id)
        .outerjoin(point, (point.c.series_id == record.c.series_id) & (point.c.number == record.c.point))
    )


def _decoded(run_ref: StableRef, row: Row[Any]) -> Record:
    if row.form is None:
        body = tables.decode_json(row.body)
        return RECORD_TYPES[body["envelope"]["record_type"]].model_validate(body)
    if row.observed_at is None:
        raise DamagedData(
            f"the point of record {row.name} of {run_ref} is missing", hint="restore the workspace from a backup"
        )
    body = tables.decode_json(row.form)
    own = (run_ref.child("record", row.name), from_microseconds(row.recorded_at), from_microseconds(row.observed_at))
    body["envelope"].update(zip(_OWN_OF_ENVELOPE, own, strict=True))
    body["payload"].update(step=row.step, value=decode_number(row.value, row.exact))
    return MetricRecord.model_validate(body)
