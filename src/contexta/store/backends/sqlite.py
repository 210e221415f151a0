"""The workspace of one person: everything in one SQLite file, in the workspace's directory."""

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
from contexta.store.backends.row_checksums import seal
from contexta.store.schema import tables

_BUSY_SECONDS = 30
_CACHE_KIB = 32 * 1024  # what a question looks up among 100 000 runs lies far apart; taken as it is needed
_MAGIC = b"SQLite format 3\0"
_LEFT_BEHIND = 3600.0  # seconds after which a temporary file has no living maker


class Sqlite:
    """The file of a workspace, open."""

    def __init__(self, root: Path) -> None:
        self.name = f"workspace {root}"
        self.path = root / DATABASE
        self._engine = _engine(self.path)
        self._identity = _identity(self.path)
        self._before: sqlite3.Connection | None = None

    @contextmanager
    def transaction(self, *, writing: bool) -> Iterator[Connection]:
        """A writer has the lock from the start, and is on the disk when it is done: synchronous FULL."""
        if writing and _identity(self.path) != self._identity:
            raise WorkspaceError(
                f"{self.name} was removed or replaced while it was open", hint="open it again with Contexta(...)"
            )
        with self._engine.connect() as connection:
            connection = connection.execution_options(contexta_begin="BEGIN IMMEDIATE" if writing else "BEGIN")
            with connection.begin():
                yield connection
                if writing:
                    seal(connection, self._seen_before())

    def version(self) -> str:
        """The schema it has. Raises WorkspaceError when it is not ours."""
        with self.transaction(writing=False) as connection:
            there = connection.exec_driver_sql(
                f"SELECT count(*) FROM sqlite_master WHERE name IN ('{tables.VERSION_TABLE}', 'run')"
            ).scalar()
            found = _version(connection) if there == 2 else None
        if found is None:
            raise _not_ours(self.path)
        return found

    def upgrade(self) -> Path | None:
        """Bring it to the schema of this version. Returns where it was copied to before; None when another process
        was faster. Killed at any moment, it has the old schema or the new one."""
        from contexta.store.schema import migrate

        engine = _engine(self.path, foreign_keys=False)  # tables are rebuilt; what they refer to is checked at the end
        try:
            with engine.connect() as connection:
                connection = connection.execution_options(contexta_begin="BEGIN IMMEDIATE")
                with connection.begin():
                    before = _version(connection)
                    if before is None or before >= tables.SCHEMA_VERSION:
                        return None
                    kept = _copy(self.path, before)
                    migrate.run(connection)
                    if connection.exec_driver_sql("PRAGMA foreign_key_check").first() is not None:
                        raise DamagedData(
                            f"{self.path} refers to rows that it does not hold, and was not upgraded",
                            hint=f"restore it from a backup; it is as it was, and so is its copy {kept.name}",
                        )
                    return kept
        finally:
            engine.dispose()

    def copy_to(self, copy: Path) -> None:
        """The database as of one moment in a new file."""
        from contexta.store.backends.copying import file_to_file

        file_to_file(self.path, copy)

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Kept by a lock in the directory."""
        with maintenance_lock.alone(self.path.parent):
            yield

    def fault(self, error: DBAPIError | PoolTimeout) -> WorkspaceError | DamagedData:
        """The database's own words in ours."""
        return _fault(self.path.parent, error)

    def close(self) -> None:
        if self._before is not None:
            self._before.close()
        self._engine.dispose()

    def _seen_before(self) -> sqlite3.Connection:
        """What the one writer's transaction found. Used by nobody else, so one serves all threads."""
        if self._before is None:
            self._before = sqlite3.connect(
                f"file:{quote(os.fspath(self.path))}?mode=ro", uri=True, timeout=0, check_same_thread=False
            )
        return self._before


def create(root: Path) -> None:
    """Build the schema beside the final name, then give it that name: whoever is first wins, nobody sees half of it."""
    from contexta.store.schema import migrate

    database = root / DATABASE
    temporary = database.with_name(f".new-{os.getpid()}-{os.urandom(4).hex()}.db")
    try:
        engine = create_engine(URL.create("sqlite", database=os.fspath(temporary)))
        migrate.upgrade(engine)
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
        raise _fault(root, error) from error
    finally:
        temporary.unlink(missing_ok=True)


def require_usable(root: Path) -> None:
    """Whether the file there is an SQLite database that can be written, asked without changing it."""
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
        connection.isolation_level = None  # we say BEGIN ourselves: a writer must take its lock at the start
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA journal_mode={mode}")
        cursor.execute("PRAGMA synchronous=FULL")
        cursor.execute(f"PRAGMA cache_size=-{_CACHE_KIB}")
        cursor.execute(f"PRAGMA foreign_keys={'ON' if foreign_keys else 'OFF'}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql(connection.get_execution_options().get("contexta_begin", "BEGIN"))

    return engine


def _version(connection: Connection) -> str | None:
    found: str | None = connection.exec_driver_sql(f"SELECT version_num FROM {tables.VERSION_TABLE}").scalar()
    return found


def _copy(database: Path, version: str) -> Path:
    """A copy beside the file, of what it holds now; whole, or it does not have its name."""
    for old in database.parent.glob(".copy-*.db"):
        if time.time() - old.stat().st_mtime > _LEFT_BEHIND:
            old.unlink(missing_ok=True)  # of a process that died while it copied
    moment = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    kept = database.with_name(f"{database.stem}-schema-{version}-{moment}.db")
    temporary = database.with_name(f".copy-{os.getpid()}-{os.urandom(4).hex()}.db")
    try:
        with closing(sqlite3.connect(database)) as source, closing(sqlite3.connect(temporary)) as target:
            source.backup(target)
        with temporary.open("r+b") as file:
            os.fsync(file.fileno())
        temporary.replace(kept)
        sync_directory(os.fspath(database.parent))
    except sqlite3.Error as error:
        raise WorkspaceError(
            f"{database} could not be copied before its upgrade, and is as it was: {error}",
            hint="free some space beside it: the copy is as large as the database",
        ) from error
    finally:
        temporary.unlink(missing_ok=True)
    return kept


def _identity(database: Path) -> tuple[int, int] | None:
    """What tells this file from one that was put in its place; None when it is gone."""
    try:
        found = database.stat()
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino


def _not_ours(database: Path) -> WorkspaceError:
    return WorkspaceError(
        f"{database} is not a Contexta database", hint="choose another workspace, or move that file away"
    )


def _fault(root: Path, error: DBAPIError | PoolTimeout) -> WorkspaceError | DamagedData:
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
