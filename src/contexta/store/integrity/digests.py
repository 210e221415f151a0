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

_KEYS_AT_ONCE = 200


def digest(form: bytes) -> str:
    """The digest of a canonical form: sha256, hex."""
    return sha256(form).hexdigest()


def before_change(connection: Connection, entity: Entity, key: int | None) -> None:
    """Take away the digest of an entity that is about to change. One that is damaged keeps it. None: no entity yet."""
    table = entity.table
    stored = connection.execute(select(table.c.content_digest).where(table.c.id == key)).scalar()
    if stored is not None and _current(connection, entity, key) == stored:
        connection.execute(update(table).where(table.c.id == key).values(content_digest=None))


def after_change(connection: Connection, entity: Entity, key: int | None) -> None:
    """Store the digest of an entity that was changed."""
    table = entity.table
    unchanged = select(table.c.id).where(table.c.id == key, table.c.content_digest.is_not(None))
    if key is not None and connection.execute(unchanged).first() is None:
        _store(connection, entity, {key: canonical_forms(connection, entity, key, key)[key]})


def store_missing(connection: Connection) -> None:
    """Store the digests of all runs that have none."""
    keys = list(connection.execute(_RUNS_WITHOUT).scalars())
    for start in range(0, len(keys), _KEYS_AT_ONCE):
        some = keys[start : start + _KEYS_AT_ONCE]
        forms = canonical_forms(connection, RUN, some[0], some[-1])
        _store(connection, RUN, {key: forms[key] for key in some})


def has_missing(connection: Connection) -> bool:
    """Whether a run has no digest."""
    return connection.execute(_RUNS_WITHOUT.limit(1)).first() is not None


_RUNS_WITHOUT = select(RUN.table.c.id).where(RUN.table.c.content_digest.is_(None)).order_by(RUN.table.c.id)


def _current(connection: Connection, entity: Entity, key: int | None) -> str | None:
    """The digest of what is stored now; None for what cannot be read."""
    try:
        return digest(canonical_forms(connection, entity, key or 0, key or 0)[key or 0])
    except DBAPIError as error:
        if connection.dialect.name == "sqlite" and "decode" in str(error.orig):  # a damaged text is not UTF-8
            return None
        raise


def _store(connection: Connection, entity: Entity, forms: dict[int, bytes]) -> None:
    table = entity.table
    for key, form in forms.items():
        connection.execute(update(table).where(table.c.id == key).values(content_digest=digest(form)))
