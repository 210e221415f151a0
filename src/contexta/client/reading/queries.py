"""Query runs, their parts and their metrics. Each function is a method of ``Contexta``.

A function imports what it needs when it is called, so that recording does not import SQLAlchemy and pydantic.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from contexta.client.reading.arguments import (
    condition_of,
    find_project_key,
    order_of,
    project_ref,
    require_count,
    require_direction,
    selectors,
)
from contexta.client.reading.workspace import Workspace, names_of_renamed, with_names
from contexta.core.errors import InvalidInput, NotFound, shown

if TYPE_CHECKING:
    from contexta.contract import BatchExecution, DeploymentExecution, EnvironmentSnapshot, SampleObservation
    from contexta.findings import (
        Artifact,
        BestRun,
        Lineage,
        LineageDirection,
        ListedProject,
        Log,
        MetricSeries,
        MetricTrend,
        PackageTimeline,
        RunDetails,
        RunDiagnosis,
        RunList,
        RunSnapshot,
    )

_DIRECTIONS: dict[str, LineageDirection] = {
    "downstream": "downstream",
    "outbound": "downstream",
    "upstream": "upstream",
    "inbound": "upstream",
    "both": "both",
}
_MOST_EVENTS = 1_000  # of one run
_MOST_CANDIDATES = 1_000  # of `select_best_run` without a list of runs


# ---------------------------------------------------------------------------------------------- one run


def get_run(workspace: Workspace, run: str) -> RunDetails:
    """Everything about one run except the packages of its environment, the points of its series, and spans."""
    from contexta.store.read import loading

    with workspace._reading() as connection:
        key, _ = workspace._find(connection, run)
        return loading.details(connection, key, _MOST_EVENTS)


def get_environment(workspace: Workspace, run: str) -> EnvironmentSnapshot:
    """The complete environment at the start of a run. Raises NotFound without a snapshot."""
    with workspace._reading() as connection:
        key, ref = workspace._find(connection, run)
        snapshot = workspace._snapshot(connection, key)
    if snapshot is None:
        raise NotFound(
            f"{ref} has no environment snapshot",
            hint="record the next run with `contexta run` or `with ctx.run(...)`",
        )
    return snapshot


def get_run_snapshot(workspace: Workspace, run: str, *, max_records: int | None = None) -> RunSnapshot:
    """Everything that is stored of one run.

    max_records: at most so many parts of each kind, and records. The last points of each metric are then present, and
    ``completeness_notes`` counts the rest.
    """
    from contexta.store.read.snapshots import snapshot

    require_count(max_records, "max_records")
    with workspace._reading() as connection:
        key, ref = workspace._find(connection, run)
        return with_names(connection, snapshot(connection, ref, key, max_records), [ref])


def read_log(workspace: Workspace, run: str, stream: str = "stdout") -> Log:
    """The stored output of a run's command to ``stdout`` or ``stderr``. Raises NotFound without it."""
    from contexta.store.entities import artifacts

    with workspace._reading() as connection:
        return artifacts.log_of(connection, workspace._opened().objects, *workspace._find(connection, run), stream)


def copy_artifact(workspace: Workspace, run: str, name: str, path: str | os.PathLike[str]) -> Artifact:
    """Copy a stored artifact to a new file, a directory as a tar archive. The latest artifact of a name counts.

    Raises NotFound if it is not stored, InvalidInput if the file exists, DamagedData.
    """
    from contexta.store.entities import artifacts

    with workspace._reading() as connection:
        key, ref = workspace._find(connection, run)
        return artifacts.copy_out(connection, workspace._opened().objects, key, ref, name, Path(path))


def diagnose_run(workspace: Workspace, run: str) -> RunDiagnosis:
    """The problems of a run: failures, open parts, degraded records and missing data."""
    from contexta.analysis.diagnosis import diagnose
    from contexta.store.read import loading, snapshots

    with workspace._reading() as connection:
        key, ref = workspace._find(connection, run)
        finding = diagnose(loading.details(connection, key), **snapshots.evidence(connection, ref, key))
        return with_names(connection, finding, [ref])


