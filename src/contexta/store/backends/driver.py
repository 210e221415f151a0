"""Statements in the database's own words, where the expression language would cost more than the rows.

Written with ``?`` for each value. Values go in and come out as they lie in the database: moments as microseconds, JSON
as text.
"""

from __future__ import annotations

import gc
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import chain
from typing import Any

from sqlalchemy import Connection, Table
from sqlalchemy.exc import DBAPIError

_ROWS_AT_ONCE = 20

Rows = list[tuple[Any, ...]]
Question = tuple[str, Sequence[Any]]  # a statement and its values


def fetch(connection: Connection, statement: str, values: Sequence[Any] = ()) -> Rows:
    """All rows of a question, as plain tuples."""
    (rows,) = fetch_together(connection, (statement, values))
    return rows


def fetch_together(connection: Connection, *questions: Question) -> list[Rows]:
    """The rows of questions that do not wait for each other's answers: of a server in one round trip."""
    asked = [(_in_words_of(connection, statement), tuple(values)) for statement, values in questions]
    driver: Any = connection.dialect.dbapi
    words, values = asked[0]
    try:
        if len(asked) > 1 and connection.dialect.name == "postgresql" and driver.Pipeline.is_supported():
            return _piped(connection.connection.driver_connection, asked)
        found = []
        for words, values in asked:
            cursor: Any = connection.exec_driver_sql(words, values).cursor
            found.append(cursor.fetchall())
    except driver.Error as error:  # SQLite looks for most rows only when they are fetched
        raise DBAPIError.instance(words, values, error, driver.Error) from error
    return found


def _piped(server: Any, asked: Sequence[Question]) -> list[Rows]:
    """By the driver's own pipeline, which waits where it ends, and only there."""
    with server.pipeline():
        cursors = [server.execute(words, values) for words, values in asked]
    return [cursor.fetchall() for cursor in cursors]


def marks(values: Sequence[Any]) -> str:
    """What stands between the brackets of ``IN ()`` for these values, of which there is at least one."""
    return ", ".join("?" * len(values))


def insert_rows(
    connection: Connection, table: Table, columns: Sequence[str], amount: int, rows: Iterable[tuple[Any, ...]]
) -> None:
    """By the driver's own executemany, many rows to a statement: ten times faster than through the expression language.
    amount: how many rows there are."""
    one = f"({marks(columns)})"
    head = f"INSERT INTO {table.name} ({', '.join(columns)}) VALUES "
    values = list(chain.from_iterable(rows))
    whole, width = amount - amount % _ROWS_AT_ONCE, len(columns)
    for start, stop, at_once in ((0, whole, _ROWS_AT_ONCE), (whole, amount, 1)):
        step = at_once * width
        parameters = [tuple(values[at : at + step]) for at in range(start * width, stop * width, step)]
        if parameters:
            statement = head + ", ".join([one] * at_once)
            connection.exec_driver_sql(_in_words_of(connection, statement), parameters)


def _in_words_of(connection: Connection, statement: str) -> str:
    return statement.replace("?", "%s") if connection.dialect.name == "postgresql" else statement


@contextmanager
def no_garbage_collection() -> Iterator[None]:
    """A million tuples without a cycle among them: looking for one takes a third of the time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
