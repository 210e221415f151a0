"""The collections behind ``ctx.metadata_store`` and ``ctx.record_store``.

``put_*`` inserts or replaces by reference and is on disk when it returns; it raises ParentMissing when what the value
belongs to is not stored. ``get_*`` raises NotFound. ``list_*`` raises NotFound for a parent that is not stored.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

from sqlalchemy import Table

from contexta.contract import (
    ArtifactManifest,
    BatchExecution,
    DeploymentExecution,
    EnvironmentSnapshot,
    LineageEdge,
    OperationContext,
    Project,
    ProvenanceRecord,
    Record,
    Run,
    SampleObservation,
    StableRef,
    StageExecution,
)
from contexta.contract.records import RECORD_TYPES
from contexta.core.errors import InvalidInput, InvalidReference, shown
from contexta.core.model import Value
from contexta.store.backends.engine import Store
from contexta.store.entities import environments, metadata, records
from contexta.store.ingest.hide_secrets import without_secrets
from contexta.store.ingest.ingest import take_in
from contexta.store.schema import tables
from contexta.store.schema.statements import no_garbage_collection

V = TypeVar("V", bound=Value)

Opener = Callable[[], Store]


class _Collection:
    def __init__(self, opened: Opener) -> None:
        self._opened = opened

    def _put(self, noun: metadata.Noun[V], value: V) -> StableRef:
        _require(noun.model, value)
        store = self._current()
        value = without_secrets(value, store.objects)
        with store.writing() as connection:
            return metadata.put(connection, noun, value)

    def _get(self, noun: metadata.Noun[V], ref: str) -> V:
        parsed = _parsed(ref, noun.table)
        with self._current().reading() as connection:
            return metadata.get(connection, noun, parsed)

    def _all(self, noun: metadata.Noun[V]) -> tuple[V, ...]:
        with self._current().reading() as connection:
            return metadata.list_all(connection, noun)

    def _of(self, noun: metadata.Noun[V], table: Table, parent: str) -> tuple[V, ...]:
        parsed = _parsed(parent, table)
        with self._current().reading() as connection:
            return metadata.list_all(connection, noun, (table, parsed))

    def _current(self) -> Store:
        """The store with everything that live runs have written: what is put may belong to one of them."""
        store = self._opened()
        take_in(store)
        return store


class Projects(_Collection):
    def put_project(self, project: Project) -> StableRef:
        return self._put(metadata.PROJECT, project)

    def get_project(self, project_ref: str) -> Project:
        return self._get(metadata.PROJECT, project_ref)

    def list_projects(self) -> tuple[Project, ...]:
        """In order of creation."""
        return self._all(metadata.PROJECT)


class Runs(_Collection):
    def put_run(self, run: Run) -> StableRef:
        return self._put(metadata.RUN, run)

    def get_run(self, run_ref: str) -> Run:
        return self._get(metadata.RUN, run_ref)

    def list_runs(self, project_ref: str | None = None) -> tuple[Run, ...]:
        """The latest first."""
        if project_ref is None:
            return self._all(metadata.RUN)
        return self._of(metadata.RUN, tables.project, project_ref)


class Stages(_Collection):
    def put_stage_execution(self, stage: StageExecution) -> StableRef:
        return self._put(metadata.STAGE, stage)

    def get_stage_execution(self, stage_execution_ref: str) -> StageExecution:
        return self._get(metadata.STAGE, stage_execution_ref)

    def list_stage_executions(self, run_ref: str) -> tuple[StageExecution, ...]:
        """By order_index, then start."""
        return self._of(metadata.STAGE, tables.run, run_ref)


class Batches(_Collection):
    def put_batch_execution(self, batch: BatchExecution) -> StableRef:
        return self._put(metadata.BATCH, batch)

    def get_batch_execution(self, batch_execution_ref: str) -> BatchExecution:
        return self._get(metadata.BATCH, batch_execution_ref)

    def list_batch_executions(self, run_ref: str) -> tuple[BatchExecution, ...]:
        """By start."""
        return self._of(metadata.BATCH, tables.run, run_ref)


class Samples(_Collection):
    def put_sample_observation(self, sample: SampleObservation) -> StableRef:
        return self._put(metadata.SAMPLE, sample)

    def get_sample_observation(self, sample_observation_ref: str) -> SampleObservation:
        return self._get(metadata.SAMPLE, sample_observation_ref)

    def list_sample_observations(self, run_ref: str) -> tuple[SampleObservation, ...]:
        """In order of arrival."""
        return self._of(metadata.SAMPLE, tables.run, run_ref)


class Operations(_Collection):
    def put_operation_context(self, operation: OperationContext) -> StableRef:
        return self._put(metadata.OPERATION, operation)

    def get_operation_context(self, operation_context_ref: str) -> OperationContext:
        return self._get(metadata.OPERATION, operation_context_ref)

    def list_operation_contexts(self, run_ref: str) -> tuple[OperationContext, ...]:
        """In order of arrival."""
        return self._of(metadata.OPERATION, tables.run, run_ref)


class Deployments(_Collection):
    def put_deployment_execution(self, deployment: DeploymentExecution) -> StableRef:
        return self._put(metadata.DEPLOYMENT, deployment)

    def get_deployment_execution(self, deployment_execution_ref: str) -> DeploymentExecution:
        return self._get(metadata.DEPLOYMENT, deployment_execution_ref)

    def list_deployment_executions(self, project_ref: str | None = None) -> tuple[DeploymentExecution, ...]:
        """By start."""
        if project_ref is None:
            return self._all(metadata.DEPLOYMENT)
        return self._of(metadata.DEPLOYMENT, tables.project, project_ref)


class Environments(_Collection):
    def put_environment_snapshot(self, snapshot: EnvironmentSnapshot) -> StableRef:
        _require(EnvironmentSnapshot, snapshot)
        store = self._current()
        snapshot = without_secrets(snapshot, store.objects)
        with store.writing() as connection:
            return environments.put_snapshot(connection, store.objects, snapshot)

    def get_environment_snapshot(self, environment_snapshot_ref: str) -> EnvironmentSnapshot:
        """Raises DamagedData when its body does not read back as it was written."""
        store = self._current()
        with store.reading() as connection:
            ref = _parsed(environment_snapshot_ref, tables.environment)
            return environments.get_snapshot(connection, store.objects, ref)

    def list_environment_snapshots(self, run_ref: str) -> tuple[EnvironmentSnapshot, ...]:
        """The oldest first: what the run started in."""
        store = self._current()
        with store.reading() as connection:
            return environments.list_snapshots(connection, store.objects, _parsed(run_ref, tables.run))


class Artifacts(_Collection):
    def put_artifact_manifest(self, artifact: ArtifactManifest) -> StableRef:
        return self._put(metadata.ARTIFACT, artifact)

    def get_artifact_manifest(self, artifact_ref: str) -> ArtifactManifest:
        return self._get(metadata.ARTIFACT, artifact_ref)

    def list_artifact_manifests(self, run_ref: str) -> tuple[ArtifactManifest, ...]:
        """In order of arrival."""
        return self._of(metadata.ARTIFACT, tables.run, run_ref)


class Relations(_Collection):
    def put_lineage_edge(self, edge: LineageEdge) -> StableRef:
        return self._put(metadata.RELATION, edge)

    def get_lineage_edge(self, relation_ref: str) -> LineageEdge:
        return self._get(metadata.RELATION, relation_ref)

    def list_lineage_edges(self, run_ref: str | None = None) -> tuple[LineageEdge, ...]:
        """In order of arrival."""
        if run_ref is None:
            return self._all(metadata.RELATION)
        return self._of(metadata.RELATION, tables.run, run_ref)


class Provenance(_Collection):
    def put_provenance_record(self, provenance: ProvenanceRecord) -> StableRef:
        return self._put(metadata.PROVENANCE, provenance)

    def get_provenance_record(self, provenance_ref: str) -> ProvenanceRecord:
        return self._get(metadata.PROVENANCE, provenance_ref)

    def list_provenance_records(self, relation_ref: str | None = None) -> tuple[ProvenanceRecord, ...]:
        """In order of arrival."""
        if relation_ref is None:
            return self._all(metadata.PROVENANCE)
        return self._of(metadata.PROVENANCE, tables.relation, relation_ref)


class MetadataStore:
    """Everything that is put and got by reference, one collection per noun."""

    def __init__(self, opened: Opener, close: Callable[[], None]) -> None:
        self.projects = Projects(opened)
        self.runs = Runs(opened)
        self.stages = Stages(opened)
        self.batches = Batches(opened)
        self.samples = Samples(opened)
        self.operations = Operations(opened)
        self.deployments = Deployments(opened)
        self.environments = Environments(opened)
        self.artifacts = Artifacts(opened)
        self.relations = Relations(opened)
        self.provenance = Provenance(opened)
        self._close = close

    def close(self) -> None:
        """Release everything the workspace holds."""
        self._close()


class RecordStore(_Collection):
    """Records are appended, never changed."""

    def append(self, record: Record) -> None:
        """Store one record; on disk when this returns. As ``append_many``."""
        self.append_many([record])

    def append_many(self, records_: Iterable[Record]) -> None:
        """Store records, all or none; on disk when this returns. About 100 000 records a second.

        Appending one again with the same content changes nothing. Raises Conflict when the content differs,
        ParentMissing when something a record belongs to is not stored.
        """
        if not isinstance(records_, Iterable):
            raise InvalidInput(f"{shown(records_)} are no records", hint="give a list of records")
        checked = list(records_)  # before the transaction: a generator may use this workspace
        for item in checked:
            if type(item) not in _RECORDS:
                _require_record(item)
        store = self._current()
        checked = [without_secrets(item, store.objects) for item in checked]
        with store.writing() as connection, no_garbage_collection():
            records.append(connection, checked)

    def list_records(self, run_ref: str) -> tuple[Record, ...]:
        """The records appended to a run, in order of arrival; what a live run logged is not among them.
        Raises NotFound."""
        parsed = _parsed(run_ref, tables.run)
        with self._current().reading() as connection:
            return records.list_records(connection, metadata.require_id(connection, tables.run, parsed))


_KIND_OF = {tables.operation: "op"}


def _parsed(ref: str, table: Table) -> StableRef:
    """A reference of the kind that lies in that table. Raises InvalidReference."""
    parsed = StableRef.parse(ref)
    kind = _KIND_OF.get(table, table.name)
    if parsed.kind != kind:
        raise InvalidReference(f"{parsed} is a {parsed.kind} reference", hint=f"this takes {kind}:...")
    return parsed


def _require(model: type[Value], value: object) -> None:
    if not isinstance(value, model):
        raise InvalidInput(f"{shown(value)} is no {model.__name__}", hint=f"build one: {model.__name__}(...)")


def _require_record(item: object) -> None:
    if not isinstance(item, Record):
        raise InvalidInput(f"{shown(item)} is no record", hint="build one: MetricRecord(envelope=..., payload=...)")


_RECORDS = frozenset(RECORD_TYPES.values())
