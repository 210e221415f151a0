"""Projects, runs and everything else that has a reference and is put by hand: one row each, upserted by reference."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from sqlalchemy import ColumnElement, Connection, Select, Table, select

from contexta.contract import (
    ArtifactManifest,
    BatchExecution,
    DeploymentExecution,
    LineageEdge,
    OperationContext,
    Project,
    ProvenanceRecord,
    Run,
    SampleObservation,
    StageExecution,
)
from contexta.core.errors import NotFound, ParentMissing
from contexta.core.model import Value
from contexta.core.references import StableRef
from contexta.store.entities import query_index, shared_facts
from contexta.store.entities.series import mark_last
from contexta.store.integrity import canonical_form
from contexta.store.integrity.canonical_form import Entity
from contexta.store.integrity.digests import after_change, before_change
from contexta.store.schema import tables
from contexta.store.schema.rows import upsert

V = TypeVar("V", bound=Value)


@dataclass(frozen=True)
class Noun(Generic[V]):
    """How one model of the contract lies in its table.

    key: the field that holds its own reference. links: field that refers to a parent -> the parent's table, stored
    there as ``<table>_id``; the parent must exist. All other fields are columns of the same name.
    """

    model: type[V]
    table: Table
    key: str
    links: Mapping[str, Table] = field(default_factory=dict)
    order: tuple[Any, ...] = ()


_PLACE = {"stage_execution_ref": tables.stage, "batch_execution_ref": tables.batch}
_SCOPE = {
    **_PLACE,
    "deployment_execution_ref": tables.deployment,
    "sample_observation_ref": tables.sample,
    "operation_context_ref": tables.operation,
}
SCOPE_TABLES: Mapping[str, Table] = _SCOPE
"""Field of an envelope -> the table its reference must be found in."""

PROJECT = Noun(Project, tables.project, "project_ref")
RUN = Noun(
    Run,
    tables.run,
    "run_ref",
    {"project_ref": tables.project},
    (tables.run.c.started_at.desc(), tables.run.c.id.desc()),
)
STAGE = Noun(
    StageExecution,
    tables.stage,
    "stage_execution_ref",
    {"run_ref": tables.run},
    (
        tables.stage.c.order_index.is_(None),
        tables.stage.c.order_index,
        tables.stage.c.started_at,
        tables.stage.c.id,
    ),
)
BATCH = Noun(
    BatchExecution,
    tables.batch,
    "batch_execution_ref",
    {"run_ref": tables.run, "stage_execution_ref": tables.stage},
    (tables.batch.c.started_at, tables.batch.c.id),
)
SAMPLE = Noun(SampleObservation, tables.sample, "sample_observation_ref", {"run_ref": tables.run, **_PLACE})
OPERATION = Noun(OperationContext, tables.operation, "operation_context_ref", {"run_ref": tables.run, **_PLACE})
DEPLOYMENT = Noun(
    DeploymentExecution,
    tables.deployment,
    "deployment_execution_ref",
    {"project_ref": tables.project, "run_ref": tables.run},
    (tables.deployment.c.started_at, tables.deployment.c.id),
)
ARTIFACT = Noun(ArtifactManifest, tables.artifact, "artifact_ref", {"run_ref": tables.run, **_SCOPE})
RELATION = Noun(LineageEdge, tables.relation, "relation_ref", {"operation_context_ref": tables.operation})
PROVENANCE = Noun(ProvenanceRecord, tables.provenance, "provenance_ref", {"relation_ref": tables.relation})

_ENTITIES: Mapping[Table, Entity] = {
    entity.table: entity for entity in (canonical_form.PROJECT, canonical_form.DEPLOYMENT, canonical_form.PROVENANCE)
}
"""Tables whose rows have a digest of their own; all others belong to a run."""

_CREATED_BY = {
    "project": "metadata_store.projects.put_project(Project(...))",
    "run": "metadata_store.runs.put_run(Run(...))",
    "stage": "metadata_store.stages.put_stage_execution(StageExecution(...))",
    "batch": "metadata_store.batches.put_batch_execution(BatchExecution(...))",
    "sample": "metadata_store.samples.put_sample_observation(SampleObservation(...))",
    "operation": "metadata_store.operations.put_operation_context(OperationContext(...))",
    "deployment": "metadata_store.deployments.put_deployment_execution(DeploymentExecution(...))",
    "relation": "metadata_store.relations.put_lineage_edge(LineageEdge(...))",
}


def put(connection: Connection, noun: Noun[V], value: V) -> StableRef:
    """Insert or replace by reference. Raises ParentMissing when something it belongs to is not stored."""
    ref: StableRef = getattr(value, noun.key)
    row: dict[str, Any] = {"ref": ref}
    for name in noun.model.model_fields:
        given = getattr(value, name)
        if name in noun.links:
            parent = noun.links[name]
            row[f"{parent.name}_id"] = None if given is None else parent_id(connection, parent, given, child=ref)
        elif name != noun.key:
            row[name] = given
    if noun.table is tables.run:
        row["slug"] = ref.name
        row |= shared_facts.apart(connection, row["metadata"])
    if noun.table is tables.relation:
        row["run_id"] = parent_id(connection, tables.run, ref.run, child=ref)
    entity = _ENTITIES.get(noun.table)
    if entity is None:
        before_change(connection, canonical_form.RUN, find_id(connection, tables.run, ref.run))
        upsert(connection, noun.table, [row], ("ref",))
    else:
        before_change(connection, entity, find_id(connection, noun.table, ref))
        upsert(connection, noun.table, [row], ("ref",))
        after_change(connection, entity, require_id(connection, noun.table, ref))
    if isinstance(value, Run):
        query_index.keep_tags(connection, require_id(connection, tables.run, ref), value.tags)
    if isinstance(value, StageExecution):  # the order of stages may decide which series is the last
        mark_last(connection, row["run_id"])
    return ref


def get(connection: Connection, noun: Noun[V], ref: StableRef) -> V:
    """Raises NotFound when nothing is stored under that reference."""
    row = connection.execute(_select(noun).where(noun.table.c.ref == ref)).mappings().first()
    if row is None:
        raise NotFound(f"{ref} is not stored in this workspace")
    return _value(noun, row)


def list_all(
    connection: Connection,
    noun: Noun[V],
    parent: tuple[Table, StableRef] | None = None,
    *,
    where: Sequence[ColumnElement[bool]] = (),
    limit: int | None = None,
) -> tuple[V, ...]:
    """Everything of that noun in its natural order, or only what belongs to one parent. Raises NotFound for a parent
    that is not stored."""
    statement = _select(noun).where(*where).order_by(*(noun.order or (noun.table.c.id,))).limit(limit)
    if parent is not None:
        table, ref = parent
        statement = statement.where(noun.table.c[f"{table.name}_id"] == require_id(connection, table, ref))
    return tuple(_value(noun, row) for row in connection.execute(statement).mappings())


def require_id(connection: Connection, table: Table, ref: StableRef) -> int:
    """The key inside of a reference outside. Raises NotFound."""
    found = find_id(connection, table, ref)
    if found is None:
        raise NotFound(f"{ref} is not stored in this workspace")
    return found


def parent_id(connection: Connection, table: Table, ref: StableRef, *, child: StableRef) -> int:
    """The key of what ``child`` belongs to. Raises ParentMissing, naming the call that would create it."""
    found = find_id(connection, table, ref)
    if found is None:
        raise ParentMissing(
            f"{child} belongs to {ref}, which is not stored", hint=f"create it first: {_CREATED_BY[table.name]}"
        )
    return found


def find_id(connection: Connection, table: Table, ref: StableRef) -> int | None:
    found: int | None = connection.execute(select(table.c.id).where(table.c.ref == ref)).scalar()
    return found


def _select(noun: Noun[Any]) -> Select[Any]:
    """The columns under the names of the model's fields; links as the references of the parents."""
    source: Any = noun.table
    columns = []
    for name in noun.model.model_fields:
        if name == noun.key:
            columns.append(noun.table.c.ref.label(name))
        elif name in noun.links:
            parent = noun.links[name].alias()
            source = source.outerjoin(parent, noun.table.c[f"{noun.links[name].name}_id"] == parent.c.id)
            columns.append(parent.c.ref.label(name))
        else:
            columns.append(noun.table.c[name])
    statement = select(*columns).select_from(source)
    return shared_facts.beside(statement) if noun.table is tables.run else statement


def _value(noun: Noun[V], row: Mapping[Any, Any]) -> V:
    fields = {name: row[name] for name in noun.model.model_fields}
    if noun.table is tables.run:
        fields["metadata"] = shared_facts.together(row)
    return noun.model.model_validate(fields)
