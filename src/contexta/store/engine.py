"""Opening a workspace: a directory with the database, the journals and the objects."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from contexta import __version__
from contexta.errors import DamagedData, WorkspaceClosed, WorkspaceError, WorkspaceTooNew
from contexta.recorder.objects import Objects, sync_directory
from contexta.recorder.settings import DATABASE, JOURNALS, OBJECTS
from contexta.store import tables
from contexta.store.disks import is_network, kind_of
from contexta.store.seals import seal

_BUSY_SECONDS = 30
_SQLITE_MAGIC = b"SQLite format 3\0"


class Store:
    """An open workspace. ``reading`` and ``writing`` give a connection inside one transaction.

    Thread safe; every thread gets its own connection. After ``close`` every use raises WorkspaceClosed.
    """

    def __init__(self, root: Path, engine: Engine) -> None:
        self.root = root
        self.objects = Objects(root / OBJECTS)
        self.journals = root / JOURNALS
        self._engine: Engine | None = engine
        self._identity = _identity(root / DATABASE)

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A consistent view; what others commit meanwhile is not seen."""
        with self._connection("BEGIN") as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """The only writer; committed when the block ends (on disk: synchronous FULL), rolled back if it raises."""
        if self._engine is not None and _identity(self.root / DATABASE) != self._identity:
            raise WorkspaceError(
                f"workspace {self.root} was removed or replaced while it was open",
                hint="open it again with Contexta(...)",
            )
        with self._connection("BEGIN IMMEDIATE") as connection:
            yield connection
            if connection.dialect.name == "sqlite":
                seal(connection)

    @contextmanager
    def _connection(self, begin: str) -> Iterator[Connection]:
        if self._engine is None:
            raise WorkspaceClosed(f"workspace {self.root} was closed", hint="open it again with Contexta(...)")
        try:
            with self._engine.connect() as connection:
                connection = connection.execution_options(contexta_begin=begin)
                with connection.begin():
                    yield connection
        except (DBAPIError, PoolTimeout) as error:
            raise _database_fault(self.root, error) from error
        except OSError as error:
            raise _unusable(self.root, error) from error

    def close(self) -> None:
        """Release every connection. Closing twice is allowed."""
        if self._engine is not None:
            self._engine.dispose()
            self._engine = None


def exists(root: Path) -> bool:
    """Whether there is a workspace at ``root``: a database, or journals that the first reader makes one of."""
    try:
        return (root / DATABASE).exists() or (root / JOURNALS).is_dir()
    except OSError as error:
        raise _unusable(root, error) from error


def open_store(root: Path) -> Store:
    """Open the workspace at ``root``, creating it if nothing is there.

    Raises WorkspaceError when it is a file, cannot be written or is no Contexta database, WorkspaceTooNew when a newer
    Contexta made it; nothing on disk is changed then.
    """
    database = root / DATABASE
    try:
        if root.exists() and not root.is_dir():
            raise WorkspaceError(f"workspace {root} is a file", hint="name a directory, e.g. .contexta")
        if database.exists():
            _require_sqlite(database)
        for folder in (root, root / JOURNALS, root / OBJECTS):
            folder.mkdir(parents=True, exist_ok=True)
        if not database.exists():
            _initialise(database)
        _require_writable(database)
    except OSError as error:
        raise _unusable(root, error) from error
    store = Store(root, _sqlite_engine(database))
    try:
        _require_version(store)
    except BaseException:  # whatever is wrong with it: it is not left open
        store.close()
        raise
    return store


def _unusable(root: Path, error: OSError) -> WorkspaceError:
    where = f" ({error.filename})" if error.filename and str(error.filename) != str(root) else ""
    return WorkspaceError(
        f"workspace {root} cannot be used: {error.strerror or error}{where}",
        hint="make the directory writable, or choose another one with --workspace or CONTEXTA_WORKSPACE",
    )


