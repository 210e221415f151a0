"""The schema of a directory's database, in SQLite's own words."""

from __future__ import annotations

from functools import cache
from typing import Any

from sqlalchemy import create_engine
from sqlalchemy.pool import StaticPool

from contexta.store.schema import tables

ASKED = "SELECT type, name, tbl_name, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite_stat%'"


@cache
def expected(version: str = tables.SCHEMA_VERSION) -> frozenset[tuple[Any, ...]]:
    """What ``ASKED`` answers where the migrations made it. version: one that they know."""
    from contexta.store.schema import migrate

    engine = create_engine("sqlite://", poolclass=StaticPool)
    with engine.begin() as connection:
        migrate.run(connection, version)
        rows = connection.exec_driver_sql(ASKED).all()
    engine.dispose()
    return frozenset(tuple(row) for row in rows)


def known(version: object) -> bool:
    """Whether the migrations know it."""
    return (
        isinstance(version, str)
        and version.isdigit()
        and len(version) == 4
        and "0001" <= version <= tables.SCHEMA_VERSION
    )