def metric_series(
    workspace: Workspace,
    run: str,
    metric: str,
    *,
    stage: str | None = None,
    slice_ref: str | None = None,
    points: int = 500,
) -> MetricSeries:
    """The points of a metric in one run, reduced to at most ``points`` buckets.

    stage: None for the stage that logged the metric last. Raises NotFound if the run has no such metric.
    """
    from contexta.store.read.downsampling import downsampled

    require_count(points, "points")
    with workspace._reading() as connection:
        key, ref = workspace._find(connection, run)
        finding = downsampled(connection, key, ref, metric, stage_name=stage, slice_ref=slice_ref, buckets=points)
        return with_names(connection, finding, [ref])


def traverse_lineage(
    workspace: Workspace, ref: str, *, direction: str = "both", max_depth: int | None = None
) -> Lineage:
    """Everything that a reference, or a run by any selector, is connected to, the nearest first.

    direction: ``downstream`` (``outbound``) follows edges from source to target, ``upstream`` (``inbound``) from target
    to source. The environment, artifacts and deployments of a run count as edges. At most 10 000 edges.
    Raises NotFound for an unknown reference.
    """
    from contexta.analysis.lineage import traverse
    from contexta.store.read import lineage

    if direction not in _DIRECTIONS:
        raise InvalidInput(f"direction {shown(direction)} is unknown", hint="it is downstream, upstream or both")
    require_count(max_depth, "max_depth")
    with workspace._reading() as connection:
        root = lineage.start(connection, ref, workspace._find)
        finding = traverse(root, partial(lineage.edges_at, connection), _DIRECTIONS[direction], max_depth)
        return with_names(connection, finding, [ref for ref in finding.visited_refs if ref.kind == "run"])


def list_batches(
    workspace: Workspace, run: str, *, stage_name: str | None = None, limit: int | None = None
) -> tuple[BatchExecution, ...]:
    """The batches of a run, or of its stages of one name, by start. Raises NotFound for an unknown stage."""
    from contexta.store.entities import models
    from contexta.store.read import snapshots

    require_count(limit, "limit")
    with workspace._reading() as connection:
        _, ref = workspace._find(connection, run)
        return snapshots.below(connection, models.BATCH, ref, stage_name, limit)


def list_samples(
    workspace: Workspace, run: str, *, stage_name: str | None = None, limit: int | None = None
) -> tuple[SampleObservation, ...]:
    """The samples of a run, or of its stages of one name, by arrival. Raises NotFound for an unknown stage."""
    from contexta.store.entities import models
    from contexta.store.read import snapshots

    require_count(limit, "limit")
    with workspace._reading() as connection:
        _, ref = workspace._find(connection, run)
        return snapshots.below(connection, models.SAMPLE, ref, stage_name, limit)


# ---------------------------------------------------------------------------------------------- many runs


def list_projects(workspace: Workspace) -> tuple[ListedProject, ...]:
    """The names of all projects, with their fields, by reference."""
    from contexta.store.query import find_runs

    with workspace._reading() as connection:
        return find_runs.list_projects(connection)


def list_runs(
    workspace: Workspace,
    project: str | None = None,
    *,
    status: str | Sequence[str] | None = None,
    tags: Mapping[str, str] | Sequence[str] | str | None = None,
    where: str | None = None,
    order: str | None = None,
    order_by: str | None = None,
    after: str | None = None,
    limit: int | None = None,
    archived: bool = False,
) -> RunList:
    """The runs of a project or of all projects with their parameters and last metrics, by start, the latest first.

    status: one or several. tags: names, or a mapping from names to values; a run has all of them. where: a condition,
    ``metrics.accuracy > 0.9 and packages.torch < 2.1``. order: ``latest`` or ``oldest`` first, by start. order_by:
    ``metrics.accuracy desc``, instead of ``order``. after: the last run of the previous page. archived: whether to list
    archived runs too.
    Raises InvalidInput that points at the fault; see docs/reference/queries.md.
    """
    from contexta.store.query.run_list_options import RunListOptions
    from contexta.store.query.run_lists import page

    in_project = project_ref(project) if project is not None else None
    where = condition_of(status, tags, where)
    options = RunListOptions(in_project, where, order_of(order, order_by), limit, with_archived=archived)
    with workspace._reading() as connection:
        last = workspace._find(connection, after)[0] if after is not None else None
        return page(connection, options, last)


