"""Run SQL text through the database driver, where the expression language would cost more than the rows.

Statements have ``?`` for each value. Values pass unconverted: times as microseconds, JSON as text.
"""

from __future__ import annotations

import gc
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from functools import lru_cache
from itertools import chain, count
from typing import TYPE_CHECKING, Any

from contexta.store.schema.sqlite_connection import SqliteConnection, translating_driver_errors

if TYPE_CHECKING:
    from sqlalchemy import Connection, Table

_ROWS_AT_ONCE = 20
_ROWS_PER_FETCH = 10_000
_stream_numbers = count()
_LITERAL_OR_MARK = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|\?|%")

Rows = list[tuple[Any, ...]]
Query = tuple[str, Sequence[Any]]  # a statement and its values


def fetch(connection: Connection, statement: str, values: Sequence[Any] = ()) -> Rows:
    """All rows of a query, as plain tuples."""
    (rows,) = fetch_together(connection, (statement, values))
    return rows


def fetch_together(connection: Connection, *queries: Query) -> list[Rows]:
    """The rows of independent queries; from a server in one round trip."""
    driver: Any = connection.dialect.dbapi
    translated = [(for_driver(connection, statement), tuple(values)) for statement, values in queries]
    with translating_driver_errors(driver):  # SQLite finds most rows only when they are fetched
        if isinstance(connection, SqliteConnection):
            return [connection.driver.execute(*query).fetchall() for query in translated]
        if len(queries) > 1 and connection.dialect.name == "postgresql" and driver.Pipeline.is_supported():
            return _fetch_pipelined(_raw(connection), translated)
        cursors: Iterator[Any] = (connection.exec_driver_sql(*query).cursor for query in translated)
        return [cursor.fetchall() for cursor in cursors]


def _raw(connection: Connection) -> Any:
    """The connection of the driver."""
    return connection.driver if isinstance(connection, SqliteConnection) else connection.connection.driver_connection


def _fetch_pipelined(server: Any, queries: Sequence[Query]) -> list[Rows]:
    with server.pipeline():
        cursors = [server.execute(statement, values) for statement, values in queries]
    return [cursor.fetchall() for cursor in cursors]


def stream(connection: Connection, statement: str) -> Iterator[tuple[Any, ...]]:
    """The rows of a query as they arrive, without holding all of them."""
    names = {"name": f"stream_{next(_stream_numbers)}"} if connection.dialect.name == "postgresql" else {}
    # on a server a named cursor sends some rows at a time
    with translating_driver_errors(connection.dialect.dbapi), closing(_raw(connection).cursor(**names)) as cursor:
        cursor.execute(for_driver(connection, statement), ())
        while rows := cursor.fetchmany(_ROWS_PER_FETCH):
            yield from rows


def marks(values: Sequence[Any]) -> str:
    """The content of ``IN ()`` for these values, of which there is at least one."""
    return ", ".join("?" * len(values))


def insert_rows(
    connection: Connection, table: Table, columns: Sequence[str], amount: int, rows: Iterable[tuple[Any, ...]]
) -> None:
    """Insert by the driver's executemany, many rows per statement: ten times faster than the expression language.

    amount: the number of rows.
    """
    one_row = f"({marks(columns)})"
    head = f"INSERT INTO {table.name} ({', '.join(columns)}) VALUES "
    values = list(chain.from_iterable(rows))
    whole, width = amount - amount % _ROWS_AT_ONCE, len(columns)
    for start, stop, at_once in ((0, whole, _ROWS_AT_ONCE), (whole, amount, 1)):
        step = at_once * width
        parameters = [tuple(values[at : at + step]) for at in range(start * width, stop * width, step)]
        if parameters:
            connection.exec_driver_sql(for_driver(connection, head + ", ".join([one_row] * at_once)), parameters)


def for_driver(connection: Connection, statement: str) -> str:
    """A statement with the driver's own marks for values: psycopg has ``%s``, and ``%%`` for a percent sign."""
    return _for_psycopg(statement) if connection.dialect.name == "postgresql" else statement


@lru_cache(maxsize=500)
def _for_psycopg(statement: str) -> str:
    return _LITERAL_OR_MARK.sub(lambda match: "%s" if match[0] == "?" else match[0].replace("%", "%%"), statement)


@contextmanager
def no_garbage_collection() -> Iterator[None]:
    """Suspend the collector: looking for cycles among a million tuples takes a third of the time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
