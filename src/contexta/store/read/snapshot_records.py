"""Read the records of a run: points of metrics, events, spans and degradations."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, NamedTuple

from sqlalchemy import Connection, select

from contexta.contract import DegradedRecord, MetricPayload, Record, StableRef, StructuredEventRecord, TraceSpanRecord
from contexta.contract.fields import FrozenDict, frozen
from contexta.core.validation import from_microseconds, to_microseconds
from contexta.findings import SnapshotRecord
from contexta.store.entities import records
from contexta.store.entities.series import decode_number
from contexta.store.schema import tables
from contexta.store.schema.statements import no_garbage_collection

_PRODUCER = "contexta"  # of a point that a live run logged without more than its value
_MOST_FORMS = 500  # under the limit of bound variables of every supported database


_DEFAULTS = {
    name: field.get_default(call_default_factory=True)
    for name, field in MetricPayload.model_fields.items()
    if not field.is_required()
}


class _Origin(NamedTuple):
    """The appended record of a point."""

    name: str
    form_id: int


class _Form(NamedTuple):
    """Everything that records of one metric share. scope: of ``_scope``."""

    scope: Mapping[str, Any]
    payload: Mapping[str, Any]


def snapshot_records(
    connection: Connection, run_ref: StableRef, run_id: int, limit: int | None
) -> tuple[SnapshotRecord, ...]:
    """The records of a run. With a limit the few records other than metrics come first, then the last points."""
    with no_garbage_collection():
        others = tuple(islice(records.other_records(connection, run_id), limit))
        rest = None if limit is None else limit - len(others)
        return (*_points(connection, run_ref, run_id, rest), *map(_other, others))


def events(connection: Connection, run_id: int, limit: int) -> tuple[tuple[SnapshotRecord, ...], int]:
    """(the last ``limit`` events and degradations of a run, in order of arrival; how many it has)."""
    last: deque[Record] = deque(maxlen=limit)
    count = 0
    for record in records.other_records(connection, run_id):
        if isinstance(record, (StructuredEventRecord, DegradedRecord)):
            last.append(record)
            count += 1
    return tuple(map(_other, last)), count


# ---------------------------------------------------------------------------------------------- points


def _points(connection: Connection, run_ref: StableRef, run_id: int, limit: int | None) -> Iterator[SnapshotRecord]:
    """The points of all series, or the last ones of each, so that they are ``limit`` together."""
    series, stage, point = tables.metric_series, tables.stage, tables.metric_point
    rows = connection.execute(
        select(series.c.id, series.c.metric_key, series.c.slice_ref, series.c.points, stage.c.ref.label("stage_ref"))
        .outerjoin_from(series, stage, stage.c.id == series.c.stage_id)
        .where(series.c.run_id == run_id, series.c.points > 0)
        .order_by(
            stage.c.id.is_not(None),
            stage.c.order_index.is_(None),
            stage.c.order_index,
            stage.c.id,
            series.c.metric_key,
            series.c.slice_ref,
        )
    ).all()
    shares = _shares([row.points for row in rows], limit)
    origins = _origins(connection, run_id, max(shares, default=0))
    forms = _forms(connection, {origin.form_id for origin in origins.values()})
    live = _Form(_scope({"producer_ref": _PRODUCER}), _DEFAULTS)
    for row, share in zip(rows, shares, strict=True):
        points = connection.execute(
            select(point)
            .where(point.c.series_id == row.id, point.c.number >= row.points - share)
            .order_by(point.c.number)
        )
        stage_ref = None if row.stage_ref is None else StableRef.parse(row.stage_ref)
        for point_row in points:
            origin = origins.get((row.id, point_row.number))
            form = live if origin is None else forms[origin.form_id]
            value = decode_number(point_row.value, point_row.exact)
            payload = {**form.payload, "metric_key": row.metric_key, "value": value, "step": point_row.step}
            if origin is None:
                payload |= {"value_type": _type_of(value), "slice_ref": row.slice_ref or None}
            yield SnapshotRecord.model_construct(
                record_type="metric",
                key=row.metric_key,
                value=value,
                observed_at=from_microseconds(point_row.observed_at),
                step=point_row.step,
                slice_ref=row.slice_ref or None,
                record_ref=None if origin is None else run_ref.child("record", origin.name),
                run_ref=run_ref,
                stage_id=stage_ref,
                payload=FrozenDict(payload),
                **form.scope,
            )


def _shares(points: Sequence[int], limit: int | None) -> list[int]:
    """How many points of each series are read: short series completely, the others evenly."""
    if limit is None:
        return list(points)
    shares, left = [0] * len(points), max(limit, 0)
    for done, place in enumerate(sorted(range(len(points)), key=points.__getitem__)):
        shares[place] = min(points[place], left // (len(points) - done))
        left -= shares[place]
    return shares


def _origins(connection: Connection, run_id: int, last: int) -> dict[tuple[int, int], _Origin]:
    """(series, point) -> its appended record, for the ``last`` points of each series of a run."""
    record, series = tables.record, tables.metric_series
    rows = connection.execute(
        select(record.c.series_id, record.c.point, record.c.name, record.c.form_id)
        .join_from(record, series, series.c.id == record.c.series_id)
        .where(record.c.run_id == run_id, record.c.form_id.is_not(None), record.c.point >= series.c.points - last)
    )
    return {(row.series_id, row.point): _Origin(row.name, row.form_id) for row in rows}


def _forms(connection: Connection, form_ids: set[int]) -> dict[int, _Form]:
    form, ids = tables.record_form, sorted(form_ids)
    forms = {}
    for start in range(0, len(ids), _MOST_FORMS):
        some = select(form.c.id, form.c.body).where(form.c.id.in_(ids[start : start + _MOST_FORMS]))
        for row in connection.execute(some):
            body = frozen(tables.decode_json(row.body))
            forms[row.id] = _Form(_scope(body["envelope"]), {**_DEFAULTS, **body["payload"]})
    return forms


def _type_of(value: float) -> str:
    return "int64" if isinstance(value, int) else "float64"


def _scope(envelope: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a snapshot's record that come from an envelope; its defaults may be missing."""
    fields = {
        "batch_id": envelope.get("batch_execution_ref"),
        "sample_id": envelope.get("sample_observation_ref"),
        "operation_id": envelope.get("operation_context_ref"),
        "deployment_id": envelope.get("deployment_execution_ref"),
    }
    return {
        **{name: None if ref is None else StableRef.parse(ref) for name, ref in fields.items()},
        "producer_ref": envelope["producer_ref"],
        "completeness_marker": envelope.get("completeness_marker", "complete"),
        "degradation_marker": envelope.get("degradation_marker", "none"),
    }


# ---------------------------------------------------------------------------------------------- other records


def _other(record: Record) -> SnapshotRecord:
    """An event, a span or a degradation."""
    envelope = record.envelope
    key, value = _content(record)
    return SnapshotRecord.model_construct(
        record_type=envelope.record_type,
        key=key,
        value=value,
        observed_at=envelope.observed_at,
        step=None,
        slice_ref=None,
        record_ref=envelope.record_ref,
        run_ref=envelope.run_ref,
        stage_id=envelope.stage_execution_ref,
        payload=frozen(record.payload.model_dump()),
        **_scope(vars(envelope)),
    )


def _content(record: Record) -> tuple[str, float | str]:
    """(key, value)."""
    if isinstance(record, StructuredEventRecord):
        return record.payload.event_key, record.payload.message
    if isinstance(record, TraceSpanRecord):
        span = record.payload
        return span.span_name, (to_microseconds(span.ended_at) - to_microseconds(span.started_at)) / 1e6
    assert isinstance(record, DegradedRecord)  # metrics have points instead
    return record.payload.issue_key, record.payload.summary
