"""The whole database in another one: for a backup, which is always a file of SQLite, and back onto a server."""

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

from contexta.store.backends import row_checksums, server_row_checksums
from contexta.store.backends.driver import insert_rows
from contexta.store.schema import tables

_AT_ONCE = 5_000
_MADE_ANEW = (tables.seal, tables.unsealed)
COPIED: Sequence[Table] = [table for table in tables.metadata.sorted_tables if table not in _MADE_ANEW]
"""The tables that hold what was stored, parents before children."""


def file_to_file(database: Path, copy: Path) -> None:
    """The file as of one moment, by SQLite's online backup."""
    with (
        closing(sqlite3.connect(f"file:{quote(os.fspath(database))}?mode=ro", uri=True)) as source,
        closing(sqlite3.connect(copy)) as target,
    ):
        source.backup(target)
        target.execute("PRAGMA journal_mode=DELETE")  # one file, nothing beside it
        pages, free = (target.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "freelist_count"))
        if free * 2 > pages:  # mostly what was deleted
            target.execute("VACUUM")


def server_to_file(source: Connection, copy: Path) -> None:
    """What a transaction on a server sees, under the same keys. What is damaged there is so in the copy. The journals
    that it came from lie on the machines that wrote them: the copy does not ask for them."""
    from contexta.store.schema import migrate

    engine = create_engine(URL.create("sqlite", database=os.fspath(copy)))
    try:
        with engine.begin() as target:
            migrate.run(target)
            raw: Any = target.connection.driver_connection
            for table in COPIED:
                rows = source.exec_driver_sql(
                    f"SELECT {_names(table)} FROM {table.name}", execution_options={"yield_per": _AT_ONCE}
                )
                marks = ", ".join("?" * len(table.columns))
                for some in rows.partitions():
                    raw.executemany(f"INSERT INTO {table.name} ({_names(table)}) VALUES ({marks})", map(tuple, some))
            raw.execute("UPDATE journal SET bytes_check = NULL")
            row_checksums.seal(target)
            for part in row_checksums.PARTS if server_row_checksums.are_kept(source) else ():
                for number, *_ in server_row_checksums.broken(source, part):
                    raw.execute("INSERT OR REPLACE INTO seal VALUES (?, ?, ?)", (part, number, row_checksums.DAMAGED))
    except DBAPIError as error:
        if isinstance(error.orig, sqlite3.Error):
            raise error.orig from None  # it is the file that cannot be written, not the server that failed
        raise
    finally:
        engine.dispose()


def file_to_server(database: Path, target: Connection) -> None:
    """The rows of a file under the same keys, in the transaction that the connection is in. What is damaged in the file
    is so there."""
    with closing(sqlite3.connect(f"file:{quote(os.fspath(database))}?mode=ro", uri=True)) as source:
        for table in COPIED:
            names = [column.name for column in table.columns]
            truths = [place for place, column in enumerate(table.columns) if isinstance(column.type, Boolean)]
            rows = source.execute(f"SELECT {_names(table)} FROM {table.name}")
            while some := rows.fetchmany(_AT_ONCE):
                insert_rows(target, table, names, len(some), [_with_truths(row, truths) for row in some])
        for part in row_checksums.PARTS:
            for number, *_ in row_checksums.broken(source, part):
                server_row_checksums.damage(target, part, number)
    target.exec_driver_sql("UPDATE journal SET bytes_check = NULL")
    for table in COPIED:
        if "id" in table.c:  # keys that were given do not move the sequence on
            target.exec_driver_sql(
                f"SELECT setval(pg_get_serial_sequence('{table.name}', 'id'), max(id)) FROM {table.name}"
            )


def _with_truths(row: tuple[Any, ...], places: Sequence[int]) -> tuple[Any, ...]:
    """SQLite has numbers for true and false."""
    return tuple(bool(value) if place in places else value for place, value in enumerate(row)) if places else row


def _names(table: Table) -> str:
    return ", ".join(column.name for column in table.columns)
