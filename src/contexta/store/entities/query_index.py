"""The index of parameters and tags for queries."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from contexta.store.schema import sql, tables
from contexta.store.schema.rows import upsert
from contexta.store.schema.sort_keys import number_of, words_of

if TYPE_CHECKING:
    from sqlalchemy import Connection


def keep_params(connection: Connection, run_id: int, params: Mapping[str, Any]) -> None:
    """Set parameters of a run. Its other parameters stay."""
    rows = [
        {"run_id": run_id, "name": name, "value": value, "number": number_of(value), "words": words_of(value)}
        for name, value in params.items()
    ]
    if rows:
        upsert(connection, tables.param, rows, ("run_id", "name"))


def keep_tags(connection: Connection, run_id: int) -> None:
    """Write the index of the tags of a run, from its recorded tags and their changes."""
    run, annotation, run_tag = tables.run, tables.annotation, tables.run_tag
    joined = run.outerjoin(annotation, annotation.c.run_id == run.c.id)
    statement = sql.select(run.c.tags, annotation.c.tags).select_from(joined).where(run.c.id == run_id)
    tags = current_tags(*connection.execute(statement).one())
    connection.execute(sql.delete(run_tag).where(run_tag.c.run_id == run_id))
    rows = [{"run_id": run_id, "name": name, "words": words_of(value)} for name, value in tags.items()]
    if rows:
        upsert(connection, run_tag, rows, ("run_id", "name"))


def current_tags(recorded: Mapping[str, str], changes: Mapping[str, str | None] | None) -> dict[str, str]:
    """The tags of a run. changes: name -> value, or None for a removed tag."""
    return {name: value for name, value in {**recorded, **(changes or {})}.items() if value is not None}
