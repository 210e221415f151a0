"""A workspace: its place, its store, its life cycle, and the names of its renamed runs.

A method imports what it needs when it is called, so that recording does not import SQLAlchemy and pydantic.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from contexta.core import settings, workspace_address
from contexta.core.errors import InvalidInput, WorkspaceClosed, shown
from contexta.core.references import StableRef, slug
from contexta.core.validation import require_storable

if TYPE_CHECKING:
    from types import TracebackType

    from sqlalchemy import Connection
    from typing_extensions import Self

    from contexta.analysis.metrics.direction import Directions
    from contexta.config import UnifiedConfig
    from contexta.contract import EnvironmentSnapshot
    from contexta.contract.fields import FrozenDict
    from contexta.findings import FindingAboutRuns
    from contexta.store.backends.engine import Store
    from contexta.store.ingest.metadata_api import MetadataStore, RecordStore

F = TypeVar("F", bound="FindingAboutRuns")


class Workspace:
    """A directory, or a database on a server with a local directory for undelivered records.

    The methods with an underscore are for the modules of this package.
    """

    def __init__(
        self,
        workspace: str | os.PathLike[str] | None = None,
        config: UnifiedConfig | Mapping[str, Any] | None = None,
    ) -> None:
        """config: the settings, or a mapping of them."""
        if workspace is not None:
            _require_path(workspace)
        self._arguments = (workspace, None if config is None else _as_config(config))
        self._store: Store | None = None
        self._opening = threading.Lock()
        self._closed = False
        self.root, self._server, self._objects = self._find_place()

    @cached_property
    def config(self) -> UnifiedConfig:
        """The effective settings. Raises InvalidInput with the place of a wrong one."""
        from contexta.config import resolve

        workspace, config = self._arguments
        return resolve(config, workspace=workspace)

    def _find_place(self) -> tuple[Path, str | None, Path | None]:
        """(absolute directory, address of the server, directory of the shared objects)."""
        workspace, config = self._arguments
        if config is not None:
            place = self.config.workspace
            url = None if place.url is None else place.url.get_secret_value()
            return place.directory.absolute(), url, place.objects and place.objects.absolute()
        if workspace is not None and not workspace_address.is_server(workspace):
            return Path(workspace).absolute(), None, None
        name = None if workspace is None else os.fspath(workspace)
        server = settings.server(name)
        return Path(settings.workspace(name)), None if server is None else workspace_address.checked(server), None

    @cached_property
    def metadata_store(self) -> MetadataStore:
        """Read and write contract values by reference."""
        from contexta.store.ingest.metadata_api import MetadataStore

        return MetadataStore(self._opened, self.close)

    @cached_property
    def record_store(self) -> RecordStore:
        """Append records."""
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
        """Release all resources. Any later use except ``close`` raises WorkspaceClosed."""
        if self._store is not None:
            self._store.close()
        self._closed = True

    # ------------------------------------------------------------------------------------------ for this package

    def _find(self, connection: Connection, selector: str) -> tuple[int, StableRef]:
        """(key in the database, reference) of the run that a selector names. Raises NotFound, Ambiguous."""
        from contexta.store.query import find_runs

        project = self.config.project_name
        selector = getattr(selector, "run_ref", selector)  # of a run, or another result about one
        return find_runs.find(connection, selector, slug(project) if project is not None else None)

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        """A consistent view of the store, including the records of live runs."""
        with self._current().reading() as connection:
            yield connection

    def _current(self) -> Store:
        """The store after ingesting the journals of live runs."""
        from contexta.store.ingest.ingest import ingest_journals

        store = self._opened()
        ingest_journals(store)
        return store

    def _opened(self) -> Store:
        if self._closed:
            raise self._closed_error()
        with self._opening:
            if self._store is None:
                self._store = self._new_store()
            return self._store

    def _new_store(self) -> Store:
        from contexta.store.backends.engine import open_store

        return open_store(self.root, self._server, self._objects)

    def _closed_error(self) -> WorkspaceClosed:
        return WorkspaceClosed(f"workspace {self._shown} was closed", hint="open it again with Contexta(...)")

    def _snapshot(self, connection: Connection, key: int) -> EnvironmentSnapshot | None:
        """The environment of a run; None without one."""
        from contexta.store.entities.environments import snapshot_of

        return snapshot_of(connection, self._opened().objects, key)

    def _directions(self, lower_is_better: bool | None = None) -> Directions:
        """The configured directions of metrics, with an argument about the metric in question."""
        from contexta.analysis.metrics.direction import Directions

        return Directions(self.config.higher_is_better, self.config.lower_is_better, lower_is_better)

    def _option(self) -> tuple[str, ...]:
        """The option that names this workspace in a command; empty for the default workspace."""
        if self._server is not None or self.root == Path(settings.workspace(None)).absolute():
            return ()
        return ("--workspace", os.fspath(self.root))

    def _name_in_commands(self) -> str | None:
        """The name of this workspace as the user gave it; None for the default workspace."""
        workspace = self._arguments[0]
        return os.fspath(workspace) if workspace is not None else next(iter(self._option()[1:]), None)


def _require_path(workspace: object) -> None:
    if not isinstance(workspace, (str, os.PathLike)) or isinstance(os.fspath(workspace), bytes):
        raise InvalidInput(f"workspace {shown(workspace)} is not a path", hint="name a directory, e.g. .contexta")
    require_storable(os.fspath(workspace))
    if not os.fspath(workspace):
        raise InvalidInput("the path of the workspace is empty", hint="name a directory, e.g. .contexta")


def _as_config(config: object) -> UnifiedConfig:
    from contexta.config import UnifiedConfig

    if isinstance(config, Mapping):
        return UnifiedConfig.model_validate(dict(config))
    if not isinstance(config, UnifiedConfig):
        raise InvalidInput(f"config is {shown(config)}", hint="build one: UnifiedConfig(project_name=...)")
    return config


def with_names(connection: Connection, finding: F, refs: Sequence[StableRef]) -> F:
    """A finding with the names of those of its runs that were renamed."""
    return finding.model_copy(update={"renamed": names_of_renamed(connection, refs)})


def names_of_renamed(connection: Connection, refs: Sequence[StableRef]) -> FrozenDict:
    """Reference -> name, of those of the runs that were renamed."""
    from contexta.contract.fields import FrozenDict
    from contexta.store.entities import run_annotations

    return FrozenDict({str(ref): name for ref, name in run_annotations.given_names(connection, refs).items()})
