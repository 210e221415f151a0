"""Parameters and tags as runs are asked for by them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, delete

from contexta.store.schema import tables
from contexta.store.schema.rows import upsert
from contexta.store.schema.sort_keys import number_of, words_of


def keep_params(connection: Connection, run_id: int, params: Mapping[str, Any]) -> None:
    """Set these parameters of a run; what is not among them stays."""
    rows = [
        {"run_id": run_id, "name": name, "value": value, "number": number_of(value), "words": words_of(value)}
        for name, value in params.items()
    ]
    if rows:
        upsert(connection, tables.param, rows, ("run_id", "name"))


def keep_tags(connection: Connection, run_id: int, tags: Mapping[str, str]) -> None:
    """Follow the tags of a run: these, and no others."""
    connection.execute(delete(tables.run_tag).where(tables.run_tag.c.run_id == run_id))
    rows = [{"run_id": run_id, "name": name, "words": words_of(value)} for name, value in tags.items()]
    if rows:
        upsert(connection, tables.run_tag, rows, ("run_id", "name"))
