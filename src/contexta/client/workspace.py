"""A workspace: where it is, opened at its first use, read, closed.

What a method needs is imported when it is called: a training process that only records pays for the recorder, not for
SQLAlchemy and pydantic.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from contexta.core import settings, workspace_address
from contexta.core.errors import InvalidInput, WorkspaceClosed, shown
from contexta.core.references import StableRef, slug
from contexta.core.validation import require_storable

if TYPE_CHECKING:
    from types import TracebackType

    from sqlalchemy import Connection
    from typing_extensions import Self

    from contexta.config import UnifiedConfig
    from contexta.store.backends.engine import Store
    from contexta.store.ingest.metadata_api import MetadataStore, RecordStore


class Workspace:
    """A directory, or a database on a server with a directory here for what is on its way there."""

    def __init__(self, workspace: str | os.PathLike[str] | None = None, config: UnifiedConfig | None = None) -> None:
        if workspace is not None:
            _require_path(workspace)
        if config is not None:
            _require_config(config)
        self._given = (workspace, config)
        self._store: Store | None = None
        self._opening = threading.Lock()
        self._closed = False
        self.root, self._server, self._objects = self._find_place()

    @cached_property
    def config(self) -> UnifiedConfig:
        """The settings in force. Raises InvalidInput for a wrong one, naming where it stands."""
        from contexta.config import resolve

        workspace, config = self._given
        return resolve(config, workspace=workspace)

    def _find_place(self) -> tuple[Path, str | None, Path | None]:
        """The workspace's directory, absolute: a training that changes its directory stays in its workspace; and where
        it is on a server, its address and the team's objects."""
        workspace, config = self._given
        if config is not None:
            place = self.config.workspace
            url = None if place.url is None else place.url.get_secret_value()
            return place.directory.absolute(), url, place.objects and place.objects.absolute()
        if workspace is not None and not workspace_address.is_server(workspace):
            return Path(workspace).absolute(), None, None
        given = None if workspace is None else os.fspath(workspace)
        server = settings.server(given)
        return Path(settings.workspace(given)), None if server is None else workspace_address.checked(server), None

    @cached_property
    def metadata_store(self) -> MetadataStore:
        """Everything that is put and got by reference."""
        from contexta.store.ingest.metadata_api import MetadataStore

        return MetadataStore(self._opened, self.close)

    @cached_property
    def record_store(self) -> RecordStore:
        """Records: appended, never changed."""
        from contexta.store.ingest.metadata_api import RecordStore

        return RecordStore(self._opened)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Contexta {self._shown}{' (closed)' if self._closed else ''}>"

    @property
    def is_local(self) -> bool:
        """Whether the workspace is a directory, not a database on a server."""
        return self._server is None

    @property
    def _shown(self) -> str:
        return os.fspath(self.root) if self._server is None else workspace_address.shown(self._server)

    def close(self) -> None:
        """Release everything the workspace holds. Closing twice is allowed; any other use afterwards raises
        WorkspaceClosed."""
        if self._store is not None:
            self._store.close()
        self._closed = True

    # ------------------------------------------------------------------------------------------ inside

    def _find(self, connection: Connection, selector: str) -> tuple[int, StableRef]:
        from contexta.store.query import find_runs

        project = self.config.project_name
        return find_runs.find(connection, selector, slug(project) if project is not None else None)

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        """A consistent view that holds everything live runs have written so far."""
        with self._current().reading() as connection:
            yield connection

    def _current(self) -> Store:
        """The store with everything live runs have written so far."""
        from contexta.store.ingest.ingest import take_in

        store = self._opened()
        take_in(store)
        return store

    def _opened(self) -> Store:
        if self._closed:
            raise self._was_closed()
        with self._opening:
            if self._store is None:
                self._store = self._freshly_opened()
            return self._store

    def _freshly_opened(self) -> Store:
        from contexta.store.backends.engine import open_store

        return open_store(self.root, self._server, self._objects)

    def _was_closed(self) -> WorkspaceClosed:
        return WorkspaceClosed(f"workspace {self._shown} was closed", hint="open it again with Contexta(...)")


def _require_path(workspace: object) -> None:
    if not isinstance(workspace, (str, os.PathLike)) or isinstance(os.fspath(workspace), bytes):
        raise InvalidInput(f"workspace {shown(workspace)} is no path", hint="name a directory, e.g. .contexta")
    require_storable(os.fspath(workspace))
    if not os.fspath(workspace):
        raise InvalidInput("the workspace's path is empty", hint="name a directory, e.g. .contexta")


def _require_config(config: object) -> None:
    from contexta.config import UnifiedConfig

    if not isinstance(config, UnifiedConfig):
        raise InvalidInput(f"config is {shown(config)}", hint="build one: UnifiedConfig(project_name=...)")
