"""The workspace of a team: a PostgreSQL database. What this machine's runs say waits in a directory of its own.

Writers take turns, one transaction each, by an advisory lock of the database: a reader of a journal sees the position
that the one before it left, whichever machine that was on. A client that is stopped in the middle loses its
transaction to the server's time limit, so that it stops nobody else for long.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, inspect
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from contexta.core import workspace_address
from contexta.core.errors import DamagedData, WorkspaceAway, WorkspaceError
from contexta.store.backends.maintenance_lock import PATIENCE, busy
from contexta.store.schema import tables

_CONNECT_SECONDS = 10
_BUSY_SECONDS = 60  # a writer waits so long for its turn ...
_IDLE_SECONDS = 30  # ... and loses it when its machine says nothing for so long
_LOCK = 0x636F6E74657874  # "context"; advisory locks are one space for all users of a database
_LOCK_ALONE = _LOCK + 1  # of who backs up or cleans
_OPTIONS = f"-c lock_timeout={_BUSY_SECONDS}s -c idle_in_transaction_session_timeout={_IDLE_SECONDS}s"


class Postgres:
    """The database behind an address, open."""

    def __init__(self, url: str) -> None:
        """Connects at its first use. Raises WorkspaceError when psycopg is not installed."""
        self.name = f"workspace {workspace_address.shown(url)}"
        self._url = url
        self._engine = _engine(url)

    @contextmanager
    def transaction(self, *, writing: bool) -> Iterator[Connection]:
        """A reader sees one moment; a writer is alone, and on the server's disk when it is done."""
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
        """The schema it has; made now in a database that has none of our tables."""
        with self.transaction(writing=False) as connection:
            found = self._version(connection)
        return found or self._create()

    def upgrade(self) -> None:
        """Bring it to the schema of this version, in one transaction."""
        from contexta.store.schema import migrate

        with self.transaction(writing=True) as connection:
            if (self._version(connection) or "") < tables.SCHEMA_VERSION:  # else another process was faster
                migrate.run(connection)

    def copy_to(self, copy: Path) -> None:
        """The database as of one moment in a new file of SQLite."""
        from contexta.store.backends.copying import server_to_file

        with self.transaction(writing=False) as connection:
            server_to_file(connection, copy)

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Kept by a lock of the database, whichever machines want it; it goes with the connection that holds it."""
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
                with suppress(DBAPIError):  # a connection that is lost has given it back
                    connection.exec_driver_sql(f"SELECT pg_advisory_unlock({_LOCK_ALONE})")

    def fault(self, error: DBAPIError | PoolTimeout) -> WorkspaceError | DamagedData:
        """The server's own words in ours, without the password."""
        if not isinstance(error, DBAPIError):
            return WorkspaceError(f"{self.name} was busy: {error}", hint="try again")
        words = workspace_address.blanked(
            str(error.orig).strip().splitlines()[0] if str(error.orig) else "nothing", self._url
        )
        state = getattr(error.orig, "sqlstate", None)
        return _told(self.name, words, state, lost=error.connection_invalidated)

    def close(self) -> None:
        self._engine.dispose()

    def _create(self) -> str:
        from contexta.store.schema import migrate

        with self.transaction(writing=True) as connection:
            found = self._version(connection)
            if found is None:  # else another process was faster
                foreign = set(inspect(connection).get_table_names()) & set(tables.metadata.tables)
                if foreign:
                    raise WorkspaceError(
                        f"{self.name} holds tables that are not Contexta's: {', '.join(sorted(foreign))}",
                        hint="give Contexta a database of its own: createdb contexta",
                    )
                migrate.run(connection)
        return found or tables.SCHEMA_VERSION

    def _version(self, connection: Connection) -> str | None:
        if connection.exec_driver_sql(f"SELECT to_regclass('{tables.VERSION_TABLE}')").scalar() is None:
            return None
        found: str | None = connection.exec_driver_sql(f"SELECT version_num FROM {tables.VERSION_TABLE}").scalar()
        return found


def _engine(url: str) -> Engine:
    try:
        import psycopg
        from psycopg.conninfo import conninfo_to_dict
    except ImportError as error:
        raise WorkspaceError(
            f"{workspace_address.shown(url)} needs psycopg, which cannot be imported here: {error}",
            hint='install it with `uv pip install "contexta[postgres]"`',
        ) from None
    try:
        told = conninfo_to_dict(url)
    except psycopg.Error as error:
        reason = workspace_address.blanked(str(error).strip(), url)
        raise WorkspaceError(
            f"{workspace_address.shown(url)} is not the address of a database: {reason}",
            hint="write characters such as @ / : # in a password as %40 %2F %3A %23",
        ) from None
    more: dict[str, Any] = {"connect_timeout": _CONNECT_SECONDS, "application_name": "contexta"}
    given = {name: value for name, value in more.items() if name not in told}
    given["options"] = f"{_OPTIONS} {told.get('options') or ''}".strip()

    def connect() -> Any:
        return psycopg.connect(url, client_encoding="utf8", keepalives_idle=30, **given)

    return create_engine("postgresql+psycopg://", creator=connect, pool_pre_ping=True, pool_timeout=_BUSY_SECONDS)


_BY_STATE = {
    "28P01": ("the password was refused", "put it into the address, PGPASSWORD or ~/.pgpass"),
    "28000": ("the user was refused", "name another user in the address, or ask who runs the server"),
    "3D000": ("there is no such database", "make it: createdb contexta"),
    "42501": ("a permission is missing", "as its owner: GRANT ALL ON SCHEMA public TO that user"),
    "53100": ("the server's disk is full", "free some space there"),
    "55P03": (f"it was busy for {_BUSY_SECONDS} seconds: others keep writing to it", "try again"),
}
# The server says these before there is a connection, where libpq gives no code: found by the words.
_BY_WORDS = {
    "password authentication failed": "28P01",
    "no password supplied": "28P01",
    "pg_hba.conf": "28000",
    "role": "28000",
    "does not exist": "3D000",
}
_AWAY = ("08", "57P", "53300", "25P03")


def _told(name: str, words: str, state: str | None, *, lost: bool) -> WorkspaceError | DamagedData:
    if state is None:
        state = next((code for part, code in _BY_WORDS.items() if part in words), None)
    if state in _BY_STATE:
        what, hint = _BY_STATE[state]
        return WorkspaceError(f"{name} cannot be used: {what} ({words})", hint=hint)
    if lost or state is None or state.startswith(_AWAY):
        resolved = "resolve host" not in words and "translate host" not in words
        hint = "check that the server runs and can be reached from here" if resolved else "correct the host's name"
        return WorkspaceAway(
            f"{name} cannot be reached: {words}",
            hint=f"{hint}; runs are recorded meanwhile, and `contexta sync` delivers them",
        )
    if state.startswith(("40", "57014")):
        return WorkspaceError(f"{name} was busy: {words}", hint="try again")
    return DamagedData(f"{name} answered: {words}", hint="report it; what was stored before is untouched")
