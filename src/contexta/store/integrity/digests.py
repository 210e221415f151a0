"""Digests of entities: take one away before a change, store one afterwards, compare.

An entity that no longer matches its digest keeps that digest when it is changed. So a later write never hides damage.
A run that is written by hand gets its digest when the workspace is next read or closed, so that writing many rows to
one run costs the same for each row.
"""

from __future__ import annotations

from hashlib import sha256

from sqlalchemy import Connection, select, update
from sqlalchemy.exc import DBAPIError

from contexta.store.integrity.canonical_form import RUN, Entity, canonical_forms

_UNREADABLE = "unreadable"


def digest(form: bytes) -> str:
    """The digest of a canonical form: sha256, hex."""
    return sha256(form).hexdigest()


def before_change(connection: Connection, entity: Entity, key: int | None) -> None:
    """Take away the digest of an entity that is about to change. One that is damaged keeps it. None: no entity yet."""
    if key is None:
        return
    table = entity.table
    stored = connection.execute(select(table.c.content_digest).where(table.c.id == key)).scalar()
    if stored is not None and _current(connection, entity, key) == stored:
        connection.execute(update(table).where(table.c.id == key).values(content_digest=None))


def after_change(connection: Connection, entity: Entity, key: int | None) -> None:
    """Store the digest of an entity that was changed."""
    if key is None:
        return
    table = entity.table
    is_missing = select(table.c.id).where(table.c.id == key, table.c.content_digest.is_(None))
    if connection.execute(is_missing).first() is not None:
        current = _current(connection, entity, key)
        connection.execute(update(table).where(table.c.id == key).values(content_digest=current))


def store_missing(connection: Connection) -> None:
    """Store the digests of all runs that have none."""
    for key in connection.execute(_RUNS_WITHOUT).scalars().all():
        after_change(connection, RUN, key)


def has_missing(connection: Connection) -> bool:
    """Whether a run has no digest."""
    return connection.execute(_RUNS_WITHOUT.limit(1)).first() is not None


_RUNS_WITHOUT = select(RUN.table.c.id).where(RUN.table.c.content_digest.is_(None)).order_by(RUN.table.c.id)


def _current(connection: Connection, entity: Entity, key: int) -> str:
    """The digest of what is stored now; of what cannot be read a text that no content has as its digest."""
    try:
        return digest(canonical_forms(connection, entity, key, key)[key])
    except DBAPIError as error:
        if connection.dialect.name == "sqlite" and "decode" in str(error.orig):  # a damaged text is not UTF-8
            return _UNREADABLE
        raise
