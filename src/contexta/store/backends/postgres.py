"""The database of a team's workspace: PostgreSQL.

An advisory lock of the database admits one writer at a time. So each process that ingests a journal sees the position
that the one before it stored, on whichever machine that ran. A client that stops in the middle loses its transaction
to the time limit of the server, and blocks others no longer than that.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, ForeignKey, create_engine, inspect
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from contexta.core import workspace_address
from contexta.core.errors import DamagedData, WorkspaceAway, WorkspaceError
from contexta.core.own_source import install_hint
from contexta.store.backends.interface import Fault
from contexta.store.backends.maintenance_lock import PATIENCE, busy
from contexta.store.schema import tables

_CONNECT_SECONDS = 10
_BUSY_SECONDS = 60  # how long a writer waits for its turn
_IDLE_SECONDS = 30  # how long a transaction may be idle
_LOCK = 0x636F6E74657874  # "context"; advisory locks are one space for all users of a database
_LOCK_ALONE = _LOCK + 1  # for backup and gc
_MOST_FAULTS = 100
_OPTIONS = f"-c lock_timeout={_BUSY_SECONDS}s -c idle_in_transaction_session_timeout={_IDLE_SECONDS}s"


class Postgres:
    """The database at an address; it is connected at its first use."""

    is_local = False

    def __init__(self, url: str) -> None:
        """Raises WorkspaceError when psycopg is not installed or the address is malformed."""
        self.name = f"workspace {workspace_address.shown(url)}"
        self._url = url
        self._engine = _engine(url)

    @contextmanager
    def transaction(self, *, writing: bool) -> Iterator[Connection]:
        options: dict[str, Any] = {"isolation_level": "READ COMMITTED"}
        if not writing:
            options = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
        with self._engine.connect() as connection:
            connection = connection.execution_options(**options)
            with connection.begin():
                if writing:
                    connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK})")
                yield connection

    def version(self) -> str:
        with self.transaction(writing=False) as connection:
            version = self._version(connection)
        return version or self._create()

    def upgrade(self) -> None:
        from contexta.store.schema.migrate import migrate

        with self.transaction(writing=True) as connection:
            if (self._version(connection) or "") < tables.SCHEMA_VERSION:  # else another process was first
                migrate(connection)

    def copy_to(self, path: Path) -> None:
        from contexta.store.backends.copying import server_to_file

        with self.transaction(writing=False) as connection:
            server_to_file(connection, path)

    @contextmanager
    def alone(self) -> Iterator[None]:
        with self._engine.connect() as connection:
            connection = connection.execution_options(isolation_level="AUTOCOMMIT")
            deadline = time.monotonic() + PATIENCE
            while not connection.exec_driver_sql(f"SELECT pg_try_advisory_lock({_LOCK_ALONE})").scalar():
                if time.monotonic() > deadline:
                    raise busy(self.name)
                time.sleep(0.2)
            try:
                yield
            finally:
                with suppress(DBAPIError):  # a lost connection has released it
                    connection.exec_driver_sql(f"SELECT pg_advisory_unlock({_LOCK_ALONE})")

    def faults(self, connection: Connection) -> Iterator[Fault]:
        inspector = inspect(connection)
        names = set(inspector.get_table_names())
        for table in tables.metadata.sorted_tables:
            columns = {column["name"] for column in inspector.get_columns(table.name)} if table.name in names else set()
            for column in table.columns:
                if column.name not in columns:
                    yield Fault("database", f"table {table.name}", f"it has no column {column.name}")
        for table in tables.metadata.sorted_tables:
            for column in table.columns:
                for key in column.foreign_keys:
                    yield from _orphans(connection, table.name, column.name, key)

    def translated(self, error: DBAPIError | PoolTimeout) -> WorkspaceError | DamagedData:
        if not isinstance(error, DBAPIError):
            return WorkspaceError(f"{self.name} was busy: {error}", hint="try again")
        message = workspace_address.blanked(
            str(error.orig).strip().splitlines()[0] if str(error.orig) else "nothing", self._url
        )
        state = getattr(error.orig, "sqlstate", None)
        return _translated(self.name, message, state, lost=error.connection_invalidated)

    def close(self) -> None:
        self._engine.dispose()

    def _create(self) -> str:
        from contexta.store.schema.migrate import migrate

        with self.transaction(writing=True) as connection:
            version = self._version(connection)
            if version is None:  # else another process was first
                foreign = set(inspect(connection).get_table_names()) & set(tables.metadata.tables)
                if foreign:
                    raise WorkspaceError(
                        f"{self.name} contains tables of other programs: {', '.join(sorted(foreign))}",
                        hint="give Contexta a database of its own: createdb contexta",
                    )
                migrate(connection)
        return version or tables.SCHEMA_VERSION

    def _version(self, connection: Connection) -> str | None:
        if connection.exec_driver_sql(f"SELECT to_regclass('{tables.VERSION_TABLE}')").scalar() is None:
            return None
        version: str | None = connection.exec_driver_sql(f"SELECT version_num FROM {tables.VERSION_TABLE}").scalar()
        return version


def _orphans(connection: Connection, table: str, column: str, key: ForeignKey) -> Iterator[Fault]:
    """Rows that refer to missing rows: the server refuses to write them, but damage can produce them."""
    parent = key.column
    rows = connection.exec_driver_sql(
        f"SELECT DISTINCT child.{column} FROM {table} AS child WHERE child.{column} IS NOT NULL AND NOT EXISTS"
        f" (SELECT 1 FROM {parent.table.name} AS parent WHERE parent.{parent.name} = child.{column})"
        f" ORDER BY 1 LIMIT {_MOST_FAULTS}"
    )
    for (number,) in rows:
        yield Fault("row", f"{table}.{column} {number}", f"it refers to a row of {parent.table.name} that is missing")


def _engine(url: str) -> Engine:
    try:
        import psycopg
        from psycopg.conninfo import conninfo_to_dict
    except ImportError as error:
        raise WorkspaceError(
            f"{workspace_address.shown(url)} needs psycopg, which cannot be imported here: {error}",
            hint=f"install it with {install_hint('postgres')}",
        ) from None
    try:
        parts = conninfo_to_dict(url)
    except psycopg.Error as error:
        reason = workspace_address.blanked(str(error).strip(), url)
        raise WorkspaceError(
            f"{workspace_address.shown(url)} is not the address of a database: {reason}",
            hint="write characters such as @ / : # in a password as %40 %2F %3A %23",
        ) from None
    defaults: dict[str, Any] = {"connect_timeout": _CONNECT_SECONDS, "application_name": "contexta"}
    settings = {name: value for name, value in defaults.items() if name not in parts}
    settings["options"] = f"{_OPTIONS} {parts.get('options') or ''}".strip()

    def connect() -> Any:
        return psycopg.connect(url, client_encoding="utf8", keepalives_idle=30, **settings)

    return create_engine("postgresql+psycopg://", creator=connect, pool_pre_ping=True, pool_timeout=_BUSY_SECONDS)


_BY_STATE = {
    "28P01": ("the password was refused", "put it into the address, PGPASSWORD or ~/.pgpass"),
    "28000": ("the user was refused", "name another user in the address, or ask who runs the server"),
    "3D000": ("there is no such database", "make it: createdb contexta"),
    "42501": ("a permission is missing", "as its owner: GRANT ALL ON SCHEMA public TO that user"),
    "53100": ("the server's disk is full", "free some space there"),
    "55P03": (f"it was busy for {_BUSY_SECONDS} seconds: others keep writing to it", "try again"),
}
# libpq has no code for errors before there is a connection, so the words of the message are matched.
_BY_WORDS = {
    "password authentication failed": "28P01",
    "no password supplied": "28P01",
    "pg_hba.conf": "28000",
    "role": "28000",
    "does not exist": "3D000",
}
_AWAY = ("08", "57P", "53300", "25P03")


def _translated(name: str, message: str, state: str | None, *, lost: bool) -> WorkspaceError | DamagedData:
    if state is None:
        state = next((code for part, code in _BY_WORDS.items() if part in message), None)
    if state in _BY_STATE:
        reason, hint = _BY_STATE[state]
        return WorkspaceError(f"{name} cannot be used: {reason} ({message})", hint=hint)
    if lost or state is None or state.startswith(_AWAY):
        resolved = "resolve host" not in message and "translate host" not in message
        hint = "check that the server runs and can be reached from here" if resolved else "correct the host's name"
        return WorkspaceAway(
            f"{name} cannot be reached: {message}",
            hint=f"{hint}; runs are recorded meanwhile, and `contexta sync` delivers them",
        )
    if state.startswith(("40", "57014")):
        return WorkspaceError(f"{name} was busy: {message}", hint="try again")
    return DamagedData(f"{name} answered: {message}", hint="report it; stored data is unchanged")
