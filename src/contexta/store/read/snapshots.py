"""What lies below a run: as much of it as was asked for, each kind by its index."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any, NamedTuple, TypeVar

from sqlalchemy import Connection, Table, func, or_, select

from contexta.contract import (
    DegradedRecord,
    DeploymentExecution,
    MetricRecord,
    Record,
    StableRef,
    StructuredEventRecord,
    TraceSpanRecord,
)
from contexta.core.errors import NotFound, shown
from contexta.core.model import Value
from contexta.core.validation import from_microseconds, to_microseconds
from contexta.findings import RunSnapshot, SnapshotRecord
from contexta.store.entities import metadata, records
from contexta.store.entities.metadata import StoredModel
from contexta.store.entities.series import decode_number
from contexta.store.schema import tables

V = TypeVar("V", bound=Value)
_MOST_ISSUES = 1_000

_AFTER_EVERY_NAME = ".\x7f"  # sorts behind everything that can follow a dot in a reference
_BELOW = (metadata.BATCH, metadata.SAMPLE, metadata.ARTIFACT)


class Marked(NamedTuple):
    """Metric records of one key whose author marked them as less than whole."""

    metric_key: str
    completeness: str
    degradation: str
    stage_ref: StableRef | None
    amount: int


def snapshot(connection: Connection, run_ref: StableRef, run_id: int, most: int) -> RunSnapshot:
    """At most ``most`` of each kind, and of records in all; the notes count what there was no room for."""
    of_run = (tables.run, run_ref)
    below = {kind.table.name: metadata.list_all(connection, kind, of_run, limit=most) for kind in _BELOW}
    held = _records(connection, run_id, most)
    counts = [(table, amount, len(below[table])) for table, amount in _amounts(connection, run_id)]
    counts.append(("record", _record_count(connection, run_id), len(held)))
    return RunSnapshot(
        run=metadata.get(connection, metadata.RUN, run_ref),
        stages=metadata.list_all(connection, metadata.STAGE, of_run),
        batches=below["batch"],
        samples=below["sample"],
        deployments=deployments_of(connection, run_ref, run_id),
        artifacts=below["artifact"],
        records=held,
        completeness_notes=tuple(_notes(connection, run_ref, run_id, counts)),
    )


def deployments_of(connection: Connection, run_ref: StableRef, run_id: int) -> tuple[DeploymentExecution, ...]:
    """Those that name the run, or an artifact or an environment of it."""
    table = tables.deployment
    project_id = metadata.require_id(connection, tables.project, run_ref.project)
    named = [table.c.run_id == run_id]
    for column, kind in ((table.c.artifact_ref, "artifact"), (table.c.environment_snapshot_ref, "environment")):
        begin = f"{kind}:{run_ref.value}"
        named.append((column > begin + ".") & (column < begin + _AFTER_EVERY_NAME))
    return metadata.list_all(connection, metadata.DEPLOYMENT, where=[table.c.project_id == project_id, or_(*named)])


def below(
    connection: Connection, kind: StoredModel[V], run_ref: StableRef, stage_name: str | None, limit: int | None
) -> tuple[V, ...]:
    """The batches or samples of a run, or those of its stages of one name. Raises NotFound where no stage has it."""
    of_run, where = (tables.run, run_ref), []
    if stage_name is not None:
        stage = tables.stage
        run_id = metadata.require_id(connection, tables.run, run_ref)
        ids = connection.execute(select(stage.c.id).where(stage.c.run_id == run_id, stage.c.stage_name == stage_name))
        stages = ids.scalars().all()
        if not stages:
            raise NotFound(f"{run_ref} has no stage {shown(stage_name)}", hint=f"`contexta show {run_ref.name}`")
        where = [kind.table.c.stage_id.in_(stages)]
    return metadata.list_all(connection, kind, of_run, where=where, limit=limit)


def evidence(connection: Connection, run_ref: StableRef, run_id: int) -> dict[str, Any]:
    """What a diagnosis is made of besides the run's own details, under the names it has there."""
    of_run, batch = (tables.run, run_ref), tables.batch
    not_done = [batch.c.status != "completed"]
    batches = metadata.list_all(connection, metadata.BATCH, of_run, where=not_done, limit=_MOST_ISSUES)
    records_ = degraded(connection, run_id, _MOST_ISSUES)
    listed = (("batches", batches), ("degraded records", records_))
    return {
        "stages": metadata.list_all(connection, metadata.STAGE, of_run),
        "batches": batches,
        "deployments": deployments_of(connection, run_ref, run_id),
        "degraded": records_,
        "incomplete": [(_words(marking), marking.stage_ref) for marking in marked(connection, run_id)],
        "notes": [
            f"only the first {_MOST_ISSUES} {name} are here" for name, found in listed if len(found) == _MOST_ISSUES
        ],
    }


