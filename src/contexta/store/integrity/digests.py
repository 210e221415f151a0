"""Digests of entities: delete one before a change, store one after it, and compare.

An entity that no longer matches its digest keeps that digest when it is changed. So a later write never hides damage.
A run that is written by hand gets its digest when the workspace is next read or closed, so that writing many rows to
one run costs the same for each row.
"""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING

from contexta.store.integrity.canonical_form import RUN, Entity, canonical_forms
from contexta.store.integrity.missing_digests import RUNS_WITHOUT
from contexta.store.schema.statements import fetch, for_driver

if TYPE_CHECKING:
    from sqlalchemy import Connection

_UNREADABLE = "unreadable"


def digest(form: bytes) -> str:
    """The digest of a canonical form: sha256, hex."""
    return sha256(form).hexdigest()


def before_change(connection: Connection, entity: Entity, key: int | None) -> None:
    """Delete the digest of an entity that is about to change. A damaged one keeps it. key: None for a new entity."""
    if key is None:
        return
    stored = _stored(connection, entity, key)
    if stored is not None and _current(connection, entity, key) == stored:
        _store(connection, entity, key, None)


def after_change(connection: Connection, entity: Entity, key: int | None) -> None:
    """Store the digest of an entity that was changed."""
    if key is not None and _stored(connection, entity, key) is None:
        _store(connection, entity, key, _current(connection, entity, key))


def store_missing(connection: Connection) -> None:
    """Store the digests of all runs that have none."""
    for (key,) in fetch(connection, RUNS_WITHOUT):
        _store(connection, RUN, key, _current(connection, RUN, key))


def _stored(connection: Connection, entity: Entity, key: int) -> str | None:
    ((stored,),) = fetch(connection, f"SELECT content_digest FROM {entity.table.name} WHERE id = ?", (key,))
    return None if stored is None else str(stored)


def _store(connection: Connection, entity: Entity, key: int, content_digest: str | None) -> None:
    statement = for_driver(connection, f"UPDATE {entity.table.name} SET content_digest = ? WHERE id = ?")
    connection.exec_driver_sql(statement, (content_digest, key))


def _current(connection: Connection, entity: Entity, key: int) -> str:
    """The digest of the stored content; for unreadable content a text that is never a digest."""
    from sqlalchemy.exc import DBAPIError

    try:
        return digest(canonical_forms(connection, entity, key, key)[key])
    except DBAPIError as error:
        if connection.dialect.name == "sqlite" and "decode" in str(error.orig):  # a damaged text is not UTF-8
            return _UNREADABLE
        raise
