"""``Contexta``: one short method per verb. Each loads values, calls a pure function, returns a finding.

What a method needs is imported when it is called: a training process that only records pays for the recorder, not for
SQLAlchemy and pydantic.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from contexta.client.maintenance import Upkeep
from contexta.client.queries import Questions, selectors
from contexta.core import settings
from contexta.core.errors import InvalidInput, NotFound
from contexta.core.references import StableRef

if TYPE_CHECKING:
    from sqlalchemy import Connection
    from typing_extensions import Unpack

    from contexta.bisect.inputs.request import BisectOptions
    from contexta.bisect.session.progress import BisectProgress
    from contexta.contract import EnvironmentSnapshot, LineageEdge
    from contexta.findings import (
        Artifact,
        Audit,
        BisectPlan,
        BisectReport,
        EnvironmentDiff,
        Explanation,
        Gate,
        InputComparison,
        Lock,
        LockFormat,
        Log,
        MultiRunComparison,
        Rebuild,
        Rerun,
        RunComparison,
        RunDetails,
        RunDiff,
    )
    from contexta.findings.checks import Strictness
    from contexta.findings.past_runs import RunRecord
    from contexta.recorder.session.run import Run
    from contexta.reports import Report
    from contexta.reproduce.environments.progress import ProgressCallback
    from contexta.reproduce.rebuild import RebuildOptions, RecordedEnvironment
    from contexta.reproduce.rerun import RerunOptions
    from contexta.reproduce.uv.commands import Uv

    _Found = tuple[int, StableRef]  # the key and the reference of the run that a person meant


class Contexta(Questions, Upkeep):
    """A workspace and everything that can be asked of it. Opened at the first use; also a context manager.

    workspace: a directory, created when it does not exist; or ``postgresql://user@host/database``. config: every other
    setting. What neither sets comes from CONTEXTA_WORKSPACE and CONTEXTA_PROJECT, then from ``[tool.contexta]`` in
    pyproject.toml.

    Wherever a run is asked for, its reference, ``project.run``, its name, ``@latest``, ``@latest~2`` and a unique
    prefix work. Every read first takes in what live runs have written so far.
    """

    # ------------------------------------------------------------------------------------------ recording

    def run(self, name: str | None = None, *, project: str | None = None, tags: Mapping[str, str] | None = None) -> Run:
        """Record a live run: ``with ctx.run("this-month") as run: run.metric("accuracy", 0.87)``.

        The environment of the running interpreter is captured here, before this returns. A second run of the same name
        gets a reference of its own. project: default is the configured one, else the current directory's name.
        Where the workspace cannot be written, that is said once on stderr and the program goes on, unrecorded.
        """
        from contexta.recorder.session.active_run import session
        from contexta.recorder.session.start import Place

        if self._closed:
            raise self._was_closed()
        config = self._given[1]
        return session.start_or_warn(
            Place(os.fspath(self.root), self._sender()),
            project=project or (config.project_name if config is not None else None),
            name=name,
            tags=tags,
            is_place_named=self._is_told_where(),
        )

    def _is_told_where(self) -> bool:
        """Whether the caller named the workspace, rather than leaving it to the settings."""
        workspace, config = self._given
        return workspace is not None or (config is not None and "workspace" in config.model_fields_set)

    def _sender(self) -> partial[str | None] | None:
        if self._server is None:
            return None
        from contexta.recorder.session import delivery

        return partial(delivery.send, os.fspath(self.root), self._server, self._objects)

    # ------------------------------------------------------------------------------------------ asking

    def get_run(self, run: str) -> RunDetails:
        """Everything about one run but its environment's packages and its single points."""
        from contexta.store.read import loading

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
        from contexta.store.entities import artifacts

        with self._reading() as connection:
            return artifacts.log_of(connection, self._opened().objects, *self._find(connection, run), stream)

    def copy_artifact(self, run: str, name: str, path: str | os.PathLike[str]) -> Artifact:
        """Write a file that a run kept to a new file; a directory as a tar archive. The latest of that name counts.

        Raises NotFound when it is not kept, InvalidInput when the file exists, DamagedData.
        """
        from contexta.store.entities import artifacts

        with self._reading() as connection:
            key, ref = self._find(connection, run)
            return artifacts.copy_out(connection, self._opened().objects, key, ref, name, Path(path))

    def compare_runs(self, left: str, right: str) -> RunComparison:
        """What each metric ended at in two runs, and by how much it moved. Costs by index, not by size."""
        with self._reading() as connection:
            return self._compared(connection, self._find(connection, left), self._find(connection, right))

    def compare_multiple_runs(self, selectors: Sequence[str]) -> MultiRunComparison:
        """Several runs side by side, in the order given."""
        from contexta.analysis.metrics.compare import compare_many
        from contexta.store.read import loading

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
        from contexta.analysis.environments.audit import audit
        from contexta.reproduce.availability_checks import current_evidence, rebuilds_among, reruns_among
        from contexta.store.entities import records
        from contexta.store.read import loading

        with self._reading() as connection:
            key, ref = self._find(connection, run)
            details, snapshot = loading.details(connection, key), self._snapshot(connection, key)
            rebuilds = rebuilds_among(records.said(connection, key))
        reruns = reruns_among(self.metadata_store.relations.list_lineage_edges(), ref, self.compare_runs)
        recorded = self.to_rebuild(str(ref)) if snapshot is not None and (online or deep) else None
        found = current_evidence(recorded, details.artifacts, self._opened().objects, online=online, deep=deep, uv=uv)
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
        from contexta.analysis.metrics.direction import Directions
        from contexta.analysis.why.explain import explain
        from contexta.analysis.why.next_steps import PasteTarget
        from contexta.reproduce.environment_manager import installation_of
        from contexta.store.read import history

        with self._reading() as connection:
            keys = [self._find(connection, run) for run in (old, new)]
            left, right = (self._recorded(connection, key) for key, _ in keys)
            return explain(
                left,
                right,
                history.project_runs(connection, keys[1][0], also=[keys[0][0]]),
                metric=metric,
                directions=Directions(self.config.higher_is_better, self.config.lower_is_better, lower_is_better),
                group_by=group_by,
                source=history.source_between(left.run, right.run),
                target=PasteTarget(
                    history.unambiguous_names(connection, [ref for _, ref in keys]),
                    installation_of(right.snapshot, right.run.metadata),
                    self._named_workspace(),
                ),
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
        from contexta.analysis.gate import allowed_drop, gate, metric_requirement
        from contexta.analysis.metrics.direction import Directions
        from contexta.store.read.history import past_runs

        requirements = [metric_requirement(text) for text in require]
        drops = [allowed_drop(text) for text in max_drop]
        directions = Directions(self.config.higher_is_better, self.config.lower_is_better)
        with self._reading() as connection:
            key = self._find(connection, run)
            (checked,) = past_runs(connection, [key[0]])
            baseline = diff = None
            if against is not None:
                baseline_key = self._find(connection, against)
                (baseline,) = past_runs(connection, [baseline_key[0]])
                diff = self._environment_diff(connection, baseline_key, key)
            return gate(
                checked,
                baseline,
                diff,
                requirements=requirements,
                drops=drops,
                strictness=env,
                directions=directions,
            )

    # ------------------------------------------------------------------------------------------ reports

    def build_snapshot_report(self, run: str, *, max_records: int = 100) -> Report:
        """Everything stored of one run as a page: ``get_run_snapshot`` in words."""
        from contexta.reports import report_of

        return report_of(self.get_run_snapshot(run, max_records=max_records))

    def build_run_report(self, run: str, against: str | None = None) -> Report:
        """One run as a page: what it is, what stands out, whether it can be had again. With a second run, both and what
        differs between them."""
        from contexta.reports.pages.runs import run_report, two_run_report

        if against is not None:
            return two_run_report(self.diff_runs(run, against), self.diagnose_run(run), self.diagnose_run(against))
        return run_report(self.get_run(run), self.diagnose_run(run), self.audit_reproducibility(run))

    def build_multi_run_report(self, runs: Sequence[str]) -> Report:
        """Several runs side by side as a page, with what stands out in each."""
        from contexta.reports.pages.runs import multi_run_report

        chosen = selectors(runs)
        return multi_run_report(self.compare_multiple_runs(chosen), [self.diagnose_run(run) for run in chosen])

    # ------------------------------------------------------------------------------------------ having it again

    def rebuild_environment(
        self,
        run: str,
        into: str | os.PathLike[str],
        *,
        options: RebuildOptions | None = None,
        uv: Uv | None = None,
        progress: ProgressCallback | None = None,
    ) -> Rebuild:
        """Build a run's environment in a new directory and compare it with the recording; the run notes the verdict.

        options: what may be done, as ``contexta rebuild`` offers it. progress: told what begins and how far it is.
        Raises NotFound without an environment, InvalidInput for a directory in use, UvMissing.
        """
        from contexta.reproduce.recorded_environment import rebuild_and_note

        recorded = self.to_rebuild(run)
        return rebuild_and_note(self.record_store, self._opened().objects, recorded, Path(into), options, uv, progress)

    def lock_environment(
        self, run: str, format: LockFormat = "pylock", *, options: RebuildOptions | None = None, uv: Uv | None = None
    ) -> Lock:
        """A run's environment as a file that others install from, with what is not in it. Asks the index."""
        from contexta.reproduce.lock.lock import lock
        from contexta.reproduce.rebuild import RebuildOptions
        from contexta.reproduce.uv.commands import find_uv

        return lock(self.to_rebuild(run), format, options or RebuildOptions(), uv or find_uv())

    def rerun(
        self,
        run: str,
        how: RerunOptions | None = None,
        *,
        uv: Uv | None = None,
        progress: ProgressCallback | None = None,
    ) -> Rerun:
        """Run a recorded run again in its own environment, as a new run derived from it, and compare the metrics.

        The command has this process's terminal. Call it from the main thread: signals are handed on. Raises as
        ``rebuild_environment``, and InvalidInput when there is no command to run.
        """
        from contexta.reproduce.environments.progress import no_progress
        from contexta.reproduce.recorded_environment import tools_of
        from contexta.reproduce.rerun import RerunOptions, rerun

        tools, journals = tools_of(self._opened().objects, uv), self.root / settings.JOURNALS
        return rerun(self, self.to_rebuild(run), how or RerunOptions(), tools, journals, progress or no_progress)

    def to_rebuild(self, run: str) -> RecordedEnvironment:
        """What is known of a run that is to be had again: its environment, and its source with the changes in it.

        Raises NotFound for a run without an environment, DamagedData for changes that do not read back.
        """
        from contexta.reproduce.recorded_environment import recorded_of

        with self._reading() as connection:
            return recorded_of(connection, self._opened().objects, *self._find(connection, run))

    def bisect(
        self,
        old: str | os.PathLike[str] | None = None,
        new: str | os.PathLike[str] | None = None,
        *,
        command: str | Sequence[str] = (),
        metric: str | None = None,
        resume: bool = False,
        progress: BisectProgress | None = None,
        **options: Unpack[BisectOptions],
    ) -> BisectReport:
        """Prove which change between two environments moved a metric: rerun a command in mixes of both.

        old, new: requirements files of exact pins, pylock.toml, uv.lock, directories of virtual environments, or
        recorded runs; a ``Path`` never names a run. command: what is rerun, in the current directory; it should read
        its seed from the variable SEED. metric: the default is the one that ``explain_regression`` explains first where
        both sides are recorded runs, else the exit code. resume: continue this study; without old and new the last one.
        progress: receives events. options: those of `contexta bisect`, with underscores; see ``BisectRequest``.

        Every rerun is recorded in the workspace ``bisect`` inside this one, and the report is stored with the study.
        Raises InvalidInput, NotFound or Ambiguous for wrong use, and ContextaError where a rerun cannot start.
        """
        from contexta.client.bisect import bisect

        return bisect(self, self._workspace_as_named(), old, new, command, metric, progress, {**options}, resume=resume)

    def plan_bisect(
        self,
        old: str | os.PathLike[str],
        new: str | os.PathLike[str],
        *,
        command: str | Sequence[str] = (),
        metric: str | None = None,
        progress: BisectProgress | None = None,
        **options: Unpack[BisectOptions],
    ) -> BisectPlan:
        """What ``bisect`` would compare, what needs what, and about how many runs it takes. Builds both environments
        and reruns nothing. Raises as ``bisect``."""
        from contexta.client.bisect import plan_bisect

        return plan_bisect(self, self._workspace_as_named(), old, new, command, metric, progress, {**options})

    def last_bisect(self, study: str | os.PathLike[str] | None = None) -> BisectReport:
        """The stored report of the last study, or of the one in a directory. Raises NotFound, DamagedData."""
        from contexta.client.bisect import last_bisect

        return last_bisect(self, study)

    # ------------------------------------------------------------------------------------------ inside

    def _named_workspace(self) -> tuple[str, ...]:
        """The words that name this workspace in a command; none where a command finds it by itself."""
        if self._server is not None or self.root == Path(settings.workspace(None)).absolute():
            return ()
        return ("--workspace", os.fspath(self.root))

    def _workspace_as_named(self) -> str | None:
        """What the user named this workspace; None where a command finds it by itself."""
        named = self._given[0]
        return os.fspath(named) if named is not None else next(iter(self._named_workspace()[1:]), None)

    def note_rerun(self, edge: LineageEdge, rebuilt: Rebuild) -> None:
        """Link a rerun to the run it repeats, and let that one know that its environment was built again."""
        from contexta.reproduce.recorded_environment import event_of

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
        from contexta.analysis.metrics.compare import compare_runs
        from contexta.store.read import loading

        return compare_runs(*loading.summaries(connection, [left[0], right[0]]))

    def _input_diff(self, connection: Connection, left: _Found, right: _Found) -> InputComparison:
        from contexta.analysis.environments.input_data import compare_inputs
        from contexta.store.entities.artifacts import of_run

        return compare_inputs(left[1], of_run(connection, left[0]), right[1], of_run(connection, right[0]))

    def _environment_diff(self, connection: Connection, left: _Found, right: _Found) -> EnvironmentDiff:
        from contexta.analysis.environments.environment_diff import compare_environments

        one, two = self._snapshot(connection, left[0]), self._snapshot(connection, right[0])
        return compare_environments(left[1], one, right[1], two)

    def _snapshot(self, connection: Connection, key: int) -> EnvironmentSnapshot | None:
        from contexta.store.entities.environments import snapshot_of

        return snapshot_of(connection, self._opened().objects, key)

    def _recorded(self, connection: Connection, key: int) -> RunRecord:
        from contexta.store.read.history import recorded

        return recorded(connection, self._opened().objects, key, self._snapshot(connection, key))
