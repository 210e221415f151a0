"""Writing rows: insert or replace, insert what is missing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Table
from sqlalchemy.dialects import sqlite


def upsert(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]], key: Sequence[str]) -> None:
    """Insert rows, replacing the other columns of those whose key exists. All rows name the same columns."""
    statement = insert_into(connection, table)
    replaced = {name: statement.excluded[name] for name in rows[0] if name not in key}
    connection.execute(statement.on_conflict_do_update(index_elements=list(key), set_=replaced), list(rows))


def insert_missing(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert the rows that violate no unique constraint; leave what exists as it is."""
    connection.execute(insert_into(connection, table).on_conflict_do_nothing(), list(rows))


def insert_into(connection: Connection, table: Table) -> sqlite.Insert | Any:
    """An insert that knows ON CONFLICT, which SQLAlchemy has in each dialect's own words."""
    if connection.dialect.name == "postgresql":
        from sqlalchemy.dialects import postgresql  # a tenth of a second that a local workspace does not need

        return postgresql.insert(table)
    return sqlite.insert(table)
