"""``Contexta``: one method per verb. Most methods are the functions of the other modules of this package."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from contexta.client import (
    annotate,
    baselines,
    comparisons,
    maintenance,
    output_metrics,
    report_pages,
    reproduction,
    sending,
    site,
)
from contexta.client.reading import curves, queries, run_tables
from contexta.client.reading.arguments import with_aliases
from contexta.client.reading.workspace import Workspace
from contexta.core import settings

if TYPE_CHECKING:
    from pathlib import Path

    from typing_extensions import Unpack

    from contexta.bisect.inputs.request import BisectOptions
    from contexta.bisect.session.progress import BisectProgress
    from contexta.findings import BisectPlan, BisectReport, BisectStatus, Rerun
    from contexta.recorder.session.run import LiveRun
    from contexta.reproduce.environments.progress import ProgressCallback
    from contexta.reproduce.rerun import RerunOptions
    from contexta.reproduce.uv.commands import Uv


def _component(project: str) -> str:
    """The name of a project from its reference or its name; Python 3.8 has no ``str.removeprefix``."""
    kind = "project:"
    return project[len(kind) :] if project.startswith(kind) else project


class Contexta(Workspace):
    """A workspace with all its verbs. It opens at the first use, and is a context manager.

    workspace: a directory, which is created if it does not exist, or ``postgresql://user@host/database``. config: all
    other settings. CONTEXTA_WORKSPACE, CONTEXTA_PROJECT and ``[tool.contexta]`` in pyproject.toml give the defaults.

    Every argument ``run`` accepts a reference, ``project.run``, a name, ``@latest``, ``@latest~2``, a unique prefix, or
    a result that has a ``run_ref``, such as an item of ``list_runs``.
    Every query includes what live runs have recorded so far.
    """

    # ------------------------------------------------------------------------------------------ query

    get_run = with_aliases(queries.get_run)
    get_environment = with_aliases(queries.get_environment)
    get_run_snapshot = with_aliases(queries.get_run_snapshot)
    read_log = with_aliases(queries.read_log)
    copy_artifact = with_aliases(queries.copy_artifact)
    diagnose_run = with_aliases(queries.diagnose_run)
    metric_series = with_aliases(queries.metric_series)
    read_output_metrics = with_aliases(output_metrics.read_output_metrics)
    plot = curves.plot
    traverse_lineage = with_aliases(queries.traverse_lineage)
    list_projects = with_aliases(queries.list_projects)
    list_runs = with_aliases(queries.list_runs)
    count_runs = with_aliases(run_tables.count_runs)
    count_archived_runs = with_aliases(run_tables.count_archived_runs)
    group_runs = with_aliases(run_tables.group_runs)
    environments_of_runs = with_aliases(run_tables.environments_of_runs)
    complete_query = run_tables.complete_query
    list_batches = with_aliases(queries.list_batches)
    list_samples = with_aliases(queries.list_samples)
    list_deployments = with_aliases(queries.list_deployments)
    select_best_run = with_aliases(queries.select_best_run)
    get_metric_trend = with_aliases(queries.get_metric_trend)
    package_timeline = with_aliases(queries.package_timeline)

    # ------------------------------------------------------------------------------------------ compare

    compare_runs = with_aliases(comparisons.compare_runs)
    compare_multiple_runs = with_aliases(comparisons.compare_multiple_runs)
    compare_environments = with_aliases(comparisons.compare_environments)
    diff_runs = with_aliases(comparisons.diff_runs)
    draft_issue = with_aliases(comparisons.draft_issue)
    explain_regression = with_aliases(comparisons.explain_regression)
    check_run = with_aliases(comparisons.check_run)
    audit_reproducibility = with_aliases(comparisons.audit_reproducibility)
    build_run_report = with_aliases(report_pages.build_run_report)
    build_run_page = report_pages.build_run_page
    build_page_with_curves = report_pages.build_page_with_curves
    write_site = site.write_site
    build_multi_run_report = with_aliases(report_pages.build_multi_run_report)
    build_snapshot_report = with_aliases(comparisons.build_snapshot_report)

    # ------------------------------------------------------------------------------------------ annotate

    rename_run = with_aliases(annotate.rename_run)
    tag_run = with_aliases(annotate.tag_run)
    note_run = with_aliases(annotate.note_run)
    archive_run = with_aliases(annotate.archive_run)
    pin_run = with_aliases(annotate.pin_run)

    # ------------------------------------------------------------------------------------------ maintain

    backup = maintenance.backup
    restore = staticmethod(maintenance.restore)
    verify = maintenance.verify
    delete_runs = with_aliases(maintenance.delete_runs)
    gc = maintenance.gc
    doctor = maintenance.doctor
    cached_environments = staticmethod(reproduction.cached_environments)
    prune_cache = staticmethod(reproduction.prune_cache)
    export = maintenance.export
    export_to_mlflow = sending.export_to_mlflow
    export_to_otlp = sending.export_to_otlp
    export_baseline = with_aliases(baselines.export_baseline)
    import_runs = with_aliases(maintenance.import_runs)
    sync = maintenance.sync
    upgrade = maintenance.upgrade

    # ------------------------------------------------------------------------------------------ record

    @with_aliases
    def run(
        self,
        name: str | None = None,
        *,
        project: str | None = None,
        tags: Mapping[str, str] | Sequence[str] | None = None,
        config: Mapping[str, Any] | None = None,
    ) -> LiveRun:
        """Record a live run: ``with ctx.run("this-month") as run: run.metric("accuracy", 0.87)``.

        Captures the environment of the interpreter before it returns. A second run of a name gets its own reference.
        project: by default the configured one, else the name of the current directory. tags: names with values, or
        names alone. config: parameters. If the workspace is not writable, a warning goes to stderr, and the program
        continues without recording.
        """
        from contexta.recorder.session.active_run import session
        from contexta.recorder.session.start import RecordingPlace

        if self._closed:
            raise self._closed_error()
        workspace, settings_ = self._arguments
        configured = settings_.project_name if settings_ is not None else None
        run = session.start_or_warn(
            RecordingPlace(os.fspath(self.root), self._sender()),
            project=_component(project) if project else configured,
            name=name,
            tags=tags if isinstance(tags, Mapping) else dict.fromkeys(tags or (), ""),
            is_place_named=workspace is not None
            or (settings_ is not None and "workspace" in settings_.model_fields_set),
        )
        run.params(config or {})
        return run

    def _sender(self) -> partial[str | None] | None:
        """The function that delivers a run to a server; None for a directory."""
        if self._server is None:
            return None
        from contexta.recorder.session import delivery

        return partial(delivery.send, os.fspath(self.root), self._server, self._objects)

    # ------------------------------------------------------------------------------------------ reproduce

    rebuild_environment = with_aliases(reproduction.rebuild_environment)
    lock_environment = with_aliases(reproduction.lock_environment)
    keep_wheels = with_aliases(reproduction.keep_wheels)
    reconstruct = with_aliases(reproduction.reconstruct)
    to_rebuild = with_aliases(reproduction.to_rebuild)
    note_rerun = reproduction.note_rerun

    @with_aliases
    def rerun(
        self,
        run: str,
        how: RerunOptions | None = None,
        *,
        uv: Uv | None = None,
        progress: ProgressCallback | None = None,
    ) -> Rerun:
        """Run a recorded run again in its rebuilt environment, as a new run, and compare the metrics.

        The command uses the terminal of this process. Call it in the main thread, because it forwards signals.
        Raises as ``rebuild_environment``, and InvalidInput without a command.
        """
        from contexta.reproduce.environments.progress import no_progress
        from contexta.reproduce.lock.kept_wheels import with_kept_wheels
        from contexta.reproduce.recorded_environment import tools_of
        from contexta.reproduce.rerun import RerunOptions, rerun

        tools = tools_of(self._opened().objects, with_kept_wheels(uv, self.root))
        journals = self.root / settings.JOURNALS
        return rerun(self, self.to_rebuild(run), how or RerunOptions(), tools, journals, progress or no_progress)

    # ------------------------------------------------------------------------------------------ bisect

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
        """Prove which change between two environments moved a metric, by rerunning a command in mixes of both.

        old, new: requirements files, lock files, directories of virtual environments, or
        recorded runs; a ``Path`` never names a run. command: runs in the current directory and should read its seed
        from the variable SEED; by default that of the recorded run. metric: by default the one that
        ``explain_regression`` explains if both sides are recorded runs, else the exit code. resume: continue this
        study; without old and new the last one. progress: receives events.

        Records every rerun in the workspace ``bisect`` inside this one, and stores the report with the study.
        Raises InvalidInput, NotFound or Ambiguous for wrong use, and ContextaError if a rerun cannot start.

        Options, with their types and defaults (those of `contexta bisect`):

        - exit_code: bool = False. Judge by the exit code, even if recorded runs have metrics.
        - good_if: str | None = None. What is good, as in "accuracy >= 0.9"; replaces the name of the metric.
        - judge: str | None = None. A command to run after each rerun: exit code 0 is good, 125 gives no result.
        - lower_is_better: bool | None = None. The direction of the metric. Default: by its name.
        - metric_from: str | None = None. Where the metric is: stdout:REGEX with a group, json:FILE:PATH,
          csv:FILE:COLUMN, tensorboard:DIR:TAG.
        - python: str | None = None. The interpreter of both sides.
        - old_python: str | None = None. The interpreter of OLD.
        - new_python: str | None = None. The interpreter of NEW.
        - old_env: Mapping[str, str] = {}. Environment variables of OLD.
        - new_env: Mapping[str, str] = {}. Environment variables of NEW.
        - old_exclude_newer: str | None = None. Resolve ranges of OLD as of this day.
        - new_exclude_newer: str | None = None. Resolve ranges of NEW as of this day.
        - axis: tuple[str, ...] = (). Two values of an option, of {NAME} in COMMAND, or of a variable.
        - include: tuple[str, ...] = (). More changes of two recorded runs: source, params, or both.
        - param_arg: str | None = None. How to pass a parameter to the command, as in "--{name} {value}".
        - build_constraint: Path | None = None. Constraints of the tools that build source distributions, as in
          setuptools<58.
        - skip: tuple[str, ...] = (). Packages to leave out on both sides.
        - suspect: tuple[str, ...] = (). Changes to try first, by name.
        - max_runs: int = 60. The most reruns until the verdict.
        - max_hours: float | None = None. Hours that all reruns may take together.
        - timeout: float | None = None. Time limit of a rerun, in seconds. Default: 4 times the first duration,
          at least 60.
        - timeout_is_bad: bool = False. A rerun that exceeds the time limit is bad, any other is good.
        - memory_limit: int | None = None. Memory limit of a rerun, in MB.
        - seed: int = 0. The first seed.
        - seed_arg: str | None = None. How to pass the seed to the command, as in "--seed {seed}".
        - in_place: bool = False. Run in the current directory instead of in a copy of it.
        - study: Path | None = None. The directory of the study. Default: derived from what is compared.
        - jobs: int | Literal['auto'] | None = None. Reruns at a time; auto: one per GPU, else as many as fit.
          Default: 1, or as many as the cluster has workers.
        - fresh: bool = False. Do not reuse trials of earlier studies.
        - versions: bool = True. Find the first bad release of the culprit.
        - resolve: bool = False. Complete files that lack pins, with uv.
        - as_pinned: bool = False. Use files as they are, even if they lack pins.
        - keep_order: bool = False. Run even if NEW is better according to recorded runs.
        - offline: bool = False. Use packages from uv's cache only.
        - repeats: int = 0. The fewest reruns of each side.
        - one_seed: bool = False. Compare at one seed only: whether the drop exceeds the variation between seeds stays
          open.
        - early: bool = True. Stop reruns that log exactly what OLD or NEW logged.
        - early_after: int = 3. Number of equal steps before a rerun may be stopped.
        - dask: str | None = None. Rerun on a Dask cluster, as in tcp://10.0.0.1:8786.
        - executor: str | None = None. Rerun on the concurrent.futures.Executor that a function returns.
        - outputs: tuple[Path, ...] = (). Files that the caller writes meanwhile; they are not part of the source.
        """
        from contexta.bisect.session.bisect import run_bisect

        fields = {**options, "old": old, "new": new, "command": command or None, "metric": metric}
        return run_bisect(self, self._name_in_commands(), fields, progress, resume=resume)

    def plan_bisect(
        self,
        old: str | os.PathLike[str] | None = None,
        new: str | os.PathLike[str] | None = None,
        *,
        command: str | Sequence[str] = (),
        metric: str | None = None,
        progress: BisectProgress | None = None,
        **options: Unpack[BisectOptions],
    ) -> BisectPlan:
        """The changes, the requirements between them and the expected number of runs of a bisect.

        Builds both environments and reruns nothing. Options and errors: as ``bisect``; old and new are required.
        """
        from contexta.bisect.session.bisect import plan_bisect

        fields = {**options, "old": old, "new": new, "command": command or None, "metric": metric}
        return plan_bisect(self, self._name_in_commands(), fields, progress)

    def last_bisect(self, study: str | os.PathLike[str] | None = None) -> BisectReport:
        """The stored report of the last study, or of the study in a directory. Raises NotFound, DamagedData."""
        from contexta.bisect.session.bisect import last_report

        return last_report(self, study)

    def bisect_status(self, study: str | os.PathLike[str] | None = None) -> BisectStatus:
        """The status of the last study, or of the study in a directory, also while another process runs it.

        Raises NotFound without a study or before its first trial, DamagedData.
        """
        from contexta.bisect.session.bisect import status_of

        return status_of(self, study)

    def list_bisects(self) -> list[Path]:
        """The directories of the studies in this workspace, the latest first."""
        from contexta.bisect.session.prepare import studies_of
        from contexta.bisect.session.study_files import studies

        return studies(studies_of(self))
