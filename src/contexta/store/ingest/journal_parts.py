"""Apply batches, samples, operations, deployments, events and spans of a journal, and metrics of such parts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import Any

from sqlalchemy import Connection, update

from contexta.contract import (
    DeploymentExecution,
    MetricPayload,
    MetricRecord,
    Record,
    RecordEnvelope,
    StructuredEventPayload,
    StructuredEventRecord,
    TraceSpanPayload,
    TraceSpanRecord,
)
from contexta.core.references import StableRef
from contexta.core.validation import from_microseconds
from contexta.recorder.parts.deployments import deployment_ref
from contexta.store.entities import artifacts, models, records
from contexta.store.entities.environments import began_with
from contexta.store.entities.reference_keys import require_id
from contexta.store.schema import tables
from contexta.store.schema.rows import insert_missing

_PRODUCER = "contexta"

StageKey = Callable[[str, int], int]
"""(component of a stage, time) -> its key; creates a stage whose beginning was lost."""


class PartCollector:
    """The parts and records of one portion of a journal. Records are written in ``finish``, after their parts."""

    def __init__(self, connection: Connection, journal: str, stage_key: StageKey) -> None:
        """journal: the name of the file. With the number of a line it names a record, so that reading a line again
        changes nothing."""
        self._connection = connection
        self._journal = sha256(journal.encode()).hexdigest()[:12]
        self._stage_key = stage_key
        self._records: list[Record] = []
        self._stored: set[StableRef] = set()

    @property
    def metrics(self) -> int:
        """The number of measurements that ``finish`` will write."""
        return sum(isinstance(record, MetricRecord) for record in self._records)

    def add(self, run_id: int, run_ref: StableRef, environment_id: int | None, line: Mapping[str, Any]) -> None:
        """Apply one line. environment_id: of its process. Raises InvalidInput, KeyError or ValueError for an invalid
        line."""
        kind = line["t"]
        if kind in _RECORDS:
            self._add_record(run_id, run_ref, line)
        elif kind == "batch-end":
            self._end_batch(run_id, run_ref, line)
        elif kind == "deployment":
            self._add_deployment(run_id, run_ref, environment_id, line)
        elif kind == "deployment-status":
            self._set_deployment_status(run_ref, line)
        else:
            self._add_part(run_id, run_ref, line)

    def finish(self) -> None:
        """Write the records."""
        if self._records:
            records.append(self._connection, self._records)

    # ------------------------------------------------------------------------------------------ parts

    def _add_part(self, run_id: int, run_ref: StableRef, line: Mapping[str, Any]) -> None:
        """The beginning of a batch, or a sample or an operation."""
        kind = "op" if line["t"] == "operation" else line["t"]
        scope = {**line, {"batch": "b", "sample": "m", "op": "o"}[kind]: line["part"]}
        self._put_part(run_id, _ref_of(kind, run_ref, scope), line, line["name"])

    def _end_batch(self, run_id: int, run_ref: StableRef, line: Mapping[str, Any]) -> None:
        ref = _ref_of("batch", run_ref, line)
        self._require_part(run_id, ref, line)
        ended = {"status": line["status"], "ended_at": from_microseconds(line["at"])}
        self._connection.execute(update(tables.batch).where(tables.batch.c.ref == ref).values(ended))

    def _require_part(self, run_id: int, ref: StableRef, line: Mapping[str, Any]) -> None:
        """Create a part whose beginning was lost, under the name in its reference."""
        if ref not in self._stored:
            self._put_part(run_id, ref, line, ref.name)

    def _put_part(self, run_id: int, ref: StableRef, line: Mapping[str, Any], name: str) -> None:
        at = from_microseconds(line["at"])
        row: dict[str, Any] = {"ref": ref, "run_id": run_id, "stage_id": self._stage_key(line["g"], line["at"])}
        if ref.kind == "batch":
            table = tables.batch
            row |= {"batch_name": name, "status": "open", "started_at": at, "ended_at": None}
            row["order_index"] = line.get("order")
        else:
            table = tables.sample if ref.kind == "sample" else tables.operation
            row[f"{table.name}_name"] = name
            row["observed_at"] = at
            row["batch_id"] = self._batch_id(run_id, ref, line)
            if ref.kind == "sample":
                row |= {name: line.get(name) for name in ("retention_class", "redaction_profile")}
        insert_missing(self._connection, table, [row])
        self._stored.add(ref)

    def _batch_id(self, run_id: int, ref: StableRef, line: Mapping[str, Any]) -> int | None:
        if len(ref.components) < 5:
            return None
        batch = StableRef("batch", ".".join(ref.components[:4]))
        self._require_part(run_id, batch, line)
        return require_id(self._connection, "batch", batch)

    # ------------------------------------------------------------------------------------------ deployments

    def _add_deployment(
        self, run_id: int, run_ref: StableRef, environment_id: int | None, line: Mapping[str, Any]
    ) -> None:
        at = from_microseconds(line["at"])
        environment = None if environment_id is None else began_with(self._connection, environment_id)[0]
        value = DeploymentExecution(
            deployment_execution_ref=deployment_ref(run_ref, line["part"]),
            project_ref=run_ref.project,
            deployment_name=line["name"],
            status=line["status"],
            started_at=at,
            ended_at=None if line["status"] == "open" else at,
            run_ref=run_ref,
            artifact_ref=self._artifact(run_id, line["artifact"]) if "artifact" in line else None,
            environment_snapshot_ref=environment,
        )
        models.put(self._connection, models.DEPLOYMENT, value)

    def _set_deployment_status(self, run_ref: StableRef, line: Mapping[str, Any]) -> None:
        ref = deployment_ref(run_ref, line["part"])
        before = models.get(self._connection, models.DEPLOYMENT, ref)
        ended_at = None if line["status"] == "open" else from_microseconds(line["at"])
        after = before.model_copy(update={"status": line["status"], "ended_at": ended_at})
        models.put(self._connection, models.DEPLOYMENT, after)

    def _artifact(self, run_id: int, name: str) -> StableRef:
        """The latest artifact of a name in the run. A text that is a reference is one."""
        if name.startswith("artifact:"):
            return StableRef.parse(name)
        recorded = artifacts.of_run(self._connection, run_id)
        refs = [artifact.artifact_ref for artifact in recorded if artifact.name == name]
        if not refs:
            raise ValueError(f"the run has no artifact {name!r}")
        return refs[-1]

    # ------------------------------------------------------------------------------------------ records

    def _add_record(self, run_id: int, run_ref: StableRef, line: Mapping[str, Any]) -> None:
        """An event, a span, or a measurement with a unit or below a stage. Raises InvalidInput, KeyError."""
        scope = self._scope(run_id, run_ref, line)
        at = from_microseconds(line["at"])
        envelope = RecordEnvelope(
            record_ref=run_ref.child("record", f"{self._journal}-{line['s']}"),
            record_type="metric" if line["t"] == "point" else line["t"],
            recorded_at=at,
            observed_at=at,
            producer_ref=_PRODUCER,
            run_ref=run_ref,
            **scope,
        )
        self._records.append(_RECORDS[line["t"]](envelope, line))

    def _scope(self, run_id: int, run_ref: StableRef, line: Mapping[str, Any]) -> dict[str, StableRef]:
        scope = {}
        if "g" in line:
            self._stage_key(line["g"], line["at"])
            scope["stage_execution_ref"] = run_ref.child("stage", line["g"])
        for key, kind, field in (
            ("b", "batch", "batch_execution_ref"),
            ("m", "sample", "sample_observation_ref"),
            ("o", "op", "operation_context_ref"),
        ):
            if key in line:
                scope[field] = _ref_of(kind, run_ref, line)
                self._require_part(run_id, scope[field], line)
        return scope


def _ref_of(kind: str, run_ref: StableRef, scope: Mapping[str, Any]) -> StableRef:
    """The reference of the batch, sample or operation in a scope."""
    names = {"batch": ("g", "b"), "sample": ("g", "b", "m"), "op": ("g", "b", "o")}[kind]
    return StableRef(kind, ".".join([run_ref.value, *(scope[name] for name in names if name in scope)]))


def _metric(envelope: RecordEnvelope, line: Mapping[str, Any]) -> MetricRecord:
    value = line["x"]
    payload = MetricPayload(
        metric_key=line["k"],
        value=value,
        value_type="int64" if isinstance(value, int) else "float64",
        unit=line.get("u"),
        step=line.get("i"),
        slice_ref=f"rank-{line['r']}" if line.get("r") else None,
    )
    return MetricRecord(envelope=envelope, payload=payload)


def _event(envelope: RecordEnvelope, line: Mapping[str, Any]) -> StructuredEventRecord:
    payload = StructuredEventPayload(
        event_key=line["k"], level=line["level"], message=line["message"], attributes=line.get("attributes", {})
    )
    return StructuredEventRecord(envelope=envelope, payload=payload)


def _span(envelope: RecordEnvelope, line: Mapping[str, Any]) -> TraceSpanRecord:
    payload = TraceSpanPayload(
        span_id=line["span_id"],
        trace_id=line["trace_id"],
        parent_span_id=line.get("parent"),
        span_name=line["name"],
        started_at=from_microseconds(min(line["started"], line["at"])),
        ended_at=from_microseconds(line["at"]),
        status=line["status"],
        span_kind=line["kind"],
        attributes=line.get("attributes", {}),
    )
    return TraceSpanRecord(envelope=envelope, payload=payload)


_RECORDS: Mapping[str, Callable[[RecordEnvelope, Mapping[str, Any]], Record]] = {
    "point": _metric,
    "event": _event,
    "span": _span,
}
PARTS = (*_RECORDS, "batch", "batch-end", "sample", "operation", "deployment", "deployment-status")
"""The types of lines that a collector applies."""
