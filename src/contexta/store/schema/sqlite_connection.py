"""A connection to SQLite that imports SQLAlchemy only for statements of its expression language."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine


class SqliteConnection:
    """A connection of the driver. Attributes that it lacks are those of a SQLAlchemy connection in its transaction."""

    dialect = SimpleNamespace(name="sqlite", dbapi=sqlite3)

    def __init__(self, driver: sqlite3.Connection) -> None:
        self.driver = driver
        self._sqlalchemy: Connection | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self.sqlalchemy, name)

    @property
    def sqlalchemy(self) -> Connection:
        """The same connection for SQLAlchemy, in the same transaction."""
        if self._sqlalchemy is None:
            from sqlalchemy import Connection
            from sqlalchemy.pool import StaticPool

            driver: Any = self.driver
            engine = _engine()
            pool = StaticPool(lambda: driver, dialect=engine.dialect, reset_on_return=None)
            self._sqlalchemy = Connection(engine, pool.connect())
        if not self._sqlalchemy.in_transaction():
            self._sqlalchemy.begin()  # executes nothing: ``transaction`` began it
        return self._sqlalchemy

    @contextmanager
    def transaction(self, *, writing: bool) -> Iterator[None]:
        """A transaction: committed at the end, rolled back if the block raises. Raises DBAPIError."""
        try:
            with translating_driver_errors():
                self.driver.execute("BEGIN IMMEDIATE" if writing else "BEGIN")
            yield
            with translating_driver_errors():
                self.driver.commit()
        except BaseException:
            with suppress(sqlite3.Error):  # the first error tells more
                self.driver.rollback()
            raise
        finally:
            if self._sqlalchemy is not None:
                self._sqlalchemy.rollback()  # executes nothing: SQLAlchemy does not notice that the transaction ended


@contextmanager
def translating_driver_errors(driver: Any = sqlite3) -> Iterator[None]:
    """Raise errors of a driver as SQLAlchemy does."""
    try:
        yield
    except driver.Error as error:
        from sqlalchemy.exc import DBAPIError

        raise DBAPIError.instance(None, None, error, driver.Error) from error


@cache
def _engine() -> Engine:
    """The dialect and the compiled statements of all connections of this process."""
    from sqlalchemy import create_engine

    engine = create_engine("sqlite://")
    with engine.connect():  # SQLAlchemy reads the version of SQLite
        pass
    return engine
