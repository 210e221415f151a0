from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, OperationalError

from contexta.store.schema.sqlite_connection import SqliteConnection


def opened(path: Path) -> SqliteConnection:
    driver = sqlite3.connect(path, isolation_level=None, timeout=0.1, check_same_thread=False)
    driver.execute("PRAGMA journal_mode=WAL")
    return SqliteConnection(driver)


@pytest.fixture
def connection(tmp_path: Path) -> SqliteConnection:
    connection = opened(tmp_path / "some.db")
    connection.driver.execute("CREATE TABLE number (value INTEGER UNIQUE)")
    return connection


def count(connection: SqliteConnection) -> int:
    ((number,),) = connection.driver.execute("SELECT count(*) FROM number").fetchall()
    return int(number)


def test_text_and_expressions_share_one_transaction(connection: SqliteConnection, tmp_path: Path) -> None:
    with connection.transaction(writing=True):
        connection.driver.execute("INSERT INTO number VALUES (1)")
        connection.execute(text("INSERT INTO number VALUES (2)"))
        assert count(connection) == 2
        assert count(opened(tmp_path / "some.db")) == 0
    assert count(opened(tmp_path / "some.db")) == 2


def test_reader_sees_one_moment_before_and_after_its_first_expression(
    connection: SqliteConnection, tmp_path: Path
) -> None:
    with connection.transaction(writing=False):
        assert count(connection) == 0
        opened(tmp_path / "some.db").driver.execute("INSERT INTO number VALUES (1)")
        assert connection.execute(text("SELECT count(*) FROM number")).scalar_one() == 0
        assert count(connection) == 0
    with connection.transaction(writing=False):
        assert connection.execute(text("SELECT count(*) FROM number")).scalar_one() == 1


@pytest.mark.parametrize("uses_expressions", [False, True])
def test_exception_rolls_back_and_the_connection_can_be_used_again(
    connection: SqliteConnection, uses_expressions: bool
) -> None:
    execute = connection.exec_driver_sql if uses_expressions else connection.driver.execute
    with pytest.raises(KeyError), connection.transaction(writing=True):
        execute("INSERT INTO number VALUES (1)")
        raise KeyError
    assert count(connection) == 0
    with connection.transaction(writing=True):
        execute("INSERT INTO number VALUES (1)")
    assert count(connection) == 1


def test_failed_part_leaves_the_rest_of_a_transaction(connection: SqliteConnection) -> None:
    with connection.transaction(writing=True):
        connection.execute(text("INSERT INTO number VALUES (1)"))
        with pytest.raises(DBAPIError), connection.begin_nested():
            connection.execute(text("INSERT INTO number VALUES (2)"))
            connection.execute(text("INSERT INTO number VALUES (1)"))
    assert count(connection) == 1


def test_busy_database_raises_the_error_of_sqlalchemy(connection: SqliteConnection, tmp_path: Path) -> None:
    with connection.transaction(writing=True):
        other = opened(tmp_path / "some.db")
        with pytest.raises(OperationalError, match="locked"), other.transaction(writing=True):
            pass
    with other.transaction(writing=True):
        other.driver.execute("INSERT INTO number VALUES (1)")
    assert count(connection) == 1