def list_deployments(
    workspace: Workspace, project: str | None = None, *, run: str | None = None
) -> tuple[DeploymentExecution, ...]:
    """The deployments of a project, of a run with its artifacts and environment, or of all projects, by start."""
    from contexta.store.entities import models
    from contexta.store.query.near_names import require_project
    from contexta.store.read.snapshots import deployments_of
    from contexta.store.schema import tables

    with workspace._reading() as connection:
        if run is not None:
            key, ref = workspace._find(connection, run)
            return deployments_of(connection, ref, key)
        parent = None
        if project is not None:
            require_project(connection, project_ref(project))
            parent = (tables.project, project_ref(project))
        return models.list_all(connection, models.DEPLOYMENT, parent)


def select_best_run(
    workspace: Workspace,
    runs: Sequence[str] | None,
    metric: str,
    *,
    stage_name: str | None = None,
    higher_is_better: bool | None = None,
    project: str | None = None,
) -> BestRun:
    """The best run by the last value of a metric.

    runs: selectors; None for the latest 1 000 runs of the project with the metric. stage_name: None for the stage that
    logged it last. Raises InvalidInput if the direction of the metric is unknown, and NotFound if no run has such a
    metric. Reads no points.
    """
    from contexta.analysis.metrics.selection import select_best
    from contexta.store.query.near_names import metric_suggestion
    from contexta.store.read import trends

    with workspace._reading() as connection:
        if runs is None:
            project_key = find_project_key(workspace, connection, project)
            values, *_ = trends.latest_ends(connection, metric, stage_name, project_key, _MOST_CANDIDATES)
        else:
            keys = [workspace._find(connection, selector)[0] for selector in selectors(runs)]
            values = trends.ends_of(connection, metric, stage_name, keys)
        suggestion = "" if values else metric_suggestion(connection, metric)
        renamed = names_of_renamed(connection, [value.run_ref for value in values])
    try:
        is_higher_better = require_direction(workspace, metric, higher_is_better)
    except InvalidInput:
        if values:
            raise
        hint = suggestion.removeprefix("; ") or "`contexta show @latest` lists the metrics of the latest run"
        raise NotFound(f"no run has the metric {shown(metric)}", hint=hint) from None
    candidates = [value.candidate() for value in values]
    return select_best(
        metric,
        stage_name,
        candidates,
        higher_is_better=is_higher_better,
        suggestion=suggestion,
        renamed=renamed,
    )


def get_metric_trend(
    workspace: Workspace, metric: str, project: str | None = None, *, stage_name: str | None = None, limit: int = 200
) -> MetricTrend:
    """The last values of a metric in the latest ``limit`` runs with it, the oldest first, and the changes between them.

    project: by default the configured one, else all projects.
    """
    from contexta.analysis.changes.side_by_side import facts_of, steps
    from contexta.analysis.metrics.trend import trend
    from contexta.store.query.near_names import metric_suggestion
    from contexta.store.read import history, trends

    require_count(limit, "limit")
    with workspace._reading() as connection:
        project_key = find_project_key(workspace, connection, project)
        values, with_metric, total = trends.latest_ends(connection, metric, stage_name, project_key, limit)
        run_ids = [value.run_id for value in values]
        changes = steps(facts_of(history.records_for_comparison(connection, workspace._opened().objects, run_ids)))
        suggestion = "" if with_metric else metric_suggestion(connection, metric)
        finding = trend(
            metric, stage_name, values, changes, with_metric=with_metric, total=total, suggestion=suggestion
        )
        return with_names(connection, finding, [value.run_ref for value in values])


def package_timeline(
    workspace: Workspace, package: str, *, metric: str | None = None, project: str | None = None
) -> PackageTimeline:
    """The versions of a package, or of ``python``, over the runs of a project, with a metric, the oldest first.

    project: by default the configured one, else the project of the latest run.
    """
    from contexta.analysis.timeline import timeline
    from contexta.store.read import history

    with workspace._reading() as connection:
        latest = "@latest" if project is None else f"{project_ref(project).value}@latest"
        runs = history.project_runs(connection, workspace._find(connection, latest)[0])
        finding = timeline(runs, package, metric)
        return with_names(connection, finding, [run.run_ref for run in finding.runs])
