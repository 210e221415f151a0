"""Observe the statements that reach the database of a local workspace."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Engine, event

from contexta import Contexta


class _Noting:
    """A connection of the driver that notes what it executes."""

    def __init__(self, driver: Any, statements: list[tuple[str, Any]]) -> None:
        self._driver = driver
        self._statements = statements

    def execute(self, statement: str, values: Any = ()) -> Any:
        self._statements.append((statement, values))
        return self._driver.execute(statement, values)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._driver, name)


@contextmanager
def observed_statements(ctx: Contexta) -> Iterator[list[tuple[str, Any]]]:
    """The statements that a workspace executes meanwhile in this thread, with their values."""
    statements: list[tuple[str, Any]] = []

    def note(_: Any, cursor: Any, statement: str, values: Any, *rest: Any) -> None:
        statements.append((statement, values))

    database: Any = ctx._opened().database
    idle = list(database._idle)
    assert idle
    drivers = [connection.driver for connection in idle]
    for connection in idle:
        connection.driver = _Noting(connection.driver, statements)
    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield statements
    finally:
        event.remove(Engine, "before_cursor_execute", note)
        for connection, driver in zip(idle, drivers, strict=True):
            connection.driver = driver
