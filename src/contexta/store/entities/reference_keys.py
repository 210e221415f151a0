"""Find the key of a reference in the database."""

from __future__ import annotations

from typing import TYPE_CHECKING

from contexta.core.errors import NotFound, ParentMissing
from contexta.core.references import StableRef
from contexta.store.schema.statements import fetch

if TYPE_CHECKING:
    from sqlalchemy import Connection

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


def require_id(connection: Connection, table: str, ref: StableRef) -> int:
    """The key of a reference in the database. Raises NotFound."""
    key = find_id(connection, table, ref)
    if key is None:
        raise NotFound(f"{ref} is not stored in this workspace")
    return key


def parent_id(connection: Connection, table: str, ref: StableRef, *, child: StableRef) -> int:
    """The key of a parent in the database. Raises ParentMissing with the call that creates the parent."""
    key = find_id(connection, table, ref)
    if key is None:
        raise ParentMissing(
            f"{child} belongs to {ref}, which is not stored", hint=f"create it first: {_CREATED_BY[table]}"
        )
    return key


def find_id(connection: Connection, table: str, ref: StableRef) -> int | None:
    """The key of a reference in the database; None if the reference is not stored."""
    return next((key for (key,) in fetch(connection, f"SELECT id FROM {table} WHERE ref = ?", (ref,))), None)
