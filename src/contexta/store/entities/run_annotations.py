"""Annotations of runs: another name, changed tags, a note, archived, pinned. The recorded content stays as it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from contexta.core.references import StableRef
from contexta.store.entities.query_index import keep_tags
from contexta.store.integrity.canonical_form import ANNOTATION
from contexta.store.integrity.digests import after_change, before_change
from contexta.store.schema import sql, tables
from contexta.store.schema.statements import fetch, marks

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, Connection


def name_of_run() -> ColumnElement[str]:
    """The name of a row of ``run``."""
    annotation, run = tables.annotation, tables.run
    given = sql.select(annotation.c.name).where(annotation.c.run_id == run.c.id).correlate(run).scalar_subquery()
    return sql.func.coalesce(given, run.c.name)


def annotate(connection: Connection, run_id: int, **changes: Any) -> None:
    """Change columns of the annotation of a run. Tags replace the earlier changes of tags."""
    annotation = tables.annotation
    statement = sql.select(annotation.c.id).where(annotation.c.run_id == run_id)
    key = connection.execute(statement).scalar()
    if key is None:
        connection.execute(sql.insert(annotation).values(run_id=run_id, **{"tags": {}, **changes}))
        key = connection.execute(statement).scalar_one()
    else:
        before_change(connection, ANNOTATION, key)
        connection.execute(sql.update(annotation).where(annotation.c.id == key).values(**changes))
    after_change(connection, ANNOTATION, key)
    if "tags" in changes:
        keep_tags(connection, run_id)


def is_open(connection: Connection, run_id: int) -> bool:
    """Whether a run has not ended."""
    ((status,),) = fetch(connection, "SELECT status FROM run WHERE id = ?", (run_id,))
    return bool(status == "open")


def run_with_name(connection: Connection, run_id: int, name: str) -> StableRef | None:
    """Another run of the same project that is found by this name."""
    statement = """
        SELECT ref FROM run LEFT JOIN annotation ON annotation.run_id = run.id
        WHERE project_id = (SELECT project_id FROM run WHERE id = ?) AND run.id <> ?
        AND (slug = ? OR coalesce(annotation.name, run.name) = ?) ORDER BY run.id LIMIT 1
        """
    rows = fetch(connection, statement, (run_id, run_id, name, name))
    return StableRef.parse(rows[0][0]) if rows else None


def has_renamed(connection: Connection) -> bool:
    """Whether any run was renamed."""
    return bool(fetch(connection, "SELECT 1 FROM annotation WHERE name IS NOT NULL LIMIT 1"))


def rename(connection: Connection, run_id: int, name: str) -> None:
    """Name a run; its recorded name, or its own component of its reference, undoes an earlier name."""
    (recorded,) = fetch(connection, "SELECT name, slug FROM run WHERE id = ?", (run_id,))
    annotate(connection, run_id, name=None if name in recorded else name)


def tags_of(connection: Connection, run_id: int) -> set[str]:
    """The names of the tags of a run."""
    return {name for (name,) in fetch(connection, "SELECT name FROM run_tag WHERE run_id = ?", (run_id,))}


def change_tags(connection: Connection, run_id: int, tags: Mapping[str, str], remove: Sequence[str]) -> None:
    """Set tags of a run, and remove others."""
    changes = {**changed_tags(connection, [run_id]).get(run_id, {}), **dict.fromkeys(remove), **tags}
    ((text,),) = fetch(connection, "SELECT tags FROM run WHERE id = ?", (run_id,))
    recorded = tables.decode_json(text)
    # What is as recorded is no change: a later tag of the live run may replace it.
    different = {name: value for name, value in changes.items() if recorded.get(name) != value}
    annotate(connection, run_id, tags=different)


def given_names(connection: Connection, refs: Sequence[StableRef]) -> dict[StableRef, str]:
    """The names of those of these runs that were renamed."""
    if not refs:
        return {}
    statement = f"""
        SELECT ref, annotation.name FROM run JOIN annotation ON annotation.run_id = run.id
        WHERE ref IN ({marks(refs)}) AND annotation.name IS NOT NULL
        """
    return {StableRef.parse(ref): name for ref, name in fetch(connection, statement, refs)}


def matching_names(connection: Connection, names: Sequence[str]) -> list[str]:
    """The names that runs were renamed to, as often as there are such runs."""
    statement = f"SELECT name FROM annotation WHERE name IN ({marks(names)})"
    return [name for (name,) in fetch(connection, statement, names)] if names else []


def changed_tags(connection: Connection, run_ids: Sequence[int]) -> dict[int, dict[str, str | None]]:
    """The changed tags of runs: name -> value, or None for a removed one."""
    statement = f"SELECT run_id, tags FROM annotation WHERE run_id IN ({marks(run_ids)})"
    rows = fetch(connection, statement, run_ids) if run_ids else ()
    return {run_id: tables.decode_json(text) for run_id, text in rows}
