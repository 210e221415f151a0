"""The database of a local workspace: one SQLite file in the directory of the workspace."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, cast
from urllib.parse import quote

from contexta.core.errors import DamagedData, WorkspaceError
from contexta.core.files.atomic_files import sync_directory
from contexta.core.settings import DATABASE
from contexta.store.backends import maintenance_lock
from contexta.store.backends.file_systems import is_network, kind_of
from contexta.store.backends.interface import Fault
from contexta.store.schema import tables
from contexta.store.schema.sqlite_connection import SqliteConnection, translating_driver_errors
from contexta.store.schema.statements import fetch

if TYPE_CHECKING:
    from sqlalchemy import Connection
    from sqlalchemy.exc import DBAPIError
    from sqlalchemy.exc import TimeoutError as PoolTimeout

_BUSY_SECONDS = 30
_CACHE_KIB = 32 * 1024  # a query among 100 000 runs reads pages that are far apart; allocated as needed
_MAGIC = b"SQLite format 3\0"
_ABANDONED_SECONDS = 3600.0  # a temporary file of this age has no living writer
_MOST_FAULTS = 100
_MOST_IDLE = 5  # connections that wait for the next transaction


class Sqlite:
    """An open database file."""

    is_local = True

    def __init__(self, root: Path, *, read_only: bool = False) -> None:
        """read_only: write nothing, not even the index of the write-ahead log, and read damaged texts too. Raises
        WorkspaceError when that is impossible."""
        self.name = f"workspace {root}"
        self.path = root / DATABASE
        self._address = _read_only_address(self.path) if read_only else None
        self._idle: list[SqliteConnection] = []
        self._is_closed = False
        self._identity = _identity(self.path)

    @contextmanager
    def transaction(self, *, writing: bool) -> Iterator[Connection]:
        """A writer takes its lock at the start, and its commit is on disk at the end: synchronous FULL."""
        if writing and _identity(self.path) != self._identity:
            raise WorkspaceError(
                f"{self.name} was removed or replaced while it was open", hint="open it again with Contexta(...)"
            )
        connection = self._taken()
        try:
            with connection.transaction(writing=writing):
                yield cast("Connection", connection)
        finally:
            self._give_back(connection)

    def _taken(self) -> SqliteConnection:
        """An idle connection or a new one."""
        try:
            return self._idle.pop()
        except IndexError:
            return _opened(self.path) if self._address is None else _opened_read_only(self._address)

    def _give_back(self, connection: SqliteConnection) -> None:
        if self._is_closed or len(self._idle) >= _MOST_IDLE or connection.driver.in_transaction:
            connection.driver.close()
        else:
            self._idle.append(connection)

    def version(self) -> str:
        with self.transaction(writing=False) as connection:
            names = (tables.VERSION_TABLE, "run")
            ((present,),) = fetch(connection, "SELECT count(*) FROM sqlite_master WHERE name IN (?, ?)", names)
            version = _version(connection) if present == 2 else None
        if version is None:
            raise _not_ours(self.path)
        return version

    def upgrade(self) -> Path | None:
        """Copy the file, then upgrade it. Killed at any moment, it has the old schema or the new one.

        Returns None if another process was first.
        """
        from contexta.store.schema.migrate import migrate

        opened = _opened(self.path, foreign_keys=False)  # migrations rebuild tables; references are checked at the end
        connection = cast("Connection", opened)
        with closing(opened.driver), opened.transaction(writing=True):
            before = _version(connection)
            if before is None or before >= tables.SCHEMA_VERSION:
                return None
            copy = _copy(self.path, before)
            migrate(opened.sqlalchemy)
            if fetch(connection, "PRAGMA foreign_key_check"):
                raise DamagedData(
                    f"{self.path} refers to missing rows, and was not upgraded",
                    hint=f"restore it from a backup; it is unchanged, and so is its copy {copy.name}",
                )
            return copy

    def copy_to(self, path: Path) -> None:
        from contexta.store.backends.copying import file_to_file

        file_to_file(self.path, path)

    @contextmanager
    def alone(self) -> Iterator[None]:
        with maintenance_lock.alone(self.path.parent):
            yield

    def faults(self, connection: Connection) -> Iterator[Fault]:
        from contexta.store.schema import sqlite_ddl

        for (message,) in fetch(connection, f"PRAGMA integrity_check({_MOST_FAULTS})"):
            if message != "ok":
                yield Fault("database", "pages", message)
        for table, row, parent, _ in fetch(connection, "PRAGMA foreign_key_check"):
            yield Fault("row", f"{table} {row}", f"it refers to a row of {parent} that is missing")
        definitions = set(fetch(connection, sqlite_ddl.DEFINITIONS))
        for kind, name, *_ in sorted(definitions ^ sqlite_ddl.expected_definitions(), key=repr)[:_MOST_FAULTS]:
            yield Fault("database", f"{kind} {name}", "its definition is not that of this version")
        versions = [version for (version,) in fetch(connection, _VERSION)]
        if versions != [tables.SCHEMA_VERSION]:
            yield Fault("database", tables.VERSION_TABLE, f"it is {versions}, not {tables.SCHEMA_VERSION}")

    def translated(self, error: DBAPIError | PoolTimeout) -> WorkspaceError | DamagedData:
        return _translated(self.path.parent, error)

    def close(self) -> None:
        self._is_closed = True
        while self._idle:
            self._idle.pop().driver.close()


def create(root: Path) -> None:
    """Build the schema in a temporary file, then rename it: the first process wins, and no reader sees half of it."""
    from sqlalchemy import URL, create_engine
    from sqlalchemy.exc import DBAPIError

    from contexta.store.schema.migrate import migrate

    database = root / DATABASE
    temporary = database.with_name(f".new-{os.getpid()}-{os.urandom(4).hex()}.db")
    try:
        engine = create_engine(URL.create("sqlite", database=os.fspath(temporary)))
        with engine.begin() as connection:
            migrate(connection)
        engine.dispose()
        try:
            os.link(temporary, database)
        except FileExistsError:
            return
        except OSError:  # a file system without hard links
            if not database.exists():
                temporary.replace(database)
        sync_directory(os.fspath(root))
    except DBAPIError as error:
        raise _translated(root, error) from error
    finally:
        temporary.unlink(missing_ok=True)


def require_usable(root: Path) -> None:
    """Raise WorkspaceError or OSError unless the file is an SQLite database that can be written. Changes nothing."""
    with (root / DATABASE).open("rb") as file:
        if file.read(len(_MAGIC)) != _MAGIC:
            raise _not_ours(root / DATABASE)
    with (root / DATABASE).open("r+b"):
        pass


def _opened(database: Path, *, foreign_keys: bool = True) -> SqliteConnection:
    mode = "DELETE" if is_network(kind_of(database.parent)) else "WAL"
    with translating_driver_errors():
        driver = sqlite3.connect(
            database,
            timeout=_BUSY_SECONDS,
            isolation_level=None,  # BEGIN is explicit: a writer must take its lock at the start
            check_same_thread=False,
        )
        driver.execute(f"PRAGMA journal_mode={mode}")
        driver.execute("PRAGMA synchronous=FULL")
        driver.execute(f"PRAGMA cache_size=-{_CACHE_KIB}")
        driver.execute(f"PRAGMA foreign_keys={'ON' if foreign_keys else 'OFF'}")
    return SqliteConnection(driver)


def _read_only_address(database: Path) -> str:
    return f"file:{quote(os.fspath(database))}?mode=ro{_immutable(database)}"


def _opened_read_only(address: str) -> SqliteConnection:
    with translating_driver_errors():
        driver = sqlite3.connect(address, uri=True, isolation_level=None, check_same_thread=False)
        driver.text_factory = lambda data: data.decode("utf-8", "surrogateescape")  # a damaged text may be no UTF-8
        driver.execute("PRAGMA trusted_schema = OFF")
    return SqliteConnection(driver)


def _immutable(database: Path) -> str:
    """The option that SQLite needs where it cannot write the index of the write-ahead log."""
    if os.access(database.parent, os.W_OK):
        return ""
    log = database.with_name(f"{database.name}-wal")
    if log.exists() and log.stat().st_size:
        raise WorkspaceError(
            f"{database.parent} is read-only, and {log.name} contains changes that cannot be read without writing",
            hint="ask a user who may write it to run `contexta verify`",
        )
    return "&immutable=1"


_VERSION = f"SELECT version_num FROM {tables.VERSION_TABLE}"


def _version(connection: Connection) -> str | None:
    return next((version for (version,) in fetch(connection, _VERSION)), None)


def _copy(database: Path, version: str) -> Path:
    """Copy the file to the same directory; an incomplete copy never has the final name."""
    for old in database.parent.glob(".copy-*.db"):
        if time.time() - old.stat().st_mtime > _ABANDONED_SECONDS:
            old.unlink(missing_ok=True)
    moment = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    copy = database.with_name(f"{database.stem}-schema-{version}-{moment}.db")
    temporary = database.with_name(f".copy-{os.getpid()}-{os.urandom(4).hex()}.db")
    try:
        with closing(sqlite3.connect(database)) as source, closing(sqlite3.connect(temporary)) as target:
            source.backup(target)
        with temporary.open("r+b") as file:
            os.fsync(file.fileno())
        temporary.replace(copy)
        sync_directory(os.fspath(database.parent))
    except sqlite3.Error as error:
        raise WorkspaceError(
            f"{database} could not be copied before its upgrade, and is unchanged: {error}",
            hint="free some space there: the copy is as large as the database",
        ) from error
    finally:
        temporary.unlink(missing_ok=True)
    return copy


def _identity(database: Path) -> tuple[int, int] | None:
    """(device, inode) of the file, to notice a replacement; None when it is missing."""
    try:
        status = database.stat()
    except FileNotFoundError:
        return None
    return status.st_dev, status.st_ino


def _not_ours(database: Path) -> WorkspaceError:
    return WorkspaceError(
        f"{database} is not a Contexta database", hint="choose another workspace, or move that file away"
    )


def _translated(root: Path, error: DBAPIError | PoolTimeout) -> WorkspaceError | DamagedData:
    fault = getattr(error, "orig", error)
    message = str(fault)
    if isinstance(fault, sqlite3.OperationalError):
        if "locked" in message or "busy" in message:
            return WorkspaceError(
                f"workspace {root} was busy for {_BUSY_SECONDS} seconds: another process keeps writing to it",
                hint="end that process, or try again",
            )
        if "no such" in message:
            return WorkspaceError(f"{root / DATABASE} is damaged: {message}", hint="restore it from a backup")
        hint = "free some space" if "full" in message else "check the directory's permissions and the disk"
        return WorkspaceError(f"workspace {root} cannot be used: {message}", hint=hint)
    return DamagedData(f"the database of workspace {root} answered: {message}", hint="restore it from a backup")
