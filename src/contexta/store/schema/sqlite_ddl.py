"""The definitions of tables and indexes in SQLite, to compare a database with the schema of this version."""

from __future__ import annotations

from functools import cache
from typing import Any

from sqlalchemy import create_engine
from sqlalchemy.pool import StaticPool

DEFINITIONS = "SELECT type, name, tbl_name, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite_stat%'"


@cache
def expected_definitions() -> frozenset[tuple[Any, ...]]:
    """The rows of ``DEFINITIONS`` in a new database."""
    from contexta.store.schema.migrate import migrate

    engine = create_engine("sqlite://", poolclass=StaticPool)
    with engine.begin() as connection:
        migrate(connection)
        rows = connection.exec_driver_sql(DEFINITIONS).all()
    engine.dispose()
    return frozenset(tuple(row) for row in rows)