def _identity(database: Path) -> tuple[int, int] | None:
    """What tells this file from one that was put in its place; None when it is gone."""
    try:
        found = database.stat()
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino


def _sqlite_engine(database: Path) -> Engine:
    engine = create_engine(
        URL.create("sqlite", database=os.fspath(database)), connect_args={"timeout": _BUSY_SECONDS}, pool_timeout=60
    )

    mode = "DELETE" if is_network(kind_of(database.parent)) else "WAL"

    @event.listens_for(engine, "connect")
    def _prepare(connection: Any, _: Any) -> None:
        connection.isolation_level = None  # we say BEGIN ourselves: a writer must take its lock at the start
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA journal_mode={mode}")
        cursor.execute("PRAGMA synchronous=FULL")
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql(connection.get_execution_options().get("contexta_begin", "BEGIN"))

    return engine


def _initialise(database: Path) -> None:
    """Build the schema beside the final name, then give it that name: whoever is first wins, nobody sees half of it."""
    from contexta.store.migrate import upgrade

    temporary = database.with_name(f".new-{os.getpid()}-{os.urandom(4).hex()}.db")
    try:
        engine = create_engine(URL.create("sqlite", database=os.fspath(temporary)))
        upgrade(engine)
        engine.dispose()
        try:
            os.link(temporary, database)
        except FileExistsError:
            return
        except OSError:  # a file system without hard links
            if not database.exists():
                temporary.replace(database)
        sync_directory(os.fspath(database.parent))
    except DBAPIError as error:
        raise _database_fault(database.parent, error) from error
    finally:
        temporary.unlink(missing_ok=True)


def _require_sqlite(database: Path) -> None:
    with database.open("rb") as file:
        magic = file.read(len(_SQLITE_MAGIC))
    if magic != _SQLITE_MAGIC:
        raise _not_ours(database)


def _require_writable(database: Path) -> None:
    with database.open("r+b"):
        pass


def _require_version(store: Store) -> None:
    database = store.root / DATABASE
    with store.reading() as connection:
        tables_there = connection.exec_driver_sql(
            f"SELECT count(*) FROM sqlite_master WHERE name IN ('{tables.VERSION_TABLE}', 'run')"
        ).scalar()
        if tables_there != 2:
            raise _not_ours(database)
        version = connection.exec_driver_sql(f"SELECT version_num FROM {tables.VERSION_TABLE}").scalar()
    if version is None or version < tables.SCHEMA_VERSION:
        raise _not_ours(database)
    if version != tables.SCHEMA_VERSION:
        raise WorkspaceTooNew(
            f"workspace {store.root} has schema {version}, Contexta {__version__} knows up to {tables.SCHEMA_VERSION}",
            hint="it was written by a newer Contexta: upgrade with `uv pip install --upgrade contexta`",
        )


def _not_ours(database: Path) -> WorkspaceError:
    return WorkspaceError(
        f"{database} is not a Contexta database", hint="choose another workspace, or move that file away"
    )


def _database_fault(root: Path, error: DBAPIError | PoolTimeout) -> WorkspaceError | DamagedData:
    """The database's own words in ours."""
    words = str(error.orig) if isinstance(error, DBAPIError) else str(error)
    if isinstance(error, DBAPIError) and isinstance(error.orig, sqlite3.OperationalError):
        if "locked" in words or "busy" in words:
            return WorkspaceError(
                f"workspace {root} was busy for {_BUSY_SECONDS} seconds: another process keeps writing to it",
                hint="end that process, or try again",
            )
        if "no such" in words:
            return WorkspaceError(f"{root / DATABASE} is damaged: {words}", hint="restore it from a backup")
        hint = "free some space" if "full" in words else "check the directory's permissions and the disk"
        return WorkspaceError(f"workspace {root} cannot be used: {words}", hint=hint)
    return DamagedData(f"the database of workspace {root} answered: {words}", hint="restore it from a backup")
