"""The database of a local workspace: one SQLite file in the directory of the workspace."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from contexta.core.errors import DamagedData, WorkspaceError
from contexta.core.files.atomic_files import sync_directory
from contexta.core.settings import DATABASE
from contexta.store.backends import maintenance_lock
from contexta.store.backends.file_systems import is_network, kind_of
from contexta.store.backends.interface import Fault
from contexta.store.schema import sqlite_ddl, tables

_BUSY_SECONDS = 30
_CACHE_KIB = 32 * 1024  # a query among 100 000 runs reads pages that are far apart; allocated as needed
_MAGIC = b"SQLite format 3\0"
_ABANDONED_SECONDS = 3600.0  # a temporary file of this age has no living writer
_MOST_FAULTS = 100


class Sqlite:
    """An open database file."""

    is_local = True

    def __init__(self, root: Path, *, read_only: bool = False) -> None:
        """read_only: write nothing, not even the index of the write-ahead log, and read damaged texts too. Raises
        WorkspaceError when that is impossible."""
        self.name = f"workspace {root}"
        self.path = root / DATABASE
        self._engine = _read_only_engine(self.path) if read_only else _engine(self.path)
        self._identity = _identity(self.path)

    @contextmanager
    def transaction(self, *, writing: bool) -> Iterator[Connection]:
        """A writer takes its lock at the start, and its commit is on disk at the end: synchronous FULL."""
        if writing and _identity(self.path) != self._identity:
            raise WorkspaceError(
                f"{self.name} was removed or replaced while it was open", hint="open it again with Contexta(...)"
            )
        with self._engine.connect() as connection:
            connection = connection.execution_options(contexta_begin="BEGIN IMMEDIATE" if writing else "BEGIN")
            with connection.begin():
                yield connection

    def version(self) -> str:
        with self.transaction(writing=False) as connection:
            present = connection.exec_driver_sql(
                f"SELECT count(*) FROM sqlite_master WHERE name IN ('{tables.VERSION_TABLE}', 'run')"
            ).scalar()
            version = _version(connection) if present == 2 else None
        if version is None:
            raise _not_ours(self.path)
        return version

    def upgrade(self) -> Path | None:
        """Copy the file, then upgrade it. Killed at any moment, it has the old schema or the new one.

        Returns None if another process was first.
        """
        from contexta.store.schema.migrate import migrate

        engine = _engine(self.path, foreign_keys=False)  # migrations rebuild tables; references are checked at the end
        try:
            with engine.connect() as connection:
                connection = connection.execution_options(contexta_begin="BEGIN IMMEDIATE")
                with connection.begin():
                    before = _version(connection)
                    if before is None or before >= tables.SCHEMA_VERSION:
                        return None
                    copy = _copy(self.path, before)
                    migrate(connection)
                    if connection.exec_driver_sql("PRAGMA foreign_key_check").first() is not None:
                        raise DamagedData(
                            f"{self.path} refers to missing rows, and was not upgraded",
                            hint=f"restore it from a backup; it is unchanged, and so is its copy {copy.name}",
                        )
                    return copy
        finally:
            engine.dispose()

    def copy_to(self, path: Path) -> None:
        from contexta.store.backends.copying import file_to_file

        file_to_file(self.path, path)

    @contextmanager
    def alone(self) -> Iterator[None]:
        with maintenance_lock.alone(self.path.parent):
            yield

    def faults(self, connection: Connection) -> Iterator[Fault]:
        for (message,) in connection.exec_driver_sql(f"PRAGMA integrity_check({_MOST_FAULTS})"):
            if message != "ok":
                yield Fault("database", "pages", message)
        for table, row, parent, _ in connection.exec_driver_sql("PRAGMA foreign_key_check"):
            yield Fault("row", f"{table} {row}", f"it refers to a row of {parent} that is missing")
        definitions = {tuple(row) for row in connection.exec_driver_sql(sqlite_ddl.DEFINITIONS)}
        for kind, name, *_ in sorted(definitions ^ sqlite_ddl.expected_definitions(), key=repr)[:_MOST_FAULTS]:
            yield Fault("database", f"{kind} {name}", "its definition is not that of this version")
        version = connection.exec_driver_sql(f"SELECT version_num FROM {tables.VERSION_TABLE}").scalars().all()
        if version != [tables.SCHEMA_VERSION]:
            yield Fault("database", tables.VERSION_TABLE, f"it is {version}, not {tables.SCHEMA_VERSION}")

    def translated(self, error: DBAPIError | PoolTimeout) -> WorkspaceError | DamagedData:
        return _translated(self.path.parent, error)

    def close(self) -> None:
        self._engine.dispose()


def create(root: Path) -> None:
    """Build the schema in a temporary file, then rename it: the first process wins, and no reader sees half of it."""
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


def _engine(database: Path, *, foreign_keys: bool = True) -> Engine:
    engine = create_engine(
        URL.create("sqlite", database=os.fspath(database)), connect_args={"timeout": _BUSY_SECONDS}, pool_timeout=60
    )
    mode = "DELETE" if is_network(kind_of(database.parent)) else "WAL"

    @event.listens_for(engine, "connect")
    def _prepare(connection: Any, _: Any) -> None:
        connection.isolation_level = None  # BEGIN is explicit: a writer must take its lock at the start
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA journal_mode={mode}")
        cursor.execute("PRAGMA synchronous=FULL")
        cursor.execute(f"PRAGMA cache_size=-{_CACHE_KIB}")
        cursor.execute(f"PRAGMA foreign_keys={'ON' if foreign_keys else 'OFF'}")
        cursor.close()

    event.listen(engine, "begin", _begin)
    return engine


def _read_only_engine(database: Path) -> Engine:
    address = f"file:{quote(os.fspath(database))}?mode=ro{_immutable(database)}"

    def connect() -> sqlite3.Connection:
        connection = sqlite3.connect(address, uri=True, isolation_level=None, check_same_thread=False)
        connection.text_factory = lambda data: data.decode("utf-8", "surrogateescape")  # a damaged text may be no UTF-8
        connection.execute("PRAGMA trusted_schema = OFF")
        return connection

    engine = create_engine("sqlite://", creator=connect)
    event.listen(engine, "begin", _begin)
    return engine


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


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql(connection.get_execution_options().get("contexta_begin", "BEGIN"))


def _version(connection: Connection) -> str | None:
    version: str | None = connection.exec_driver_sql(f"SELECT version_num FROM {tables.VERSION_TABLE}").scalar()
    return version


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
    message = str(error.orig) if isinstance(error, DBAPIError) else str(error)
    if isinstance(error, DBAPIError) and isinstance(error.orig, sqlite3.OperationalError):
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
