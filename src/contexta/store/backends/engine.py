"""Open a workspace: a database, and the directories of journals and objects on this machine."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from contexta import __version__
from contexta.core import workspace_address
from contexta.core.errors import ContextaError, WorkspaceClosed, WorkspaceError
from contexta.core.files.atomic_files import make_workspace
from contexta.core.settings import DATABASE, JOURNALS, OBJECTS
from contexta.recorder.journal.objects import Objects
from contexta.store.backends import sqlite
from contexta.store.backends.interface import Database
from contexta.store.backends.outbox import TeamObjects, origin_of
from contexta.store.backends.sqlite import Sqlite
from contexta.store.integrity.missing_digests import has_missing
from contexta.store.schema import tables
from contexta.store.schema.versions import require_usable

if TYPE_CHECKING:
    from typing import TypeGuard

    from sqlalchemy import Connection
    from sqlalchemy.exc import DBAPIError
    from sqlalchemy.exc import TimeoutError as PoolTimeout

    from contexta.findings import Upgrade


class Store:
    """An open workspace. ``reading`` and ``writing`` give a connection inside one transaction.

    Thread safe; every thread gets its own connection. After ``close`` every use raises WorkspaceClosed. An exception
    that the caller raises inside a transaction passes unchanged; only errors of the database are translated.
    """

    def __init__(self, root: Path, database: Database, objects: Objects, origin: str = "") -> None:
        """root: the directory on this machine. origin: the prefix of its journals' names in the database."""
        self.root = root
        self.objects = objects
        self.journals = root / JOURNALS
        self.origin = origin
        self.database = database
        self._may_lack_digests = True
        self._closed = False

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A consistent view, without later commits."""
        with self._transaction(writing=False) as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """The only writer: committed and on disk when the block ends, rolled back if it raises."""
        with self._transaction(writing=True) as connection:
            yield connection
        self._may_lack_digests = True

    @contextmanager
    def _transaction(self, *, writing: bool) -> Iterator[Connection]:
        if self._closed:
            raise WorkspaceClosed(f"{self.name} was closed", hint="open it again with Contexta(...)")
        raised_by_caller: Exception | None = None
        with self._translating_database_errors():
            try:
                with self.database.transaction(writing=writing) as connection:
                    try:
                        yield connection
                    except Exception as error:  # raised again
                        raised_by_caller = error
                        raise
            except OSError as error:
                if error is raised_by_caller:
                    raise
                raise _unusable(self.root, error) from error

    @contextmanager
    def _translating_database_errors(self) -> Iterator[None]:
        try:
            yield
        except Exception as error:
            if not _is_of_database(error):
                raise
            raise self.database.translated(error) from error

    def store_digests(self) -> None:
        """Store the digests of runs that were changed by hand. Costs one query if runs may have changed, else none."""
        if not self._may_lack_digests:
            return
        with self.reading() as connection:
            is_needed = has_missing(connection)
        if is_needed:
            from contexta.store.integrity.digests import store_missing

            with self.writing() as connection:
                store_missing(connection)
        self._may_lack_digests = False

    @contextmanager
    def _translating_all_errors(self) -> Iterator[None]:
        """For operations that run no code of the caller."""
        try:
            with self._translating_database_errors():
                yield
        except OSError as error:
            raise _unusable(self.root, error) from error

    def version(self) -> str:
        """The version of the schema; a server without tables gets them now."""
        with self._translating_all_errors():
            return self.database.version()

    def upgrade(self) -> Path | None:
        """Upgrade the schema to this version. Returns the copy that was made before, if any."""
        with self._translating_all_errors():
            return self.database.upgrade()

    def copy_database(self, path: Path) -> None:
        """Copy the content, as of one moment, to a new SQLite file."""
        self.store_digests()
        with self._translating_database_errors():
            self.database.copy_to(path)

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Exclude other backups and clean-ups; runs and readers continue. The lock of a process that dies is released.

        Raises WorkspaceError if another process holds the lock for ten seconds.
        """
        with ExitStack() as stack:
            with self._translating_all_errors():
                stack.enter_context(self.database.alone())
            yield

    @property
    def object_directories(self) -> tuple[Objects, ...]:
        """The directories of objects; the one that all readers use comes first."""
        return (self.objects, self.objects.own) if isinstance(self.objects, TeamObjects) else (self.objects,)

    @property
    def is_local(self) -> bool:
        """Whether the workspace is a directory, not a database on a server."""
        return self.database.is_local

    @property
    def has_all_objects(self) -> bool:
        """Whether all objects are in ``object_directories``: without a shared directory they are on many machines."""
        return self.is_local or isinstance(self.objects, TeamObjects)

    @property
    def name(self) -> str:
        return self.database.name

    def close(self) -> None:
        """Release every connection. Closing twice is allowed."""
        if not self._closed:
            with suppress(ContextaError):  # the next process that opens the workspace stores them
                self.store_digests()
        self._closed = True
        self.database.close()