def _words(marking: Marked) -> str:
    return (
        f"{marking.amount} record{'s' * (marking.amount != 1)} of {marking.metric_key}: completeness "
        f"{marking.completeness}, degradation {marking.degradation}"
    )


def degraded(connection: Connection, run_id: int, most: int) -> tuple[DegradedRecord, ...]:
    """The first degraded records of a run; reads past what it appended besides metrics."""
    found = (record for record in records.said(connection, run_id) if isinstance(record, DegradedRecord))
    return tuple(islice(found, most))


def marked(connection: Connection, run_id: int) -> tuple[Marked, ...]:
    """Metric records that are marked as incomplete or degraded, counted. Costs a walk over the run's records, none of
    which is read."""
    record, form = tables.record, tables.record_form
    counted = (
        select(record.c.form_id, func.count().label("amount"))
        .where(record.c.run_id == run_id, record.c.form_id.is_not(None))
        .group_by(record.c.form_id)
        .subquery()
    )
    rows = connection.execute(
        select(form.c.body, counted.c.amount)
        .join_from(counted, form, form.c.id == counted.c.form_id)
        .where(form.c.body.contains('_marker":"'))  # markers that say nothing unusual are not written down
        .order_by(form.c.id)
    )
    return tuple(marking for row in rows if (marking := _marking(tables.decode_json(row.body), row.amount)) is not None)


def _marking(form: dict[str, Any], amount: int) -> Marked | None:
    envelope = form["envelope"]
    markers = envelope.get("completeness_marker", "complete"), envelope.get("degradation_marker", "none")
    stage = envelope.get("stage_execution_ref")
    if markers == ("complete", "none"):
        return None
    return Marked(form["payload"]["metric_key"], *markers, StableRef.parse(stage) if stage else None, amount)


# ---------------------------------------------------------------------------------------------- records


def _records(connection: Connection, run_id: int, most: int) -> tuple[SnapshotRecord, ...]:
    """What was said comes first to the room there is: it is little, and a measurement is one of many."""
    said = tuple(islice(records.said(connection, run_id), most))
    return (*_points(connection, run_id, most - len(said)), *map(_told, said))


def _points(connection: Connection, run_id: int, most: int) -> Iterator[SnapshotRecord]:
    """Of each series its last points, the room shared evenly: read from the end, by key."""
    series, stage = tables.metric_series, tables.stage
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
    shares = _shares([row.points for row in rows], most)
    names = _names(connection, run_id) if sum(shares) == sum(row.points for row in rows) else {}
    run_ref = StableRef.parse(
        connection.execute(select(tables.run.c.ref).where(tables.run.c.id == run_id)).scalar_one()
    )
    for row, share in zip(rows, shares, strict=True):
        point = tables.metric_point
        last = connection.execute(
            select(point)
            .where(point.c.series_id == row.id, point.c.number >= row.points - share)
            .order_by(point.c.number)
        )
        for each in last:
            name = names.get((row.id, each.number))
            yield SnapshotRecord(
                record_type="metric",
                key=row.metric_key,
                value=decode_number(each.value, each.exact),
                stage_id=row.stage_ref,
                observed_at=from_microseconds(each.observed_at),
                step=each.step,
                slice_ref=row.slice_ref or None,
                record_ref=run_ref.child("record", name) if name else None,
            )


