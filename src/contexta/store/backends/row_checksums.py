"""Sealing what a transaction wrote, so that `verify` can tell later whether it still reads as it was written."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from hashlib import blake2b
from itertools import groupby, zip_longest
from operator import itemgetter
from struct import pack
from typing import Any

from sqlalchemy import Connection

from contexta.store.schema import tables

_CHECKED_OTHERWISE = {tables.metric_point, tables.record, tables.seal, tables.unsealed}
PARTS: Mapping[str, str] = {
    table.name: "id" if "id" in table.c else next(iter(table.primary_key.columns)).name
    for table in tables.metadata.sorted_tables
    if table not in _CHECKED_OTHERWISE
}
"""Table -> the column whose values its seals are numbered by."""

DAMAGED = b"damaged."
"""The seal of what is known not to be what was written."""

_AT_ONCE = 500
_NONE = bytes(8)  # the difference of what is as it should be


def watch(connection: Connection, parts: Iterable[str]) -> None:
    """Have the database note which rows of these tables are written from now on, and seal those that are there."""
    for part in parts:
        key = PARTS[part]
        for event, rows in (("INSERT", ["NEW"]), ("UPDATE", ["OLD", "NEW"]), ("DELETE", ["OLD"])):
            noted = " ".join(  # not OR IGNORE: the clause of the statement that fires the trigger would replace it
                f"INSERT INTO unsealed SELECT '{part}', {row}.{key} WHERE NOT EXISTS"
                f" (SELECT 1 FROM unsealed WHERE part = '{part}' AND number = {row}.{key});"
                for row in rows
            )
            connection.exec_driver_sql(
                f"CREATE TRIGGER unseal_{part}_{event.lower()} AFTER {event} ON {part} BEGIN {noted} END"
            )
        connection.exec_driver_sql(f"INSERT OR IGNORE INTO unsealed SELECT '{part}', {key} FROM {part}")
    seal(connection)


def seal(connection: Connection, before: sqlite3.Connection | None = None) -> None:
    """Seal what was written in this transaction. before: another connection, which sees how it was before.

    A row that was not what its seal says before it was written again goes on to differ from its seal, by as much: who
    repairs it by halves, or only touches it, does not make it look sound.
    """
    raw: Any = connection.connection.driver_connection
    noted = raw.execute("SELECT part, number FROM unsealed ORDER BY part, number").fetchall()
    with _any_text(raw):
        for part, rows in groupby(noted, itemgetter(0)):
            numbers = [number for _, number in rows]
            for start in range(0, len(numbers), _AT_ONCE):
                _seal_some(raw, part, numbers[start : start + _AT_ONCE], before)
    if noted:
        raw.execute("DELETE FROM unsealed")


@contextmanager
def _any_text(raw: sqlite3.Connection) -> Iterator[None]:
    """A damaged text is no text any more; it has a digest all the same."""
    usual, raw.text_factory = raw.text_factory, lambda data: data.decode("utf-8", "replace")
    try:
        yield
    finally:
        raw.text_factory = usual


@contextmanager
def relaid(connection: Connection, parts: Sequence[str]) -> Iterator[None]:
    """For a migration that lays out the rows of these tables anew: what was damaged before is so afterwards."""
    raw: Any = connection.connection.driver_connection
    waiting = set(raw.execute("SELECT part, number FROM unsealed"))
    with _any_text(raw):
        found = {(part, number) for part in parts for number, *_ in broken(raw, part)} - waiting
    yield
    seal(connection)
    raw.executemany("INSERT OR REPLACE INTO seal VALUES (?, ?, ?)", [(*each, DAMAGED) for each in sorted(found)])


def _seal_some(raw: sqlite3.Connection, part: str, numbers: Sequence[int], before: sqlite3.Connection | None) -> None:
    marks = ", ".join("?" * len(numbers))
    old = dict(raw.execute(f"SELECT number, digest FROM seal WHERE part = ? AND number IN ({marks})", (part, *numbers)))
    faults = _faults(before, part, old) if before is not None and old else {}
    if old:
        raw.execute(f"DELETE FROM seal WHERE part = ? AND number IN ({marks})", (part, *numbers))
    found = digests(raw, part, f"WHERE {PARTS[part]} IN ({marks})", numbers)
    raw.executemany(
        "INSERT INTO seal VALUES (?, ?, ?)",
        [(part, number, _difference(digest, faults.get(number, _NONE))) for number, digest in found],
    )


def _faults(before: sqlite3.Connection, part: str, sealed: Mapping[int, bytes]) -> dict[int, bytes]:
    """By how much each row differed from its seal before this transaction; what others wrote and nobody has sealed yet
    is no fault. Nothing is known where it cannot be read beside a writer, as without a write-ahead log."""
    try:
        with _any_text(before):
            waiting = {number for (number,) in before.execute("SELECT number FROM unsealed WHERE part = ?", (part,))}
            numbers = [number for number in sealed if number not in waiting]
            marks = ", ".join("?" * len(numbers))
            was = dict(digests(before, part, f"WHERE {PARTS[part]} IN ({marks})", numbers))
    except sqlite3.Error:  # busy, or damaged beyond reading: `verify` tells that
        return {}
    return {number: _difference(sealed[number], was.get(number, _NONE)) for number in numbers}


def _difference(one: bytes, other: bytes) -> bytes:
    return bytes(left ^ right for left, right in zip_longest(one, other, fillvalue=0))


def broken(raw: sqlite3.Connection, part: str) -> Iterator[tuple[int, bool, bool]]:
    """(number, whether a row is there, whether a seal is) where they do not agree."""
    known = dict(raw.execute("SELECT number, digest FROM seal WHERE part = ?", (part,)))
    for number, digest in digests(raw, part):
        sealed = known.pop(number, None)
        if sealed != digest:
            yield number, True, sealed is not None
    for number in known:
        yield number, False, True


def digests(
    raw: sqlite3.Connection, part: str, where: str = "", values: Sequence[int] = ()
) -> Iterable[tuple[int, bytes]]:
    """(number, digest) of the rows of a table, in order."""
    key = PARTS[part]
    order = ", ".join(column.name for column in tables.metadata.tables[part].primary_key.columns)
    cursor = raw.execute(f"SELECT {key}, * FROM {part} {where} ORDER BY {order}", tuple(values))
    names = [f"{column[0]}\0".encode() for column in cursor.description[1:]]
    for number, rows in groupby(cursor, itemgetter(0)):
        yield number, _digest(names, rows)


def _digest(names: Sequence[bytes], rows: Iterable[tuple[Any, ...]]) -> bytes:
    """Of every value that is not NULL with its column's name, so that a later schema may add columns."""
    found: list[bytes] = []
    for row in rows:
        for name, value in zip(names, row[1:], strict=True):
            if value is not None:
                found += (name, _bytes(value))
        found.append(b"\n")
    return blake2b(b"".join(found), digest_size=8).digest()


def _bytes(value: Any) -> bytes:
    if isinstance(value, int):
        return b"i%d\0" % value
    if isinstance(value, float):
        return b"f" + pack("<d", value)
    data = value.encode() if isinstance(value, str) else value
    return b"s%d:%s" % (len(data), data)