def _is_of_database(error: Exception) -> TypeGuard[DBAPIError | PoolTimeout]:
    if "sqlalchemy" not in sys.modules:
        return False
    from sqlalchemy.exc import DBAPIError
    from sqlalchemy.exc import TimeoutError as PoolTimeout

    return isinstance(error, (DBAPIError, PoolTimeout))


def exists(root: Path) -> bool:
    """Whether there is a workspace at ``root``: a database, or journals from which the first reader makes one."""
    try:
        return (root / DATABASE).exists() or (root / JOURNALS).is_dir()
    except OSError as error:
        raise _unusable(root, error) from error


def open_store(root: Path, url: str | None = None, objects: Path | None = None) -> Store:
    """Open the workspace at ``root``, creating it if nothing is there; or the one on a server.

    url: address of the server; ``root`` then holds the undelivered journals of this machine. objects: the directory
    that a team shares; default: the one in ``root``. An older local database is upgraded after it was copied; an older
    server is refused, because the team decides when to upgrade it.
    Raises WorkspaceError when it cannot be used, WorkspaceTooNew when a newer Contexta made it.
    """
    store = _connected(root, url, objects)
    try:
        version = store.version()
        require_usable(store.name, version)
        if version < tables.SCHEMA_VERSION:
            if not store.is_local:
                raise WorkspaceError(
                    f"{store.name} has schema {version}, Contexta {__version__} needs {tables.SCHEMA_VERSION}",
                    hint="once all members use this version: back it up with pg_dump, then run `contexta upgrade`",
                )
            store.upgrade()
    except BaseException:  # never leave it open, whatever is wrong
        store.database.close()
        raise
    return store


def upgrade(root: Path, url: str | None = None, objects: Path | None = None) -> Upgrade:
    """Upgrade a workspace to the schema of this version. Raises as ``open_store``."""
    from contexta.findings import Upgrade

    store = _connected(root, url, objects)
    try:
        before = store.version()
        require_usable(store.name, before)
        copy = store.upgrade() if before < tables.SCHEMA_VERSION else None
        return Upgrade(before=before, after=store.version(), copy_kept=None if copy is None else os.fspath(copy))
    finally:
        store.database.close()


def _connected(root: Path, url: str | None, objects: Path | None) -> Store:
    try:
        if root.exists() and not root.is_dir():
            raise WorkspaceError(f"workspace {root} is a file", hint="name a directory, e.g. .contexta")
        if url is None and (root / DATABASE).exists():
            sqlite.require_usable(root)
        make_workspace(*map(os.fspath, (root, root, root / JOURNALS, root / OBJECTS)))
        own = Objects(root / OBJECTS)
        if url is not None:
            address, shared = workspace_address.split(workspace_address.checked(url))
            from contexta.store.backends.postgres import Postgres

            team = objects or (Path(shared) if shared else None)
            return Store(root, Postgres(address), TeamObjects(team, own) if team else own, origin_of(root))
        if not (root / DATABASE).exists():
            sqlite.create(root)
        sqlite.require_usable(root)
    except OSError as error:
        raise _unusable(root, error) from error
    return Store(root, Sqlite(root), own)


def _unusable(root: Path, error: OSError) -> WorkspaceError:
    path = f" ({error.filename})" if error.filename and str(error.filename) != str(root) else ""
    return WorkspaceError(
        f"workspace {root} cannot be used: {error.strerror or error}{path}",
        hint="make the directory writable, or choose another one with --workspace or CONTEXTA_WORKSPACE",
    )
