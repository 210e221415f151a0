"""The collections of ``ctx.metadata_store`` and the records of ``ctx.record_store``.

Every collection has the same five methods under the names of its model: ``put_*`` inserts or replaces by reference and
has committed when it returns; ``get_*``, ``find_*`` and ``exists_*`` take a reference; ``list_*`` takes a parent.
Every method first ingests the journals of live runs, so a value may belong to a run that is still being recorded.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, ClassVar, Generic, TypeVar

from sqlalchemy import Connection, Table

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
from contexta.core.errors import InvalidInput, InvalidReference, NotFound, shown
from contexta.core.model import Value
from contexta.store.backends.engine import Store
from contexta.store.entities import environments, models, records
from contexta.store.entities.reference_keys import find_id, require_id
from contexta.store.ingest.hide_secrets import without_secrets
from contexta.store.ingest.ingest import ingest_journals
from contexta.store.schema import tables
from contexta.store.schema.statements import no_garbage_collection

V = TypeVar("V", bound=Value)

Opener = Callable[[], Store]


class _Collection(Generic[V]):
    """The values of one model of the contract. A subclass gives its methods the names of the model."""

    _kind: ClassVar[models.StoredModel[Any]]
    _parent: ClassVar[Table]  # the table whose references ``list_*`` takes
    _argument: ClassVar[str] = ""  # the keyword of ``put_*``; by default the name of the table

    def __init__(self, opened: Opener) -> None:
        self._opened = opened

    def put(self, value: V | None = None, **keyword: V) -> StableRef:
        """Insert or replace by reference. Raises ParentMissing with the call that creates the parent.

        The value may be a keyword with the name of its kind: ``put_run(run=...)``.
        """
        model, name = self._kind.model, self._argument or self._kind.table.name
        if value is None:
            value = keyword.pop(name, None)
        if keyword:
            raise TypeError(f"give one value, by position or as {name}=")
        if not isinstance(value, model):
            raise InvalidInput(f"{shown(value)} is no {model.__name__}", hint=f"build one: {model.__name__}(...)")
        store = _current(self._opened)
        value = without_secrets(value, store.objects)
        with store.writing() as connection:
            return self._put(connection, value)

    def get(self, ref: str | None = None, **keyword: str) -> V:
        """Raises NotFound. The reference may be a keyword with the name of its field: ``get_run(run_ref=...)``."""
        parsed = self._parsed(ref, keyword)
        with _current(self._opened).reading() as connection:
            return self._get(connection, parsed)

    def find(self, ref: str | None = None, **keyword: str) -> V | None:
        """As ``get``, but None if the reference is not stored."""
        try:
            return self.get(ref, **keyword)
        except NotFound:
            return None

    def exists(self, ref: str | None = None, **keyword: str) -> bool:
        """Whether a reference is stored."""
        parsed = self._parsed(ref, keyword)
        with _current(self._opened).reading() as connection:
            return find_id(connection, self._kind.table.name, parsed) is not None

    def _list(self, parent: str | None) -> tuple[V, ...]:
        owner = None if parent is None else (self._parent, _parsed(parent, self._parent))
        with _current(self._opened).reading() as connection:
            return self._list_all(connection, owner)

    def _parsed(self, ref: str | None, keyword: dict[str, str]) -> StableRef:
        if ref is None:
            ref = keyword.pop(self._kind.key, None)
        if ref is None or keyword:
            raise TypeError(f"give one reference, by position or as {self._kind.key}=")
        return _parsed(ref, self._kind.table)

    def _put(self, connection: Connection, value: V) -> StableRef:
        return models.put(connection, self._kind, value)

    def _get(self, connection: Connection, ref: StableRef) -> V:
        value: V = models.get(connection, self._kind, ref)
        return value

    def _list_all(self, connection: Connection, owner: tuple[Table, StableRef] | None) -> tuple[V, ...]:
        return models.list_all(connection, self._kind, owner)


class _OfProject(_Collection[V]):
    _parent = tables.project

    def list(self, project_ref: str | None = None) -> tuple[V, ...]:
        """The values of a project, or of all projects. Raises NotFound for a project that is not stored."""
        return self._list(project_ref)


class _OfRun(_Collection[V]):
    _parent = tables.run

    def list(self, run_ref: str) -> tuple[V, ...]:
        """The values of a run. Raises NotFound for a run that is not stored."""
        return self._list(run_ref)


class Projects(_Collection[Project]):
    _kind = models.PROJECT
    put_project = _Collection[Project].put
    get_project = _Collection[Project].get
    find_project = _Collection[Project].find
    exists_project = _Collection[Project].exists

    def list_projects(self) -> tuple[Project, ...]:
        """In order of creation."""
        return self._list(None)


class Runs(_OfProject[Run]):
    """``list`` sorts the latest first."""

    _kind = models.RUN
    put_run = _OfProject[Run].put
    get_run = _OfProject[Run].get
    find_run = _OfProject[Run].find
    exists_run = _OfProject[Run].exists
    list_runs = _OfProject[Run].list


class Stages(_OfRun[StageExecution]):
    """``list`` sorts by order_index, then start."""

    _kind = models.STAGE
    put_stage_execution = _OfRun[StageExecution].put
    get_stage_execution = _OfRun[StageExecution].get
    find_stage_execution = _OfRun[StageExecution].find
    exists_stage_execution = _OfRun[StageExecution].exists
    list_stage_executions = _OfRun[StageExecution].list


class Batches(_OfRun[BatchExecution]):
    """``list`` sorts by start."""

    _kind = models.BATCH
    put_batch_execution = _OfRun[BatchExecution].put
    get_batch_execution = _OfRun[BatchExecution].get
    find_batch_execution = _OfRun[BatchExecution].find
    exists_batch_execution = _OfRun[BatchExecution].exists
    list_batch_executions = _OfRun[BatchExecution].list


class Samples(_OfRun[SampleObservation]):
    """``list`` sorts in order of arrival."""

    _kind = models.SAMPLE
    put_sample_observation = _OfRun[SampleObservation].put
    get_sample_observation = _OfRun[SampleObservation].get
    find_sample_observation = _OfRun[SampleObservation].find
    exists_sample_observation = _OfRun[SampleObservation].exists
    list_sample_observations = _OfRun[SampleObservation].list


class Operations(_OfRun[OperationContext]):
    """``list`` sorts in order of arrival."""

    _kind = models.OPERATION
    put_operation_context = _OfRun[OperationContext].put
    get_operation_context = _OfRun[OperationContext].get
    find_operation_context = _OfRun[OperationContext].find
    exists_operation_context = _OfRun[OperationContext].exists
    list_operation_contexts = _OfRun[OperationContext].list


class Deployments(_OfProject[DeploymentExecution]):
    """``list`` sorts by start."""

    _kind = models.DEPLOYMENT
    put_deployment_execution = _OfProject[DeploymentExecution].put
    get_deployment_execution = _OfProject[DeploymentExecution].get
    find_deployment_execution = _OfProject[DeploymentExecution].find
    exists_deployment_execution = _OfProject[DeploymentExecution].exists
    list_deployment_executions = _OfProject[DeploymentExecution].list


class Environments(_OfRun[EnvironmentSnapshot]):
    """``list`` sorts the environment that a run started in first, then by time. Reading raises DamagedData."""

    _kind = models.ENVIRONMENT
    _argument = "snapshot"
    put_environment_snapshot = _OfRun[EnvironmentSnapshot].put
    get_environment_snapshot = _OfRun[EnvironmentSnapshot].get
    find_environment_snapshot = _OfRun[EnvironmentSnapshot].find
    exists_environment_snapshot = _OfRun[EnvironmentSnapshot].exists
    list_environment_snapshots = _OfRun[EnvironmentSnapshot].list

    def _put(self, connection: Connection, value: EnvironmentSnapshot) -> StableRef:
        return environments.put_snapshot(connection, self._opened().objects, value)

    def _get(self, connection: Connection, ref: StableRef) -> EnvironmentSnapshot:
        return environments.get_snapshot(connection, self._opened().objects, ref)

    def _list_all(
        self, connection: Connection, owner: tuple[Table, StableRef] | None
    ) -> tuple[EnvironmentSnapshot, ...]:
        assert owner is not None  # ``list`` requires a run
        return environments.list_snapshots(connection, self._opened().objects, owner[1])


class Artifacts(_OfRun[ArtifactManifest]):
    """``list`` sorts in order of arrival."""

    _kind = models.ARTIFACT
    put_artifact_manifest = _OfRun[ArtifactManifest].put
    get_artifact_manifest = _OfRun[ArtifactManifest].get
    find_artifact_manifest = _OfRun[ArtifactManifest].find
    exists_artifact_manifest = _OfRun[ArtifactManifest].exists
    list_artifact_manifests = _OfRun[ArtifactManifest].list


class Relations(_Collection[LineageEdge]):
    _kind = models.RELATION
    _argument = "edge"
    _parent = tables.run

    def list_lineage_edges(self, run_ref: str | None = None) -> tuple[LineageEdge, ...]:
        """The edges of a run, or all, in order of arrival."""
        return self._list(run_ref)

    put_lineage_edge = put_relation = _Collection[LineageEdge].put
    get_lineage_edge = get_relation = _Collection[LineageEdge].get
    find_lineage_edge = find_relation = _Collection[LineageEdge].find
    exists_lineage_edge = exists_relation = _Collection[LineageEdge].exists
    list_relations = list_lineage_edges


class Provenance(_Collection[ProvenanceRecord]):
    _kind = models.PROVENANCE
    _parent = tables.relation

    def list_provenance_records(self, relation_ref: str | None = None) -> tuple[ProvenanceRecord, ...]:
        """The records of a relation, or all, in order of arrival."""
        return self._list(relation_ref)

    put_provenance_record = put_provenance = _Collection[ProvenanceRecord].put
    get_provenance_record = get_provenance = _Collection[ProvenanceRecord].get
    find_provenance_record = find_provenance = _Collection[ProvenanceRecord].find
    exists_provenance_record = exists_provenance = _Collection[ProvenanceRecord].exists
    list_provenance = list_provenance_records


class MetadataStore:
    """Values that are put and read by reference: one collection per model of the contract."""

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
        """Release all resources of the workspace."""
        self._close()


class RecordStore:
    """Records are appended and never changed."""

    def __init__(self, opened: Opener) -> None:
        self._opened = opened

    def append(self, record: Record) -> None:
        """Store one record. As ``append_many``."""
        self.append_many([record])

    def append_many(self, records_: Iterable[Record]) -> None:
        """Store all of the records or none; committed when this returns. About 100 000 records a second.

        Appending a record again with the same content changes nothing. Raises Conflict if the content differs,
        ParentMissing if a parent is not stored.
        """
        if not isinstance(records_, Iterable):
            raise InvalidInput(f"{shown(records_)} are no records", hint="give a list of records")
        checked = list(records_)  # before the transaction: a generator may use this workspace
        for item in checked:
            if type(item) not in _RECORDS and not isinstance(item, Record):
                hint = "build one: MetricRecord(envelope=..., payload=...)"
                raise InvalidInput(f"{shown(item)} is no record", hint=hint)
        store = _current(self._opened)
        checked = [without_secrets(item, store.objects) for item in checked]
        with store.writing() as connection, no_garbage_collection():
            records.append(connection, checked)

    def list_records(self, run_ref: str) -> tuple[Record, ...]:
        """The appended records of a run in order of arrival, without what live runs logged. Raises NotFound."""
        parsed = _parsed(run_ref, tables.run)
        with _current(self._opened).reading() as connection:
            return records.list_records(connection, require_id(connection, "run", parsed))


def _current(opened: Opener) -> Store:
    """The store after ingesting the journals of live runs: a value may belong to one of them."""
    store = opened()
    ingest_journals(store)
    return store


def _parsed(ref: str, table: Table) -> StableRef:
    """A reference of the kind that a table stores. Raises InvalidReference."""
    parsed = StableRef.parse(ref)
    kind = "op" if table is tables.operation else table.name
    if parsed.kind != kind:
        raise InvalidReference(f"{parsed} is a {parsed.kind} reference", hint=f"give a reference {kind}:...")
    return parsed


_RECORDS = frozenset(RECORD_TYPES.values())  # their exact types are quicker to check than the union
