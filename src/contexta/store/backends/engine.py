"""Opening a workspace: a directory with the database, the journals and the objects; or a database on a server, and a
directory on this machine for what is on its way there."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from contexta import __version__
from contexta.core import workspace_address
from contexta.core.errors import WorkspaceClosed, WorkspaceError, WorkspaceTooNew
from contexta.core.settings import DATABASE, JOURNALS, OBJECTS
from contexta.findings import Upgrade
from contexta.recorder.journal.objects import Objects
from contexta.store.backends import sqlite
from contexta.store.backends.outbox import TeamObjects, origin_of
from contexta.store.backends.postgres import Postgres
from contexta.store.backends.sqlite import Sqlite
from contexta.store.schema import tables


class Store:
    """An open workspace. ``reading`` and ``writing`` give a connection inside one transaction.

    Thread safe; every thread gets its own connection. After ``close`` every use raises WorkspaceClosed.
    """

    def __init__(self, root: Path, database: Sqlite | Postgres, objects: Objects, origin: str = "") -> None:
        """root: the directory on this machine. origin: what tells its journals from those of other machines."""
        self.root = root
        self.objects = objects
        self.journals = root / JOURNALS
        self.origin = origin
        self._database = database
        self._closed = False

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A consistent view; what others commit meanwhile is not seen."""
        with self._transaction(writing=False) as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """The only writer; committed and on disk when the block ends, rolled back if it raises."""
        with self._transaction(writing=True) as connection:
            yield connection

    @contextmanager
    def _transaction(self, *, writing: bool) -> Iterator[Connection]:
        if self._closed:
            raise WorkspaceClosed(f"{self._database.name} was closed", hint="open it again with Contexta(...)")
        with self._faults(), self._database.transaction(writing=writing) as connection:
            yield connection

    @contextmanager
    def _faults(self) -> Iterator[None]:
        try:
            yield
        except (DBAPIError, PoolTimeout) as error:
            raise self._database.fault(error) from error
        except OSError as error:
            raise _unusable(self.root, error) from error

    def version(self) -> str:
        """The schema it has; made now where there is none. Raises WorkspaceError when the database is not ours."""
        with self._faults():
            return self._database.version()

    def upgrade(self) -> Path | None:
        """Bring it to the schema of this version. Returns the copy that was made before, where one was."""
        with self._faults():
            return self._database.upgrade()

    def copy_database(self, path: Path) -> None:
        """Everything that is stored, as of one moment, as a new file of SQLite."""
        with self._faults():
            self._database.copy_to(path)

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Nobody else backs up or cleans the workspace meanwhile; runs and readers go on. Who dies holds nothing.
        Raises WorkspaceError when somebody else is at it for longer than ten seconds."""
        with ExitStack() as stack:
            with self._faults():
                stack.enter_context(self._database.alone())
            yield

    @property
    def shelves(self) -> tuple[Objects, ...]:
        """The directories that its objects lie in, the one that all read first."""
        return (self.objects, self.objects.own) if isinstance(self.objects, TeamObjects) else (self.objects,)

    @property
    def is_local(self) -> bool:
        """Whether it is a directory, not a database on a server."""
        return isinstance(self._database, Sqlite)

    @property
    def has_all_objects(self) -> bool:
        """Whether an object that is not here is nowhere: without the team's directory they lie on many machines."""
        return self.is_local or isinstance(self.objects, TeamObjects)

    @property
    def upgrades_itself(self) -> bool:
        """A file of one's own is copied and upgraded when it is opened; a team decides when."""
        return self.is_local

    @property
    def name(self) -> str:
        return self._database.name

    def close(self) -> None:
        """Release every connection. Closing twice is allowed."""
        self._closed = True
        self._database.close()


def exists(root: Path) -> bool:
    """Whether there is a workspace at ``root``: a database, or journals that the first reader makes one of."""
    try:
        return (root / DATABASE).exists() or (root / JOURNALS).is_dir()
    except OSError as error:
        raise _unusable(root, error) from error


def open_store(root: Path, url: str | None = None, objects: Path | None = None) -> Store:
    """Open the workspace at ``root``, creating it if nothing is there; or the one on a server.

    url: of the server; ``root`` is then this machine's directory for what is on its way there. objects: the directory
    that the team shares; default: the one in ``root``.
    Raises WorkspaceError when it cannot be used, WorkspaceTooNew when a newer Contexta made it: nothing is changed
    then. A file that an older one made is upgraded, after a copy beside it; on a server that is refused.
    """
    store = _connected(root, url, objects)
    try:
        _require_version(store)
    except BaseException:  # whatever is wrong with it: it is not left open
        store.close()
        raise
    return store


def upgrade(root: Path, url: str | None = None, objects: Path | None = None) -> Upgrade:
    """Bring a workspace to the schema of this version. Raises as ``open_store``."""
    store = _connected(root, url, objects)
    try:
        before = store.version()
        _require_not_newer(store, before)
        kept = store.upgrade() if before < tables.SCHEMA_VERSION else None
        return Upgrade(before=before, after=store.version(), copy_kept=None if kept is None else os.fspath(kept))
    finally:
        store.close()


def _connected(root: Path, url: str | None, objects: Path | None) -> Store:
    try:
        if root.exists() and not root.is_dir():
            raise WorkspaceError(f"workspace {root} is a file", hint="name a directory, e.g. .contexta")
        if url is None and (root / DATABASE).exists():
            sqlite.require_usable(root)
        for folder in (root, root / JOURNALS, root / OBJECTS):
            folder.mkdir(parents=True, exist_ok=True)
        own = Objects(root / OBJECTS)
        if url is not None:
            address, shared = workspace_address.split(workspace_address.checked(url))
            team = objects or (Path(shared) if shared else None)
            return Store(root, Postgres(address), TeamObjects(team, own) if team else own, origin_of(root))
        if not (root / DATABASE).exists():
            sqlite.create(root)
        sqlite.require_usable(root)
    except OSError as error:
        raise _unusable(root, error) from error
    return Store(root, Sqlite(root), own)


def _require_version(store: Store) -> None:
    version = store.version()
    _require_not_newer(store, version)
    if version < tables.SCHEMA_VERSION and not store.upgrades_itself:
        raise WorkspaceError(
            f"{store.name} has schema {version}, Contexta {__version__} needs {tables.SCHEMA_VERSION}",
            hint="when the whole team can use this version: back it up with pg_dump, then run `contexta upgrade`",
        )
    if version < tables.SCHEMA_VERSION:
        store.upgrade()


def _require_not_newer(store: Store, version: str) -> None:
    if version > tables.SCHEMA_VERSION:
        raise too_new(store.name, version)


def is_newer(version: object) -> bool:
    """Whether a schema version is one that a newer Contexta may have written; a damaged one rarely looks so."""
    text = str(version)
    return len(text) == 4 and text.isdigit() and text > tables.SCHEMA_VERSION


def too_new(name: str, version: str) -> WorkspaceTooNew:
    """A newer Contexta made the workspace of that name."""
    return WorkspaceTooNew(
        f"{name} has schema {version}, Contexta {__version__} knows up to {tables.SCHEMA_VERSION}",
        hint="it was written by a newer Contexta: upgrade with `uv pip install --upgrade contexta`",
    )


def _unusable(root: Path, error: OSError) -> WorkspaceError:
    where = f" ({error.filename})" if error.filename and str(error.filename) != str(root) else ""
    return WorkspaceError(
        f"workspace {root} cannot be used: {error.strerror or error}{where}",
        hint="make the directory writable, or choose another one with --workspace or CONTEXTA_WORKSPACE",
    )
