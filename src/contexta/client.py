"""``Contexta``: one short method per verb. Each loads values, calls a pure function, returns a finding."""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType

from sqlalchemy import Connection
from typing_extensions import Self

from contexta.analysis import audit as _audit
from contexta.analysis import compare as _compare
from contexta.analysis import environments as _environments
from contexta.config import UnifiedConfig, resolve
from contexta.contract import StableRef
from contexta.errors import InvalidInput, WorkspaceClosed, WorkspaceError, shown
from contexta.findings import (
    Audit,
    EnvironmentDiff,
    MultiRunComparison,
    ProjectSummary,
    RunComparison,
    RunDetails,
    RunDiff,
    RunSummary,
)
from contexta.recorder import live
from contexta.refs import slug
from contexta.store import runs
from contexta.store.collections import MetadataStore, RecordStore
from contexta.store.engine import Store, open_store
from contexta.store.environments import snapshot_of
from contexta.store.ingest import take_in


class Contexta:
    """A workspace and everything that can be asked of it. Opened at the first use; also a context manager.

    workspace: a directory; it is created when it does not exist. config: every other setting. What neither sets comes
    from CONTEXTA_WORKSPACE and CONTEXTA_PROJECT, then from ``[tool.contexta]`` in pyproject.toml.

    Wherever a run is asked for, its reference, ``project.run``, its name, ``@latest``, ``@latest~2`` and a unique
    prefix work. Every read first takes in what live runs have written so far.
    """

    def __init__(self, workspace: str | os.PathLike[str] | None = None, config: UnifiedConfig | None = None) -> None:
        if config is not None and not isinstance(config, UnifiedConfig):
            raise InvalidInput(f"config is {shown(config)}", hint="build one: UnifiedConfig(project_name=...)")
        self.config = resolve(config, workspace=workspace)
        self._store: Store | None = None
        self._closed = False
        self.metadata_store = MetadataStore(self._opened, self.close)
        self.record_store = RecordStore(self._opened)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Contexta {self.root}{' (closed)' if self._closed else ''}>"

    @property
    def root(self) -> Path:
        """The workspace's directory."""
        return self.config.workspace.root_path

    def close(self) -> None:
        """Release everything the workspace holds. Closing twice is allowed; any other use afterwards raises
        WorkspaceClosed."""
        if self._store is not None:
            self._store.close()
        self._closed = True

    # ------------------------------------------------------------------------------------------ recording

    def run(
        self, name: str | None = None, *, project: str | None = None, tags: Mapping[str, str] | None = None
    ) -> live.Run:
        """Record a live run: ``with ctx.run("this-month") as run: run.metric("accuracy", 0.87)``.

        The environment of the running interpreter is captured here, before this returns. A second run of the same name
        gets a reference of its own. project: default is the configured one, else the current directory's name.
        Raises WorkspaceError when the workspace cannot be written.
        """
        store = self._opened()
        project = project or self.config.project_name or _directory_name()
        display = name or ""
        with store.reading() as connection:
            number = 1 + runs.count_named(connection, display)

        def taken(ref: StableRef) -> bool:
            with store.reading() as connection:
                return runs.is_taken(connection, ref)

        try:
            return live.start(
                os.fspath(store.journals),
                store.objects,
                project=project,
                name=name,
                first_number=number,
                taken=taken,
                tags=tags,
                on_end=self._take_in_ended,
            )
        except OSError as error:
            raise WorkspaceError(
                f"no run can be recorded in workspace {self.root}: {error.strerror or error}",
                hint="check that its journal directory can be written",
            ) from error

    # ------------------------------------------------------------------------------------------ asking

    def list_projects(self) -> tuple[ProjectSummary, ...]:
        """Every project, by reference."""
        with self._current().reading() as connection:
            return runs.list_projects(connection)

    def list_runs(self, project: str | None = None, *, limit: int | None = None) -> tuple[RunSummary, ...]:
        """The latest runs first, each with where its metrics ended; of one project, or of all."""
        with self._current().reading() as connection:
            return runs.list_runs(connection, _project_ref(project) if project is not None else None, limit)

    def get_run(self, run: str) -> RunDetails:
        """Everything about one run but its environment's packages and its single points."""
        with self._current().reading() as connection:
            return runs.details(connection, self._find(connection, run)[0])

    def compare_runs(self, left: str, right: str) -> RunComparison:
        """What each metric ended at in two runs, and by how much it moved. Costs by index, not by size."""
        with self._current().reading() as connection:
            return self._compared(connection, left, right)

    def compare_multiple_runs(self, selectors: Sequence[str]) -> MultiRunComparison:
        """Several runs side by side, in the order given."""
        with self._current().reading() as connection:
            keys = [self._find(connection, selector)[0] for selector in selectors]
            return _compare.compare_many([runs.summary(connection, key) for key in keys])

    def compare_environments(self, left: str, right: str) -> EnvironmentDiff:
        """What changed between the environments two runs started in. A run without a snapshot gives a note."""
        with self._current().reading() as connection:
            return self._environment_diff(connection, left, right)

    def diff_runs(self, left: str | None = None, right: str | None = None) -> RunDiff:
        """How the metrics moved between two runs, and what moved with them.

        Without arguments the last two runs of the project; with one, that run against the latest one.
        Raises NotFound when there are none.
        """
        with self._current().reading() as connection:
            if right is None:
                _, latest = runs.find(connection, "@latest", self._project_component())
                before = f"{latest.project.value}@latest~1"
                left, right = (before, latest) if left is None else (left, latest)
            assert left is not None  # only right can be left out alone
            return RunDiff(
                metrics=self._compared(connection, left, right),
                environment=self._environment_diff(connection, left, right),
            )

    def audit_reproducibility(self, run: str) -> Audit:
        """How far what was recorded suffices to have the run's environment again."""
        store = self._current()
        with store.reading() as connection:
            key, _ = self._find(connection, run)
            return _audit.audit(runs.details(connection, key), snapshot_of(connection, store.objects, key))

    # ------------------------------------------------------------------------------------------ inside

    def _compared(self, connection: Connection, left: str, right: str) -> RunComparison:
        keys = [self._find(connection, selector)[0] for selector in (left, right)]
        return _compare.compare_runs(*(runs.summary(connection, key) for key in keys))

    def _environment_diff(self, connection: Connection, left: str, right: str) -> EnvironmentDiff:
        objects = self._opened().objects
        (left_key, left_ref), (right_key, right_ref) = (
            self._find(connection, left),
            self._find(connection, right),
        )
        return _environments.compare_environments(
            left_ref,
            snapshot_of(connection, objects, left_key),
            right_ref,
            snapshot_of(connection, objects, right_key),
        )

    def _find(self, connection: Connection, selector: str) -> tuple[int, StableRef]:
        return runs.find(connection, selector, self._project_component())

    def _project_component(self) -> str | None:
        return slug(self.config.project_name) if self.config.project_name is not None else None

    def _opened(self) -> Store:
        if self._closed:
            raise WorkspaceClosed(f"workspace {self.root} was closed", hint="open it again with Contexta(...)")
        if self._store is None:
            self._store = open_store(self.root)
        return self._store

    def _current(self) -> Store:
        store = self._opened()
        take_in(store)
        return store

    def _take_in_ended(self) -> None:
        """Take in a run that has just ended. If that fails now, the next reader does it: training is not stopped."""
        if self._store is not None and not self._closed:
            try:
                take_in(self._store)
            except WorkspaceError as error:
                warnings.warn(f"the run is recorded, but not yet taken into the database: {error.what}", stacklevel=4)


def _project_ref(project: str) -> StableRef:
    if project.startswith("project:"):
        return StableRef.parse(project)
    return StableRef("project", slug(project) or project)


def _directory_name() -> str:
    return Path.cwd().name if slug(Path.cwd().name) else "project"
