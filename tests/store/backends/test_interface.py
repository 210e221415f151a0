"""The contract of the database of a workspace: one class of tests for both implementations."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError
from support.builders import put_run
from support.servers import Server

from contexta import Contexta
from contexta.core.errors import DamagedData, WorkspaceError
from contexta.store.backends import maintenance_lock, postgres
from contexta.store.backends.interface import Database
from contexta.store.backends.postgres import Postgres
from contexta.store.backends.sqlite import Sqlite
from contexta.store.schema import tables

Open = Callable[[], Database]


@pytest.fixture
def open_database(anywhere: Contexta) -> Iterator[Open]:
    """Open the database of a workspace with one run, as often as needed."""
    put_run(anywhere, "one", metrics={"x": 1.0}, stage="train", environment={})
    anywhere.list_runs()
    opened: list[Database] = []

    def open_() -> Database:
        opened.append(Sqlite(anywhere.root) if anywhere.is_local else Postgres(str(anywhere._server)))
        return opened[-1]

    yield open_
    for database in opened:
        database.close()


def names(connection: Connection) -> list[str]:
    return list(connection.exec_driver_sql("SELECT name FROM run ORDER BY id").scalars())


class TestDatabase:
    def test_a_transaction_is_committed_at_its_end(self, open_database: Open) -> None:
        with open_database().transaction(writing=True) as connection:
            connection.exec_driver_sql("UPDATE run SET name = 'changed'")
        with open_database().transaction(writing=False) as connection:
            assert names(connection) == ["changed"]

    def test_a_transaction_that_raises_is_rolled_back(self, open_database: Open) -> None:
        database = open_database()
        with pytest.raises(KeyError), database.transaction(writing=True) as connection:
            connection.exec_driver_sql("UPDATE run SET name = 'changed'")
            raise KeyError
        with database.transaction(writing=False) as connection:
            assert names(connection) == ["one"]

    def test_a_reader_sees_one_moment(self, open_database: Open) -> None:
        reader, writer = open_database(), open_database()
        with reader.transaction(writing=False) as reading:
            assert names(reading) == ["one"]
            with writer.transaction(writing=True) as connection:
                connection.exec_driver_sql("UPDATE run SET name = 'changed'")
            assert names(reading) == ["one"]
        with reader.transaction(writing=False) as reading:
            assert names(reading) == ["changed"]

    def test_a_second_writer_waits_for_the_first(self, open_database: Open) -> None:
        first, second = open_database(), open_database()
        order = []

        def write() -> None:
            with second.transaction(writing=True):
                order.append("second")

        with first.transaction(writing=True):
            thread = threading.Thread(target=write)
            thread.start()
            thread.join(0.3)
            order.append("first")
        thread.join(30)
        assert order == ["first", "second"]

    def test_it_has_the_schema_of_this_version_and_no_faults(self, open_database: Open) -> None:
        database = open_database()
        assert database.version() == tables.SCHEMA_VERSION
        assert database.upgrade() is None
        with database.transaction(writing=False) as connection:
            assert list(database.faults(connection)) == []

    def test_only_one_process_holds_the_maintenance_lock(
        self, open_database: Open, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for module in (maintenance_lock, postgres):
            monkeypatch.setattr(module, "PATIENCE", 0.1)
        first, second = open_database(), open_database()
        with first.alone(), pytest.raises(WorkspaceError, match="another process"), second.alone():
            pass
        with second.alone():
            pass

    def test_a_copy_is_a_file_with_the_same_rows(self, open_database: Open, tmp_path: Path) -> None:
        open_database().copy_to(tmp_path / "copy.db")
        with closing(sqlite3.connect(tmp_path / "copy.db")) as raw:
            assert raw.execute("SELECT ref FROM run").fetchall() == [("run:p.one",)]
            assert raw.execute("SELECT count(*) FROM metric_point").fetchone() == (1,)

    def test_an_error_of_the_driver_becomes_one_of_contexta_without_the_password(self, open_database: Open) -> None:
        database = open_database()
        with pytest.raises(DBAPIError) as raised, database.transaction(writing=False) as connection:
            connection.exec_driver_sql("SELECT * FROM no_such_table")
        error = database.translated(raised.value)
        assert isinstance(error, (WorkspaceError, DamagedData))
        assert "no_such_table" in error.what
        assert error.hint
        assert "hush-hush" not in str(error) + database.name

    def test_closing_twice_is_allowed(self, open_database: Open) -> None:
        database = open_database()
        database.version()
        database.close()
        database.close()


def test_a_server_that_ends_a_connection_is_away(database: str, server: Server) -> None:
    from contexta.core.errors import WorkspaceAway

    opened = Postgres(database)
    with pytest.raises(DBAPIError) as raised, opened.transaction(writing=False) as connection:
        connection.exec_driver_sql("SELECT 1")
        own = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'contexta'"
        with suppress(Exception):
            server.ask(database, own + " AND datname = current_database()")
        connection.exec_driver_sql("SELECT 1")
    assert isinstance(opened.translated(raised.value), WorkspaceAway)
    opened.close()
