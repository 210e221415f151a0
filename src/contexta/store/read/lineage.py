"""Edges of lineage: recorded ones, and those that follow from artifacts, environments and deployments."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, Table, select

from contexta.core.errors import NotFound
from contexta.core.references import StableRef
from contexta.findings import LineageStep
from contexta.store.schema import tables

_AT_ONCE = 500  # under the limit of bound variables of every supported database
_PARTS = frozenset({"stage", "batch", "sample", "op", "record"})


def edges_at(connection: Connection, refs: Sequence[StableRef], downstream: bool) -> Iterator[LineageStep]:
    """Every edge that begins at one of the references (downstream), or that ends at one, with depth 0."""
    for start in range(0, len(refs), _AT_ONCE):
        some = refs[start : start + _AT_ONCE]
        yield from _recorded(connection, some, downstream)
        yield from _of_artifacts(connection, some, downstream)
        yield from _of_environments(connection, some, downstream)
        yield from _of_deployments(connection, some, downstream)
        if not downstream:
            yield from (_edge(ref.run, "contains", ref) for ref in some if ref.kind in _PARTS)


def start(connection: Connection, ref: str, find: Callable[[Connection, str], tuple[int, StableRef]]) -> StableRef:
    """The reference of a start: any kind of reference, or the run that ``find`` selects. Raises NotFound."""
    if ":" not in ref or ref.startswith("run:"):
        return find(connection, ref)[1]
    root = StableRef.parse(ref)
    if not is_stored(connection, root):
        raise NotFound(f"{root} is not stored in this workspace, and no edge names it")
    return root


def is_stored(connection: Connection, ref: StableRef) -> bool:
    """Whether a reference is stored, or an edge names it."""
    relation = tables.relation
    named = select(relation.c.id).where((relation.c.source_ref == ref) | (relation.c.target_ref == ref)).limit(1)
    if ref.kind == "record":
        record, run = tables.record, tables.run
        own = select(record.c.number).join(run, run.c.id == record.c.run_id)
        own = own.where(run.c.ref == ref.run, record.c.name == ref.name)
    else:
        table = tables.metadata.tables["operation" if ref.kind == "op" else ref.kind]
        own = select(table.c.id).where(table.c.ref == ref)
    return any(connection.execute(statement).first() is not None for statement in (own, named))


def _recorded(connection: Connection, refs: Sequence[StableRef], downstream: bool) -> Iterator[LineageStep]:
    relation = tables.relation
    near = relation.c.source_ref if downstream else relation.c.target_ref
    for row in connection.execute(select(relation).where(near.in_(refs)).order_by(relation.c.id)):
        yield LineageStep(
            source_ref=row.source_ref,
            target_ref=row.target_ref,
            relation_type=row.relation_type,
            depth=0,
            relation_ref=row.ref,
            confidence=row.confidence_marker,
            origin=row.origin_marker,
        )


def _of_artifacts(connection: Connection, refs: Sequence[StableRef], downstream: bool) -> Iterator[LineageStep]:
    """Edges from runs to their artifacts."""
    for row in connection.execute(_below_run(tables.artifact, refs, downstream)):
        yield _edge(row.run_ref, "produced", row.ref)


def _of_environments(connection: Connection, refs: Sequence[StableRef], downstream: bool) -> Iterator[LineageStep]:
    """Edges from environments to their runs."""
    for row in connection.execute(_below_run(tables.environment, refs, not downstream)):
        yield _edge(row.ref, "used_by", row.run_ref)


def _below_run(table: Table, refs: Sequence[StableRef], by_run: bool) -> Select[tuple[str, str]]:
    """(ref, run_ref) of the rows of a table that belong to one of the runs, or that have one of the references."""
    run = tables.run
    condition = run.c.ref.in_(_of_kind(refs, "run")) if by_run else table.c.ref.in_(_of_kind(refs, table.name))
    statement = select(table.c.ref, run.c.ref.label("run_ref")).join_from(table, run, run.c.id == table.c.run_id)
    return statement.where(condition).order_by(table.c.id)


def _of_deployments(connection: Connection, refs: Sequence[StableRef], downstream: bool) -> Iterator[LineageStep]:
    """Edges from runs, artifacts and environments to the deployments that name them."""
    for row in _deployments(connection, refs, downstream):
        sources = (
            (row.run_ref, "deployed_as"),
            (row.artifact_ref, "deployed_as"),
            (row.environment_snapshot_ref, "used_by"),
        )
        for ref, relation_type in sources:
            if ref is not None and (not downstream or ref in refs):
                yield _edge(ref, relation_type, row.ref)


def _deployments(connection: Connection, refs: Sequence[StableRef], downstream: bool) -> Sequence[Any]:
    table, run, project = tables.deployment, tables.run, tables.project
    statement = (
        select(table.c.ref, run.c.ref.label("run_ref"), table.c.artifact_ref, table.c.environment_snapshot_ref)
        .outerjoin_from(table, run, run.c.id == table.c.run_id)
        .order_by(table.c.started_at, table.c.id)
    )
    if not downstream:
        return connection.execute(statement.where(table.c.ref.in_(_of_kind(refs, "deployment")))).all()
    near: list[tuple[ColumnElement[str], str]] = [
        (run.c.ref, "run"),
        (table.c.artifact_ref, "artifact"),
        (table.c.environment_snapshot_ref, "environment"),
    ]
    deployments: list[Any] = []
    for column, kind in near:
        if of_kind := _of_kind(refs, kind):
            projects = select(project.c.id).where(project.c.ref.in_({ref.project for ref in of_kind}))
            deployments += connection.execute(
                statement.where(column.in_(of_kind), table.c.project_id.in_(projects))
            ).all()
    return deployments


def _of_kind(refs: Sequence[StableRef], kind: str) -> list[StableRef]:
    return [ref for ref in refs if ref.kind == kind]


def _edge(source: str, relation_type: str, target: str) -> LineageStep:
    return LineageStep(
        source_ref=StableRef.parse(source), target_ref=StableRef.parse(target), relation_type=relation_type, depth=0
    )
