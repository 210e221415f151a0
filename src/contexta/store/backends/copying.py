"""Copy a whole database: to an SQLite file for a backup, and from such a file to a server.

Rows keep their keys and digests. So a copy of damaged rows is as damaged as the original.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import Boolean, Connection, Table, create_engine
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError

from contexta.store.schema import tables
from contexta.store.schema.statements import insert_rows

_AT_ONCE = 5_000


def file_to_file(database: Path, copy: Path) -> None:
    """Copy a file as of one moment, with SQLite's online backup."""
    with (
        closing(sqlite3.connect(f"file:{quote(os.fspath(database))}?mode=ro", uri=True)) as source,
        closing(sqlite3.connect(copy)) as target,
    ):
        source.backup(target)
        target.execute("PRAGMA journal_mode=DELETE")  # one file, without a write-ahead log
        pages, free = (target.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "freelist_count"))
        if free * 2 > pages:  # most pages are free
            target.execute("VACUUM")


def server_to_file(source: Connection, copy: Path) -> None:
    """Copy what a transaction on a server sees. The journals stay on the machines that wrote them, so the copy has no
    checksums of them."""
    from contexta.store.schema.migrate import migrate

    engine = create_engine(URL.create("sqlite", database=os.fspath(copy)))
    try:
        with engine.begin() as target:
            migrate(target)
            raw: Any = target.connection.driver_connection
            for table in tables.metadata.sorted_tables:
                rows = source.exec_driver_sql(
                    f"SELECT {_names(table)} FROM {table.name}", execution_options={"yield_per": _AT_ONCE}
                )
                marks = ", ".join("?" * len(table.columns))
                for some in rows.partitions():
                    raw.executemany(f"INSERT INTO {table.name} ({_names(table)}) VALUES ({marks})", map(tuple, some))
            raw.execute("UPDATE journal SET bytes_check = NULL")
    except DBAPIError as error:
        if isinstance(error.orig, sqlite3.Error):
            raise error.orig from None  # the file cannot be written; the server did not fail
        raise
    finally:
        engine.dispose()


def file_to_server(database: Path, target: Connection) -> None:
    """Copy the rows of a file, in the transaction of the connection."""
    with closing(sqlite3.connect(f"file:{quote(os.fspath(database))}?mode=ro", uri=True)) as source:
        for table in tables.metadata.sorted_tables:
            names = [column.name for column in table.columns]
            booleans = [place for place, column in enumerate(table.columns) if isinstance(column.type, Boolean)]
            rows = source.execute(f"SELECT {_names(table)} FROM {table.name}")
            while some := rows.fetchmany(_AT_ONCE):
                insert_rows(target, table, names, len(some), [_with_booleans(row, booleans) for row in some])
    target.exec_driver_sql("UPDATE journal SET bytes_check = NULL")
    for table in tables.metadata.sorted_tables:
        if "id" in table.c:  # explicit keys do not advance the sequence
            target.exec_driver_sql(
                f"SELECT setval(pg_get_serial_sequence('{table.name}', 'id'), max(id)) FROM {table.name}"
            )


def _with_booleans(row: tuple[Any, ...], places: Sequence[int]) -> tuple[Any, ...]:
    """A row in which the numbers that SQLite has for true and false are booleans."""
    return tuple(bool(value) if place in places else value for place, value in enumerate(row)) if places else row


def _names(table: Table) -> str:
    return ", ".join(column.name for column in table.columns)
