"""Annotations of runs: another name, changed tags, a note, archived, pinned. The recorded content stays as it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, func, insert, or_, select, update

from contexta.core.references import StableRef
from contexta.store.entities.query_index import keep_tags
from contexta.store.integrity.canonical_form import ANNOTATION
from contexta.store.integrity.digests import after_change, before_change
from contexta.store.schema import tables

annotation, run = tables.annotation, tables.run
NAME: ColumnElement[str] = func.coalesce(
    select(annotation.c.name).where(annotation.c.run_id == run.c.id).correlate(run).scalar_subquery(), run.c.name
)
"""The name of a row of ``run``."""


def annotate(connection: Connection, run_id: int, **changes: Any) -> None:
    """Change columns of the annotation of a run. Tags replace the earlier changes of tags."""
    statement = select(annotation.c.id).where(annotation.c.run_id == run_id)
    key = connection.execute(statement).scalar()
    if key is None:
        connection.execute(insert(annotation).values(run_id=run_id, **{"tags": {}, **changes}))
        key = connection.execute(statement).scalar_one()
    else:
        before_change(connection, ANNOTATION, key)
        connection.execute(update(annotation).where(annotation.c.id == key).values(**changes))
    after_change(connection, ANNOTATION, key)
    if "tags" in changes:
        keep_tags(connection, run_id)


def is_open(connection: Connection, run_id: int) -> bool:
    """Whether a run has not ended."""
    return bool(connection.execute(select(run.c.status).where(run.c.id == run_id)).scalar_one() == "open")


def run_with_name(connection: Connection, run_id: int, name: str) -> StableRef | None:
    """Another run of the same project that is found by this name."""
    project = select(run.c.project_id).where(run.c.id == run_id).scalar_subquery()
    has_name = or_(run.c.slug == name, NAME.in_([name]))
    statement = select(run.c.ref).where(run.c.project_id == project, run.c.id != run_id, has_name)
    ref = connection.execute(statement.order_by(run.c.id).limit(1)).scalar()
    return None if ref is None else StableRef.parse(ref)


def has_renamed(connection: Connection) -> bool:
    """Whether any run was renamed."""
    statement = select(annotation.c.id).where(annotation.c.name.is_not(None)).limit(1)
    return connection.execute(statement).first() is not None


def rename(connection: Connection, run_id: int, name: str) -> None:
    """Name a run; its recorded name, or its own component of its reference, undoes an earlier name."""
    recorded = connection.execute(select(run.c.name, run.c.slug).where(run.c.id == run_id)).one()
    annotate(connection, run_id, name=None if name in recorded else name)


def tags_of(connection: Connection, run_id: int) -> set[str]:
    """The names of the tags of a run."""
    run_tag = tables.run_tag
    return set(connection.execute(select(run_tag.c.name).where(run_tag.c.run_id == run_id)).scalars())


def change_tags(connection: Connection, run_id: int, tags: Mapping[str, str], remove: Sequence[str]) -> None:
    """Set tags of a run, and remove others."""
    changes = {**changed_tags(connection, [run_id]).get(run_id, {}), **dict.fromkeys(remove), **tags}
    recorded = connection.execute(select(run.c.tags).where(run.c.id == run_id)).scalar_one()
    # What is as recorded is no change: a later tag of the live run may replace it.
    different = {name: value for name, value in changes.items() if recorded.get(name) != value}
    annotate(connection, run_id, tags=different)


def given_names(connection: Connection, refs: Sequence[StableRef]) -> dict[StableRef, str]:
    """The names of those of these runs that were renamed."""
    rows = connection.execute(
        select(run.c.ref, annotation.c.name)
        .join(annotation, annotation.c.run_id == run.c.id)
        .where(run.c.ref.in_(refs), annotation.c.name.is_not(None))
    )
    return {StableRef.parse(row.ref): row.name for row in rows}


def matching_names(connection: Connection, names: Sequence[str]) -> list[str]:
    """The names that runs were renamed to, as often as there are such runs."""
    return list(connection.execute(select(annotation.c.name).where(annotation.c.name.in_(names))).scalars())


def changed_tags(connection: Connection, run_ids: Sequence[int]) -> dict[int, dict[str, str | None]]:
    """The changed tags of runs: name -> value, or None for a removed one."""
    rows = connection.execute(select(annotation.c.run_id, annotation.c.tags).where(annotation.c.run_id.in_(run_ids)))
    return {row.run_id: dict(row.tags) for row in rows}
