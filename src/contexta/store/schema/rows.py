"""Write rows: insert or replace them, insert missing ones, and store shared texts once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from contexta.store.schema import sql

if TYPE_CHECKING:
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


def keep_text(connection: Connection, table: Table, body: str) -> int:
    """The key of a text in a table of distinct texts (id, digest, body). A new text is stored."""
    return keep_once(connection, table, text_digest(body), body=body)


def text_digest(body: str) -> bytes:
    """The digest of a text in such a table: the first 16 bytes of its sha256."""
    return sha256(body.encode()).digest()[:16]


def keep_once(connection: Connection, table: Table, digest: bytes | str, **rest: Any) -> int:
    """The key of a digest in a table of distinct digests. A new digest is stored. rest: its other columns."""
    statement = sql.select(table.c.id).where(table.c.digest == digest)
    key: int | None = connection.execute(statement).scalar()
    if key is None:
        insert_missing(connection, table, [{"digest": digest, **rest}])
        key = connection.execute(statement).scalar_one()
    return key


def insert_into(connection: Connection, table: Table) -> sqlite.Insert | Any:
    """An insert with ON CONFLICT, which SQLAlchemy has for each dialect."""
    if connection.dialect.name != "postgresql":
        from sqlalchemy.dialects import sqlite

        return sqlite.insert(table)
    from sqlalchemy.dialects import postgresql  # slow to import, and already imported if it is used

    return postgresql.insert(table)
