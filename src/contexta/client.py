"""``Contexta``: one short method per verb. Each loads values, calls a pure function, returns a finding.

What a method needs is imported when it is called: a training process that only records pays for the recorder, not for
SQLAlchemy and pydantic.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING

from contexta import addresses
from contexta.errors import InvalidInput, NotFound, WorkspaceClosed, WorkspaceError, shown
from contexta.questions import Questions, project_ref
from contexta.recorder import settings
from contexta.recorder.objects import Objects
from contexta.refs import StableRef, slug
from contexta.scalars import storable
from contexta.upkeep import Upkeep

if TYPE_CHECKING:
    from types import TracebackType

    from sqlalchemy import Connection
    from typing_extensions import Self

    from contexta.config import UnifiedConfig
    from contexta.contract import EnvironmentSnapshot, LineageEdge
    from contexta.findings import (
        Artifact,
        Audit,
        EnvironmentDiff,
        Explanation,
        Gate,
        InputComparison,
        Lock,
        LockFormat,
        Log,
        MultiRunComparison,
        PackageTimeline,
        ProjectSummary,
        Rebuild,
        Rerun,
        RunComparison,
        RunDetails,
        RunDiff,
        RunList,
    )
    from contexta.findings.gate import Strictness
    from contexta.findings.history import Recorded
    from contexta.recorder.live import Run
    from contexta.reproduce.rebuild import Recorded as RecordedEnvironment
    from contexta.reproduce.rebuild import Wishes
    from contexta.reproduce.rerun import Rerunning
    from contexta.reproduce.uv import Uv
    from contexta.reproduce.watching import Watch
    from contexta.store.collections import MetadataStore, RecordStore
    from contexta.store.engine import Store

    _Found = tuple[int, StableRef]  # the key and the reference of the run that a person meant


class Contexta(Questions, Upkeep):
    """A workspace and everything that can be asked of it. Opened at the first use; also a context manager.

    workspace: a directory, created when it does not exist; or ``postgresql://user@host/database``. config: every other
    setting. What neither sets comes from CONTEXTA_WORKSPACE and CONTEXTA_PROJECT, then from ``[tool.contexta]`` in
    pyproject.toml.

    Wherever a run is asked for, its reference, ``project.run``, its name, ``@latest``, ``@latest~2`` and a unique
    prefix work. Every read first takes in what live runs have written so far.
    """

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
    def config(self) -> UnifiedConfig:  # type: ignore[override]  # declared there, found out here
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
        if workspace is not None and not addresses.is_server(workspace):
            return Path(workspace).absolute(), None, None
        given = None if workspace is None else os.fspath(workspace)
        server = settings.server(given)
        return Path(settings.workspace(given)), None if server is None else addresses.checked(server), None

    @cached_property
    def metadata_store(self) -> MetadataStore:
        """Everything that is put and got by reference."""
        from contexta.store.collections import MetadataStore

        return MetadataStore(self._opened, self.close)

    @cached_property
    def record_store(self) -> RecordStore:
        """Records: appended, never changed."""
        from contexta.store.collections import RecordStore

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
        return os.fspath(self.root) if self._server is None else addresses.shown(self._server)

    def close(self) -> None:
        """Release everything the workspace holds. Closing twice is allowed; any other use afterwards raises
        WorkspaceClosed."""
        if self._store is not None:
            self._store.close()
        self._closed = True

    # ------------------------------------------------------------------------------------------ recording

    def run(self, name: str | None = None, *, project: str | None = None, tags: Mapping[str, str] | None = None) -> Run:
        """Record a live run: ``with ctx.run("this-month") as run: run.metric("accuracy", 0.87)``.

        The environment of the running interpreter is captured here, before this returns. A second run of the same name
        gets a reference of its own. project: default is the configured one, else the current directory's name.
        Raises WorkspaceError when the workspace cannot be written.
        """
        from contexta.recorder import starting

        if self._closed:
            raise self._was_closed()
        configured = self._given[1].project_name if self._given[1] is not None else None
        try:
            return starting.start(
                os.fspath(self.root / settings.JOURNALS),
                Objects(self.root / settings.OBJECTS),
                project=project or configured or settings.project(),
                name=name,
                tags=tags,
                send=self._sender(),
            )
        except OSError as error:
            raise WorkspaceError(
                f"no run can be recorded in workspace {self.root}: {error.strerror or error}",
                hint="check that its journal directory can be written",
            ) from error

    def _sender(self) -> partial[str | None] | None:
        if self._server is None:
            return None
        from contexta.recorder import sending

        return partial(sending.send, os.fspath(self.root), self._server, self._objects)

    # ------------------------------------------------------------------------------------------ asking

    def list_projects(self) -> tuple[ProjectSummary, ...]:
        """Every project, by reference."""
        from contexta.store import runs

        with self._reading() as connection:
            return runs.list_projects(connection)

    def list_runs(
        self,
        project: str | None = None,
        *,
        where: str | None = None,
        order_by: str | None = None,
        after: str | None = None,
        limit: int | None = None,
    ) -> RunList:
        """The latest runs first, each with its parameters and where its metrics ended; of one project, or of all.

        where: ``metrics.accuracy > 0.9 and packages.torch < 2.1``; order_by: ``metrics.accuracy desc``; both as
        docs/reference/queries.md says, or InvalidInput points at the fault. after: the last run of the page before.
        """
        from contexta.store import pages

        wanted = pages.Wanted(project_ref(project) if project is not None else None, where, order_by, limit)
        with self._reading() as connection:
            return pages.page(connection, wanted, self._find(connection, after)[0] if after is not None else None)

    def get_run(self, run: str) -> RunDetails:
        """Everything about one run but its environment's packages and its single points."""
        from contexta.store import loading

        with self._reading() as connection:
            return loading.details(connection, self._find(connection, run)[0])

    def get_environment(self, run: str) -> EnvironmentSnapshot:
        """The environment a run started in, whole. Raises NotFound when none was recorded."""
        with self._reading() as connection:
            key, ref = self._find(connection, run)
            snapshot = self._snapshot(connection, key)
        if snapshot is None:
            raise NotFound(
                f"{ref} has no environment snapshot",
                hint="record the next run with `with ctx.run(...)`: it captures the environment",
            )
        return snapshot

    def read_log(self, run: str, stream: str = "stdout") -> Log:
        """What a run's command wrote to ``stdout`` or ``stderr``, as far as it was kept. Raises NotFound without it."""
        from contexta.store import artifacts

        with self._reading() as connection:
            return artifacts.log_of(connection, self._opened().objects, *self._find(connection, run), stream)

    def copy_artifact(self, run: str, name: str, path: str | os.PathLike[str]) -> Artifact:
        """Write a file that a run kept to a new file; a directory as a tar archive. The latest of that name counts.

        Raises NotFound when it is not kept, InvalidInput when the file exists, DamagedData.
        """
        from contexta.store import artifacts

        with self._reading() as connection:
            key, ref = self._find(connection, run)
            return artifacts.copy_out(connection, self._opened().objects, key, ref, name, Path(path))

    def compare_runs(self, left: str, right: str) -> RunComparison:
        """What each metric ended at in two runs, and by how much it moved. Costs by index, not by size."""
        with self._reading() as connection:
            return self._compared(connection, self._find(connection, left), self._find(connection, right))

    def compare_multiple_runs(self, selectors: Sequence[str]) -> MultiRunComparison:
        """Several runs side by side, in the order given."""
        from contexta.analysis.compare import compare_many
        from contexta.store import loading

        with self._reading() as connection:
            keys = [self._find(connection, selector)[0] for selector in selectors]
            return compare_many(loading.summaries(connection, keys))

    def compare_environments(self, left: str, right: str) -> EnvironmentDiff:
        """What changed between the environments two runs started in. A run without a snapshot gives a note."""
        with self._reading() as connection:
            return self._environment_diff(connection, self._find(connection, left), self._find(connection, right))

    def diff_runs(self, left: str | None = None, right: str | None = None) -> RunDiff:
        """How the metrics moved between two runs, and what moved with them.

        Without arguments the last two runs of the project; with one, that run against the latest one.
        Raises NotFound when there are none.
        """
        from contexta.findings import RunDiff

        with self._reading() as connection:
            if right is None:
                _, right = self._find(connection, "@latest")
                left = left if left is not None else self._before(connection, right)
            if left is None:
                raise InvalidInput("diff_runs(right=...) lacks its left side", hint="give both runs, or none")
            sides = self._find(connection, left), self._find(connection, right)
            return RunDiff(
                metrics=self._compared(connection, *sides),
                environment=self._environment_diff(connection, *sides),
                inputs=self._input_diff(connection, *sides),
            )

    def audit_reproducibility(
        self, run: str, *, online: bool = False, deep: bool = False, uv: Uv | None = None
    ) -> Audit:
        """How far what was recorded suffices to have the run again, and how often that was tried.

        online: ask the index for every package. deep: read every file of the environment if it is still there.
        """
        from contexta.analysis.audit import audit
        from contexta.reproduce.asked import asked, rebuilds_among, reruns_among
        from contexta.store import loading, records

        with self._reading() as connection:
            key, ref = self._find(connection, run)
            details, snapshot = loading.details(connection, key), self._snapshot(connection, key)
            rebuilds = rebuilds_among(records.said(connection, key))
        reruns = reruns_among(self.metadata_store.relations.list_lineage_edges(), ref, self.compare_runs)
        recorded = self.to_rebuild(str(ref)) if snapshot is not None and (online or deep) else None
        found = asked(recorded, details.artifacts, self._opened().objects, online=online, deep=deep, uv=uv)
        return audit(details, snapshot, found.with_history(rebuilds, reruns))

    def explain_regression(
        self,
        old: str,
        new: str,
        *,
        metric: str | None = None,
        lower_is_better: bool | None = None,
        group_by: str = "auto",
    ) -> Explanation:
        """Whether a metric really moved between two runs, what changed, what is suspected, what to do next.

        metric: ``accuracy`` or ``train/accuracy``; default: the one whose drop is surest. lower_is_better: where
        neither its name nor the configuration says. group_by: which runs repeat each other: ``auto`` (the same code,
        configuration and environment with another seed), ``none``, ``tag:NAME``, ``param:NAME``. Reruns nothing.
        """
        from contexta.analysis.explain import Ways, explain
        from contexta.store import history

        with self._reading() as connection:
            keys = [self._find(connection, run) for run in (old, new)]
            left, right = (self._recorded(connection, key) for key, _ in keys)
            return explain(
                left,
                right,
                history.project_runs(connection, keys[1][0], also=[keys[0][0]]),
                metric=metric,
                ways=Ways(self.config.higher_is_better, self.config.lower_is_better, lower_is_better),
                group_by=group_by,
                source=history.source_between(left.run, right.run),
                names=history.unambiguous_names(connection, [ref for _, ref in keys]),
            )

    def check_run(
        self,
        run: str,
        *,
        against: str | None = None,
        require: Sequence[str] = (),
        max_drop: Sequence[str] = (),
        env: Strictness = "any",
    ) -> Gate:
        """Whether a run may pass. require: ``accuracy>=0.9``. max_drop: ``accuracy=0.01`` or ``accuracy=1%``, against
        the baseline. env: ``same``, ``packages`` (and Python), ``any``. What cannot be told does not pass."""
        from contexta.analysis.explain import Ways
        from contexta.analysis.gate import allowed_drop, demand, gate
        from contexta.store.history import past_runs

        demands, drops = [demand(each) for each in require], [allowed_drop(each) for each in max_drop]
        ways = Ways(self.config.higher_is_better, self.config.lower_is_better)
        with self._reading() as connection:
            found = self._find(connection, run)
            (judged,) = past_runs(connection, [found[0]])
            if against is None:
                return gate(judged, None, None, demands=demands, drops=drops, env=env, ways=ways)
            before = self._find(connection, against)
            (baseline,) = past_runs(connection, [before[0]])
            drift = self._environment_diff(connection, before, found)
            return gate(judged, baseline, drift, demands=demands, drops=drops, env=env, ways=ways)

    def package_timeline(
        self, package: str, *, metric: str | None = None, project: str | None = None
    ) -> PackageTimeline:
        """The versions of a package, or of ``python``, over the runs of a project, the oldest first, and where a metric
        ended in each. project: default is the configured one, else that of the latest run."""
        from contexta.analysis.timeline import timeline
        from contexta.store import history

        with self._reading() as connection:
            latest = "@latest" if project is None else f"{project_ref(project).value}@latest"
            return timeline(history.project_runs(connection, self._find(connection, latest)[0]), package, metric)

    # ------------------------------------------------------------------------------------------ having it again

    def rebuild_environment(
        self,
        run: str,
        into: str | os.PathLike[str],
        *,
        wishes: Wishes | None = None,
        uv: Uv | None = None,
        watch: Watch | None = None,
    ) -> Rebuild:
        """Build a run's environment in a new directory and compare it with the recording; the run notes the verdict.

        wishes: what may be done, as ``contexta rebuild`` offers it. watch: told what begins and how far it is.
        Raises NotFound without an environment, InvalidInput for a directory in use, UvMissing.
        """
        from contexta.reproduce.recorded import rebuild_and_note

        recorded = self.to_rebuild(run)
        return rebuild_and_note(self.record_store, self._opened().objects, recorded, Path(into), wishes, uv, watch)

    def lock_environment(
        self, run: str, format: LockFormat = "pylock", *, wishes: Wishes | None = None, uv: Uv | None = None
    ) -> Lock:
        """A run's environment as a file that others install from, with what is not in it. Asks the index."""
        from contexta.reproduce.lock import lock
        from contexta.reproduce.rebuild import Wishes
        from contexta.reproduce.uv import find_uv

        return lock(self.to_rebuild(run), format, wishes or Wishes(), uv or find_uv())

    def rerun(
        self, run: str, how: Rerunning | None = None, *, uv: Uv | None = None, watch: Watch | None = None
    ) -> Rerun:
        """Run a recorded run again in its own environment, as a new run derived from it, and compare the metrics.

        The command has this process's terminal. Call it from the main thread: signals are handed on. Raises as
        ``rebuild_environment``, and InvalidInput when there is no command to run.
        """
        from contexta.reproduce.recorded import tools_of
        from contexta.reproduce.rerun import Rerunning, rerun
        from contexta.reproduce.watching import unwatched

        tools, journals = tools_of(self._opened().objects, uv), self.root / settings.JOURNALS
        return rerun(self, self.to_rebuild(run), how or Rerunning(), tools, journals, watch or unwatched)

    def to_rebuild(self, run: str) -> RecordedEnvironment:
        """What is known of a run that is to be had again: its environment, and its source with the changes in it.

        Raises NotFound for a run without an environment, DamagedData for changes that do not read back.
        """
        from contexta.reproduce.recorded import recorded_of

        with self._reading() as connection:
            return recorded_of(connection, self._opened().objects, *self._find(connection, run))

    # ------------------------------------------------------------------------------------------ inside

    def note_rerun(self, edge: LineageEdge, rebuilt: Rebuild) -> None:
        """Link a rerun to the run it repeats, and let that one know that its environment was built again."""
        from contexta.reproduce.recorded import event_of

        self.metadata_store.relations.put_lineage_edge(edge)
        self.record_store.append(event_of(rebuilt))

    def _before(self, connection: Connection, latest: StableRef) -> StableRef:
        project = latest.components[0]
        try:
            return self._find(connection, f"{project}@latest~1")[1]
        except NotFound:
            raise NotFound(
                f"project {project} has only one run",
                hint="record another one, or name two runs",
            ) from None

    def _compared(self, connection: Connection, left: _Found, right: _Found) -> RunComparison:
        from contexta.analysis.compare import compare_runs
        from contexta.store import loading

        return compare_runs(*loading.summaries(connection, [left[0], right[0]]))

    def _input_diff(self, connection: Connection, left: _Found, right: _Found) -> InputComparison:
        from contexta.analysis.inputs import compare_inputs
        from contexta.store.artifacts import of_run

        return compare_inputs(left[1], of_run(connection, left[0]), right[1], of_run(connection, right[0]))

    def _environment_diff(self, connection: Connection, left: _Found, right: _Found) -> EnvironmentDiff:
        from contexta.analysis.environments import compare_environments

        one, two = self._snapshot(connection, left[0]), self._snapshot(connection, right[0])
        return compare_environments(left[1], one, right[1], two)

    def _snapshot(self, connection: Connection, key: int) -> EnvironmentSnapshot | None:
        from contexta.store.environments import snapshot_of

        return snapshot_of(connection, self._opened().objects, key)

    def _recorded(self, connection: Connection, key: int) -> Recorded:
        from contexta.store.history import recorded

        return recorded(connection, self._opened().objects, key, self._snapshot(connection, key))

    def _find(self, connection: Connection, selector: str) -> tuple[int, StableRef]:
        from contexta.store import runs

        project = self.config.project_name
        return runs.find(connection, selector, slug(project) if project is not None else None)

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        """A consistent view that holds everything live runs have written so far."""
        with self._current().reading() as connection:
            yield connection

    def _current(self) -> Store:
        """The store with everything live runs have written so far."""
        from contexta.store.ingest import take_in

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
        from contexta.store.engine import open_store

        return open_store(self.root, self._server, self._objects)

    def _was_closed(self) -> WorkspaceClosed:
        return WorkspaceClosed(f"workspace {self._shown} was closed", hint="open it again with Contexta(...)")


def _require_path(workspace: object) -> None:
    if not isinstance(workspace, (str, os.PathLike)) or isinstance(os.fspath(workspace), bytes):
        raise InvalidInput(f"workspace {shown(workspace)} is no path", hint="name a directory, e.g. .contexta")
    storable(os.fspath(workspace))
    if not os.fspath(workspace):
        raise InvalidInput("the workspace's path is empty", hint="name a directory, e.g. .contexta")


def _require_config(config: object) -> None:
    from contexta.config import UnifiedConfig

    if not isinstance(config, UnifiedConfig):
        raise InvalidInput(f"config is {shown(config)}", hint="build one: UnifiedConfig(project_name=...)")
