"""Writing rows: insert or replace, insert what is missing, keep once what many rows share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any

from sqlalchemy import Connection, Table, select
from sqlalchemy.dialects import sqlite


def upsert(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]], key: Sequence[str]) -> None:
    """Insert rows, replacing the other columns of those whose key exists. All rows name the same columns."""
    statement = insert_into(connection, table)
    replaced = {name: statement.excluded[name] for name in rows[0] if name not in key}
    connection.execute(statement.on_conflict_do_update(index_elements=list(key), set_=replaced), list(rows))


def insert_missing(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert the rows that violate no unique constraint; leave what exists as it is."""
    connection.execute(insert_into(connection, table).on_conflict_do_nothing(), list(rows))


def keep_text(connection: Connection, table: Table, body: str) -> int:
    """The key of a text in a table of distinct ones (id, digest, body), stored when it is new."""
    return keep_once(connection, table, text_digest(body), body=body)


def text_digest(body: str) -> bytes:
    """The digest of a text in such a table: the first 16 bytes of its sha256."""
    return sha256(body.encode()).digest()[:16]


def keep_once(connection: Connection, table: Table, digest: bytes | str, **rest: Any) -> int:
    """The key of what has this digest in a table of distinct ones, stored when it is new. rest: its other columns."""
    wanted = select(table.c.id).where(table.c.digest == digest)
    known: int | None = connection.execute(wanted).scalar()
    if known is None:
        insert_missing(connection, table, [{"digest": digest, **rest}])
        known = connection.execute(wanted).scalar_one()
    return known


def insert_into(connection: Connection, table: Table) -> sqlite.Insert | Any:
    """An insert that knows ON CONFLICT, which SQLAlchemy has in each dialect's own words."""
    if connection.dialect.name != "postgresql":
        return sqlite.insert(table)
    from sqlalchemy.dialects import postgresql  # slow to import, and there already where it is used

    return postgresql.insert(table)
