"""Rows of the models that have a reference: one row per value, upserted by reference."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from sqlalchemy import ColumnElement, Connection, Select, Table, select

from contexta.contract import (
    ArtifactManifest,
    BatchExecution,
    DeploymentExecution,
    EnvironmentSnapshot,
    LineageEdge,
    OperationContext,
    Project,
    ProvenanceRecord,
    Run,
    SampleObservation,
    StageExecution,
)
from contexta.core.errors import NotFound
from contexta.core.model import Value
from contexta.core.references import StableRef
from contexta.store.entities import query_index, shared_facts
from contexta.store.entities.reference_keys import find_id, parent_id, require_id
from contexta.store.entities.series import mark_last
from contexta.store.integrity import canonical_form
from contexta.store.integrity.canonical_form import Entity
from contexta.store.integrity.digests import after_change, before_change
from contexta.store.schema import tables
from contexta.store.schema.rows import upsert

V = TypeVar("V", bound=Value)


@dataclass(frozen=True)
class StoredModel(Generic[V]):
    """The table of a model of the contract. A field without a rule below is a column of the same name."""

    model: type[V]
    table: Table
    key: str
    """The field with the reference of the value itself."""
    links: Mapping[str, Table] = field(default_factory=dict)
    """Field with the reference of a parent -> table of the parent, which must exist. Column: ``<table>_id``."""
    order: tuple[Any, ...] = ()
    """How lists are sorted; by default in order of arrival."""


_PLACE = {"stage_execution_ref": tables.stage, "batch_execution_ref": tables.batch}
_SCOPE = {
    **_PLACE,
    "deployment_execution_ref": tables.deployment,
    "sample_observation_ref": tables.sample,
    "operation_context_ref": tables.operation,
}
SCOPE_TABLES: Mapping[str, Table] = _SCOPE
"""Field of an envelope -> the table that must contain its reference."""

PROJECT = StoredModel(Project, tables.project, "project_ref")
RUN = StoredModel(
    Run,
    tables.run,
    "run_ref",
    {"project_ref": tables.project},
    (tables.run.c.started_at.desc(), tables.run.c.id.desc()),
)
STAGE = StoredModel(
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
BATCH = StoredModel(
    BatchExecution,
    tables.batch,
    "batch_execution_ref",
    {"run_ref": tables.run, "stage_execution_ref": tables.stage},
    (tables.batch.c.started_at, tables.batch.c.id),
)
SAMPLE = StoredModel(SampleObservation, tables.sample, "sample_observation_ref", {"run_ref": tables.run, **_PLACE})
OPERATION = StoredModel(OperationContext, tables.operation, "operation_context_ref", {"run_ref": tables.run, **_PLACE})
DEPLOYMENT = StoredModel(
    DeploymentExecution,
    tables.deployment,
    "deployment_execution_ref",
    {"project_ref": tables.project, "run_ref": tables.run},
    (tables.deployment.c.started_at, tables.deployment.c.id),
)
ARTIFACT = StoredModel(ArtifactManifest, tables.artifact, "artifact_ref", {"run_ref": tables.run, **_SCOPE})
RELATION = StoredModel(LineageEdge, tables.relation, "relation_ref", {"operation_context_ref": tables.operation})
ENVIRONMENT = StoredModel(EnvironmentSnapshot, tables.environment, "environment_snapshot_ref", {"run_ref": tables.run})
"""Its rows refer to a body; ``contexta.store.entities.environments`` reads and writes them."""
PROVENANCE = StoredModel(ProvenanceRecord, tables.provenance, "provenance_ref", {"relation_ref": tables.relation})

_ENTITIES: Mapping[Table, Entity] = {
    entity.table: entity for entity in (canonical_form.PROJECT, canonical_form.DEPLOYMENT, canonical_form.PROVENANCE)
}
"""Tables whose rows have their own digest. The rows of all other tables belong to a run."""


def put(connection: Connection, kind: StoredModel[V], value: V) -> StableRef:
    """Insert or replace by reference. Raises ParentMissing if a parent is not stored."""
    ref: StableRef = getattr(value, kind.key)
    row: dict[str, Any] = {"ref": ref}
    for name in kind.model.model_fields:
        field_value = getattr(value, name)
        if name in kind.links:
            parent = kind.links[name]
            row[f"{parent.name}_id"] = (
                None if field_value is None else parent_id(connection, parent.name, field_value, child=ref)
            )
        elif name != kind.key:
            row[name] = field_value
    if kind.table is tables.run:
        row["slug"] = ref.name
        row |= shared_facts.columns_of(connection, row["metadata"])
    if kind.table is tables.relation:
        row["run_id"] = parent_id(connection, "run", ref.run, child=ref)
    entity = _ENTITIES.get(kind.table)
    if entity is None:
        before_change(connection, canonical_form.RUN, find_id(connection, "run", ref.run))
        upsert(connection, kind.table, [row], ("ref",))
    else:
        before_change(connection, entity, find_id(connection, kind.table.name, ref))
        upsert(connection, kind.table, [row], ("ref",))
        after_change(connection, entity, require_id(connection, kind.table.name, ref))
    if isinstance(value, Run):
        query_index.keep_tags(connection, require_id(connection, "run", ref))
    if isinstance(value, StageExecution):  # the order of stages may decide which series is the last
        mark_last(connection, row["run_id"])
    return ref


def get(connection: Connection, kind: StoredModel[V], ref: StableRef) -> V:
    """The value of a reference. Raises NotFound."""
    row = connection.execute(_select(kind).where(kind.table.c.ref == ref)).mappings().first()
    if row is None:
        raise NotFound(f"{ref} is not stored in this workspace")
    return _value(kind, row)


def list_all(
    connection: Connection,
    kind: StoredModel[V],
    parent: tuple[Table, StableRef] | None = None,
    *,
    where: Sequence[ColumnElement[bool]] = (),
    limit: int | None = None,
) -> tuple[V, ...]:
    """The values of a kind, or those of a parent, in the order of the kind. Raises NotFound for the parent."""
    statement = _select(kind).where(*where).order_by(*(kind.order or (kind.table.c.id,))).limit(limit)
    if parent is not None:
        table, ref = parent
        statement = statement.where(kind.table.c[f"{table.name}_id"] == require_id(connection, table.name, ref))
    return tuple(_value(kind, row) for row in connection.execute(statement).mappings())


def _select(kind: StoredModel[Any]) -> Select[Any]:
    """The columns under the names of the fields of the model, with the references of parents instead of their keys."""
    source: Any = kind.table
    columns = []
    for name in kind.model.model_fields:
        if name == kind.key:
            columns.append(kind.table.c.ref.label(name))
        elif name in kind.links:
            parent = kind.links[name].alias()
            source = source.outerjoin(parent, kind.table.c[f"{kind.links[name].name}_id"] == parent.c.id)
            columns.append(parent.c.ref.label(name))
        else:
            columns.append(kind.table.c[name])
    statement = select(*columns).select_from(source)
    return shared_facts.with_facts(statement) if kind.table is tables.run else statement


def _value(kind: StoredModel[V], row: Mapping[Any, Any]) -> V:
    fields = {name: row[name] for name in kind.model.model_fields}
    if kind.table is tables.run:
        fields["metadata"] = shared_facts.metadata_of(row)
    return kind.model.model_validate(fields)