def _shares(points: Sequence[int], most: int) -> list[int]:
    """How many points of each series there is room for: the short ones whole, the rest evenly."""
    shares, left = [0] * len(points), max(most, 0)
    for done, place in enumerate(sorted(range(len(points)), key=points.__getitem__)):
        shares[place] = min(points[place], left // (len(points) - done))
        left -= shares[place]
    return shares


def _names(connection: Connection, run_id: int) -> dict[tuple[int, int], str]:
    """(series, point) -> the name of the record that brought it."""
    record = tables.record
    rows = connection.execute(
        select(record.c.series_id, record.c.point, record.c.name).where(
            record.c.run_id == run_id, record.c.form_id.is_not(None)
        )
    )
    return {(row.series_id, row.point): row.name for row in rows}


def _told(record: Record) -> SnapshotRecord:
    envelope = record.envelope
    common = {
        "record_type": envelope.record_type,
        "stage_id": envelope.stage_execution_ref,
        "observed_at": envelope.observed_at,
        "record_ref": envelope.record_ref,
    }
    return SnapshotRecord(**common, **_content(record))


def _content(record: Record) -> dict[str, Any]:
    if isinstance(record, StructuredEventRecord):
        event = record.payload
        return {"key": event.event_key, "value": event.message, "detail": event.level}
    if isinstance(record, TraceSpanRecord):
        span = record.payload
        seconds = (to_microseconds(span.ended_at) - to_microseconds(span.started_at)) / 1e6
        return {"key": span.span_name, "value": seconds, "detail": f"{span.span_kind}, {span.status}"}
    if isinstance(record, DegradedRecord):
        issue = record.payload
        return {"key": issue.issue_key, "value": issue.summary, "detail": f"{issue.severity}, {issue.category}"}
    assert isinstance(record, MetricRecord)  # records.said() leaves them out
    return {"key": record.payload.metric_key, "value": record.payload.value, "step": record.payload.step}


# ---------------------------------------------------------------------------------------------- notes


def _amounts(connection: Connection, run_id: int) -> Iterator[tuple[str, int]]:
    for kind in _BELOW:
        yield kind.table.name, _count(connection, kind.table, run_id)


def _count(connection: Connection, table: Table, run_id: int) -> int:
    statement = select(func.count()).select_from(table).where(table.c.run_id == run_id)
    return int(connection.execute(statement).scalar_one())


def _record_count(connection: Connection, run_id: int) -> int:
    series, record = tables.metric_series, tables.record
    points = connection.execute(select(func.sum(series.c.points)).where(series.c.run_id == run_id)).scalar()
    said = select(func.count()).select_from(record).where(record.c.run_id == run_id, record.c.form_id.is_(None))
    return int(points or 0) + int(connection.execute(said).scalar_one())


def _notes(
    connection: Connection, run_ref: StableRef, run_id: int, counts: Sequence[tuple[str, int, int]]
) -> Iterator[str]:
    for name, there, here in counts:
        if here < there:
            yield f"{here} of {there} {name}s are here; ask for more with max_records"
    run, environment, note = tables.run, tables.environment, tables.note
    status = connection.execute(select(run.c.status).where(run.c.id == run_id)).scalar_one()
    if status == "open":
        yield f"{run_ref} is still open: more may follow"
    if not _count(connection, environment, run_id):
        yield f"{run_ref} has no environment snapshot"
    for marking in marked(connection, run_id):
        yield _words(marking)
    for row in connection.execute(select(note.c.topic, note.c.text).where(note.c.run_id == run_id).order_by(note.c.id)):
        yield f"{row.topic}: {row.text}"
