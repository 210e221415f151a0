"""Read SQLite databases of other tools without changing them."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import quote

from contexta.importers.reading.used_files import used

DAMAGE = (sqlite3.Error, UnicodeDecodeError)
"""What reading a damaged database raises: the message of an error may quote bytes that are no text."""
_LARGEST = 2**36  # bytes of a database that is completed; a damaged header may say anything
_MAGIC = b"SQLite format 3\0"


@contextmanager
def opened(path: Path) -> Iterator[sqlite3.Connection]:
    """A connection for reading. A database with a write-ahead log is copied first, and so is a truncated one, which
    SQLite opens only at its full size: reading then fails at the first missing page. Raises sqlite3.Error, OSError."""
    log = used(_log_of(used(path)))
    with TemporaryDirectory(prefix="contexta-import-") as folder:
        missing = _missing_bytes(path)
        if missing or (log.is_file() and log.stat().st_size):
            for file in (path, log):
                if file.is_file():
                    shutil.copyfile(file, Path(folder, file.name))
            path = Path(folder, path.name)
            if missing:
                os.truncate(path, path.stat().st_size + missing)
            options = "mode=rw"
        else:
            options = "mode=ro&immutable=1"
        with closing(sqlite3.connect(f"file:{quote(str(path))}?{options}", uri=True)) as connection:
            connection.text_factory = lambda data: data.decode("utf-8", "replace")
            yield connection


def _log_of(path: Path) -> Path:
    return path.with_name(path.name + "-wal")


def _missing_bytes(path: Path) -> int:
    """How much shorter a database is than its header says (https://sqlite.org/fileformat.html)."""
    with path.open("rb") as file:
        header = file.read(100)
    if len(header) < 100 or not header.startswith(_MAGIC):
        return 0
    page, pages = int.from_bytes(header[16:18], "big"), int.from_bytes(header[28:32], "big")
    whole = (65_536 if page == 1 else page) * pages
    return max(0, whole - path.stat().st_size) if whole <= _LARGEST else 0


def tables_of(path: Path) -> Mapping[str, frozenset[str]]:
    """The columns of each table of a database, by its name; empty for a file that is none, or a damaged one.

    Several readers look at each file, so the latest result is kept: a large database may have to be copied for it.
    """
    try:
        states = [(file.stat().st_size, file.stat().st_mtime_ns) for file in (path, _log_of(path)) if file.is_file()]
        return _tables_of(path, tuple(states))
    except (OSError, *DAMAGE):
        return {}


@lru_cache(maxsize=1)
def _tables_of(path: Path, _states: tuple[tuple[int, int], ...]) -> Mapping[str, frozenset[str]]:
    with path.open("rb") as file:
        if file.read(len(_MAGIC)) != _MAGIC:
            return {}
    columns: dict[str, set[str]] = {}
    with opened(path) as connection:
        for table, column in connection.execute(
            "SELECT item.name, field.name FROM sqlite_master AS item JOIN pragma_table_info(item.name) AS field "
            "WHERE item.type = 'table' AND item.sql NOT LIKE 'CREATE VIRTUAL%'"
        ):
            columns.setdefault(table, set()).add(column)
    return {table: frozenset(names) for table, names in columns.items()}


def rows(
    connection: sqlite3.Connection, table: str, columns: Sequence[str], where: str = "", values: Sequence[Any] = ()
) -> Iterator[tuple[Any, ...]]:
    """These columns of the rows of a table, in the order in which they were written; None for a missing column."""
    present = {row[1] for row in connection.execute(f'PRAGMA table_info("{table}")')}
    if present:
        chosen = ", ".join(f'"{name}"' if name in present else f'NULL AS "{name}"' for name in columns)
        yield from connection.execute(f'SELECT {chosen} FROM "{table}" {where}', tuple(values))
