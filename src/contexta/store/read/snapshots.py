"""Read everything below a run: its parts, its records, and notes about what is missing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any, NamedTuple, TypeVar

from sqlalchemy import Connection, Table, func, or_, select

from contexta.contract import DegradedRecord, DeploymentExecution, ProvenanceRecord, StableRef
from contexta.core.errors import NotFound, shown
from contexta.core.model import Value
from contexta.findings import CompletenessNote, RunSnapshot
from contexta.store.entities import models, records
from contexta.store.entities.models import StoredModel
from contexta.store.entities.reference_keys import require_id
from contexta.store.read.snapshot_records import snapshot_records
from contexta.store.schema import tables

V = TypeVar("V", bound=Value)
_MOST_ISSUES = 1_000

_AFTER_EVERY_NAME = ".\x7f"  # sorts after every text that can follow a dot in a reference
_BELOW = (
    models.BATCH,
    models.SAMPLE,
    models.OPERATION,
    models.ARTIFACT,
    models.RELATION,
)


class Marked(NamedTuple):
    """The metric records of one key with one marking as incomplete or degraded."""

    metric_key: str
    completeness: str
    degradation: str
    stage_ref: StableRef | None
    amount: int


def snapshot(connection: Connection, run_ref: StableRef, run_id: int, limit: int | None) -> RunSnapshot:
    """Everything below a run.

    limit: of each kind of part, and of all records together; the notes count the rest. None: no limit.
    """
    of_run = (tables.run, run_ref)
    below = {kind.table.name: models.list_all(connection, kind, of_run, limit=limit) for kind in _BELOW}
    records = snapshot_records(connection, run_ref, run_id, limit)
    counts = [(table, amount, len(below[table])) for table, amount in _amounts(connection, run_id)]
    counts.append(("record", _record_count(connection, run_id), len(records)))
    return RunSnapshot(
        run=models.get(connection, models.RUN, run_ref),
        stages=models.list_all(connection, models.STAGE, of_run),
        batches=below["batch"],
        samples=below["sample"],
        operations=below["operation"],
        deployments=deployments_of(connection, run_ref, run_id),
        artifacts=below["artifact"],
        relations=below["relation"],
        provenance=_provenance(connection, run_id),
        records=records,
        completeness_notes=tuple(_notes(connection, run_ref, run_id, counts)),
    )


def _provenance(connection: Connection, run_id: int) -> tuple[ProvenanceRecord, ...]:
    edges = select(tables.relation.c.id).where(tables.relation.c.run_id == run_id)
    return models.list_all(connection, models.PROVENANCE, where=[tables.provenance.c.relation_id.in_(edges)])


def deployments_of(connection: Connection, run_ref: StableRef, run_id: int) -> tuple[DeploymentExecution, ...]:
    """The deployments that name a run, or an artifact or environment of it."""
    table = tables.deployment
    project_id = require_id(connection, "project", run_ref.project)
    named = [table.c.run_id == run_id]
    for column, kind in ((table.c.artifact_ref, "artifact"), (table.c.environment_snapshot_ref, "environment")):
        begin = f"{kind}:{run_ref.value}"
        named.append((column > begin + ".") & (column < begin + _AFTER_EVERY_NAME))
    return models.list_all(connection, models.DEPLOYMENT, where=[table.c.project_id == project_id, or_(*named)])


def below(
    connection: Connection, kind: StoredModel[V], run_ref: StableRef, stage_name: str | None, limit: int | None
) -> tuple[V, ...]:
    """The batches or samples of a run, or of its stages of one name. Raises NotFound for an unknown stage."""
    of_run, where = (tables.run, run_ref), []
    if stage_name is not None:
        stage = tables.stage
        run_id = require_id(connection, "run", run_ref)
        ids = connection.execute(select(stage.c.id).where(stage.c.run_id == run_id, stage.c.stage_name == stage_name))
        stages = ids.scalars().all()
        if not stages:
            raise NotFound(f"{run_ref} has no stage {shown(stage_name)}", hint=f"`contexta show {run_ref.name}`")
        where = [kind.table.c.stage_id.in_(stages)]
    return models.list_all(connection, kind, of_run, where=where, limit=limit)


def evidence(connection: Connection, run_ref: StableRef, run_id: int) -> dict[str, Any]:
    """The arguments of ``diagnose`` besides the details of the run."""
    of_run, batch = (tables.run, run_ref), tables.batch
    not_done = [batch.c.status != "completed"]
    batches = models.list_all(connection, models.BATCH, of_run, where=not_done, limit=_MOST_ISSUES)
    records_ = degraded(connection, run_id, _MOST_ISSUES)
    listed = (("batches", batches), ("degraded records", records_))
    return {
        "stages": models.list_all(connection, models.STAGE, of_run),
        "batches": batches,
        "deployments": deployments_of(connection, run_ref, run_id),
        "degraded": records_,
        "incomplete": [(_words(marking), marking.stage_ref) for marking in marked(connection, run_id)],
        "notes": [
            f"only the first {_MOST_ISSUES} {name} are here" for name, items in listed if len(items) == _MOST_ISSUES
        ],
    }


def _words(marking: Marked) -> str:
    return (
        f"{marking.amount} record{'s' * (marking.amount != 1)} of {marking.metric_key}: completeness "
        f"{marking.completeness}, degradation {marking.degradation}"
    )


def degraded(connection: Connection, run_id: int, most: int) -> tuple[DegradedRecord, ...]:
    """The first degraded records of a run. Reads all appended records except metrics."""
    degraded_records = (
        record for record in records.other_records(connection, run_id) if isinstance(record, DegradedRecord)
    )
    return tuple(islice(degraded_records, most))


def marked(connection: Connection, run_id: int) -> tuple[Marked, ...]:
    """The number of metric records of each marking as incomplete or degraded. Counts without reading the records."""
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
        .where(form.c.body.contains('_marker":"'))  # default markers are not stored
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
    others = select(func.count()).select_from(record).where(record.c.run_id == run_id, record.c.form_id.is_(None))
    return int(points or 0) + int(connection.execute(others).scalar_one())


def _notes(
    connection: Connection, run_ref: StableRef, run_id: int, counts: Sequence[tuple[str, int, int]]
) -> Iterator[CompletenessNote]:
    for name, stored, shown_count in counts:
        if shown_count < stored:
            text = f"{shown_count} of {stored} {name}s are here; ask for more with max_records"
            yield CompletenessNote(text, details={"shown": shown_count, "stored": stored})
    run, environment, note = tables.run, tables.environment, tables.note
    status = connection.execute(select(run.c.status).where(run.c.id == run_id)).scalar_one()
    if status == "open":
        yield CompletenessNote(f"{run_ref} is still open, so more records may follow", "info")
    if not _count(connection, environment, run_id):
        yield CompletenessNote(f"{run_ref} has no environment snapshot")
    for marking in marked(connection, run_id):
        yield CompletenessNote(_words(marking))
    for row in connection.execute(select(note.c.topic, note.c.text).where(note.c.run_id == run_id).order_by(note.c.id)):
        yield CompletenessNote(f"{row.topic}: {row.text}", details={"topic": row.topic, "text": row.text})
