"""What is asked of many runs, or of all that lies below one: a half of ``Contexta``, cut off for its length."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from contexta.client.workspace import Workspace
from contexta.core.errors import InvalidInput, shown
from contexta.core.references import StableRef, slug

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from contexta.contract import BatchExecution, DeploymentExecution, SampleObservation
    from contexta.findings import (
        BestRun,
        Lineage,
        LineageDirection,
        MetricSeries,
        MetricTrend,
        PackageTimeline,
        ProjectSummary,
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


class Questions(Workspace):
    """Questions that need no more of a workspace than a view of it and the run that a person means."""

    # ------------------------------------------------------------------------------------------ below one run

    def get_run_snapshot(self, run: str, *, max_records: int = 1_000) -> RunSnapshot:
        """Everything that is stored of one run, at most ``max_records`` of each kind.

        Of a run with more records, each metric's last points; ``completeness_notes`` counts what is not there. The
        cost is that of what is returned, whatever the run holds.
        """
        from contexta.store.read.snapshots import snapshot

        _require_count(max_records, "max_records")
        with self._reading() as connection:
            key, ref = self._find(connection, run)
            return snapshot(connection, ref, key, max_records)

    def list_deployments(
        self, project: str | None = None, *, run: str | None = None
    ) -> tuple[DeploymentExecution, ...]:
        """By start; of one project, of one run (also those that name only its artifact or environment), or all."""
        from contexta.store.entities import metadata
        from contexta.store.read.snapshots import deployments_of
        from contexta.store.schema import tables

        with self._reading() as connection:
            if run is not None:
                key, ref = self._find(connection, run)
                return deployments_of(connection, ref, key)
            parent = (tables.project, project_ref(project)) if project is not None else None
            return metadata.list_all(connection, metadata.DEPLOYMENT, parent)

    def list_batches(
        self, run: str, *, stage_name: str | None = None, limit: int | None = None
    ) -> tuple[BatchExecution, ...]:
        """The batches of a run by start, or of its stages of one name. Raises NotFound where no stage has it."""
        from contexta.store.entities import metadata
        from contexta.store.read import snapshots

        _require_count(limit, "limit")
        with self._reading() as connection:
            _, ref = self._find(connection, run)
            return snapshots.below(connection, metadata.BATCH, ref, stage_name, limit)

    def list_samples(
        self, run: str, *, stage_name: str | None = None, limit: int | None = None
    ) -> tuple[SampleObservation, ...]:
        """The samples of a run in order of arrival, or of its stages of one name. Raises NotFound where none has it."""
        from contexta.store.entities import metadata
        from contexta.store.read import snapshots

        _require_count(limit, "limit")
        with self._reading() as connection:
            _, ref = self._find(connection, run)
            return snapshots.below(connection, metadata.SAMPLE, ref, stage_name, limit)

    def diagnose_run(self, run: str) -> RunDiagnosis:
        """What stands out in what a run left behind: failures, what was left open, what was degraded or is missing.
        Walks over the run's records, and reads those that are no metrics."""
        from contexta.analysis.diagnosis import diagnose
        from contexta.store.read import loading, snapshots

        with self._reading() as connection:
            key, ref = self._find(connection, run)
            return diagnose(loading.details(connection, key), **snapshots.evidence(connection, ref, key))

    def metric_series(
        self, run: str, metric: str, *, stage: str | None = None, slice_ref: str | None = None, points: int = 500
    ) -> MetricSeries:
        """A metric of one run over its points, at most ``points`` buckets of them: low, high and last of each.

        stage: None for whichever logged it last. Raises NotFound for a metric that the run does not have."""
        from contexta.store.read.downsampling import thinned

        _require_count(points, "points")
        with self._reading() as connection:
            key, ref = self._find(connection, run)
            return thinned(connection, key, ref, metric, stage_name=stage, slice_ref=slice_ref, buckets=points)

    def traverse_lineage(self, ref: str, *, direction: str = "both", max_depth: int | None = None) -> Lineage:
        """What came from what, from a reference (or a run as people name it) along edges, the nearest first.

        ``downstream`` (also ``outbound``) follows edges from source to target: what became of it. ``upstream`` (also
        ``inbound``) follows them back. Runs, their environments, artifacts and deployments are joined by what they
        say of each other. A circle is walked once; at most 10,000 edges. Raises NotFound for what nothing is known of.
        """
        from contexta.analysis.lineage import traverse
        from contexta.store.read import lineage

        way = _direction(direction)
        _require_count(max_depth, "max_depth")
        with self._reading() as connection:
            root = lineage.start(connection, ref, self._find)
            return traverse(root, partial(lineage.edges_at, connection), way, max_depth)

    # ------------------------------------------------------------------------------------------ over many runs

    def list_projects(self) -> tuple[ProjectSummary, ...]:
        """Every project, by reference."""
        from contexta.store.query import find_runs

        with self._reading() as connection:
            return find_runs.list_projects(connection)

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
        from contexta.store.query import pages

        wanted = pages.Wanted(project_ref(project) if project is not None else None, where, order_by, limit)
        with self._reading() as connection:
            return pages.page(connection, wanted, self._find(connection, after)[0] if after is not None else None)

    def select_best_run(
        self,
        runs: Sequence[str] | None,
        metric: str,
        *,
        stage_name: str | None = None,
        higher_is_better: bool | None = None,
        project: str | None = None,
    ) -> BestRun:
        """The run that ended best by one metric.

        runs: selectors, or None for the latest 1,000 of the project that have the metric. stage_name: where to look;
        None for whichever stage logged it last. Raises InvalidInput when nothing says which way is good. Costs by
        index: no point of a series is read.
        """
        from contexta.analysis.metrics.selection import select_best
        from contexta.store.read import trends

        higher = self._is_higher_better(metric, higher_is_better)
        with self._reading() as connection:
            if runs is None:
                ends, *_ = trends.latest_ends(connection, metric, stage_name, self._project(connection, project), 1_000)
            else:
                keys = [self._find(connection, selector)[0] for selector in selectors(runs)]
                ends = trends.ends_of(connection, metric, stage_name, keys)
        return select_best(metric, stage_name, [end.candidate() for end in ends], higher_is_better=higher)

    def get_metric_trend(
        self, metric: str, project: str | None = None, *, stage_name: str | None = None, limit: int = 200
    ) -> MetricTrend:
        """Where a metric ended in the latest ``limit`` runs that have it, the oldest first, and what changed in their
        environments in between. project: default is the configured one, else all of them."""
        from contexta.analysis.metrics.trend import trend
        from contexta.store.read import trends

        _require_count(limit, "limit")
        with self._reading() as connection:
            project_id = self._project(connection, project)
            ends, having, there = trends.latest_ends(connection, metric, stage_name, project_id, limit)
            packages = trends.packages_of(connection, sorted({end.body_id for end in ends if end.body_id is not None}))
        return trend(metric, stage_name, ends, packages, with_metric=having, total=there)

    def package_timeline(
        self, package: str, *, metric: str | None = None, project: str | None = None
    ) -> PackageTimeline:
        """The versions of a package, or of ``python``, over the runs of a project, the oldest first, and where a metric
        ended in each. project: default is the configured one, else that of the latest run."""
        from contexta.analysis.timeline import timeline
        from contexta.store.read import history

        with self._reading() as connection:
            latest = "@latest" if project is None else f"{project_ref(project).value}@latest"
            return timeline(history.project_runs(connection, self._find(connection, latest)[0]), package, metric)

    # ------------------------------------------------------------------------------------------ inside

    def _is_higher_better(self, metric: str, given: bool | None) -> bool:
        from contexta.analysis.metrics.direction import Directions, direction_of

        lower = None if given is None else not given
        better, _ = direction_of(metric, Directions(self.config.higher_is_better, self.config.lower_is_better, lower))
        if better is None:
            hint = "give higher_is_better=True or False, --higher-is-better or --lower-is-better"
            raise InvalidInput(f"the direction of {shown(metric)} is unknown", hint=hint)
        return better == "higher"

    def _project(self, connection: Connection, project: str | None) -> int | None:
        """The key of a project; of the configured one for None, or None where there is none. Raises NotFound."""
        from contexta.store.entities.metadata import find_id, require_id
        from contexta.store.schema import tables

        if project is not None:
            return require_id(connection, tables.project, project_ref(project))
        configured = self.config.project_name
        return find_id(connection, tables.project, project_ref(configured)) if configured is not None else None


def project_ref(project: str) -> StableRef:
    """Of a project's name or reference."""
    if not isinstance(project, str):
        raise InvalidInput(f"project {shown(project)} is no text", hint="give its name or reference")
    if project.startswith("project:"):
        return StableRef.parse(project)
    return StableRef("project", slug(project) or project)


def _direction(given: str) -> LineageDirection:
    if given not in _DIRECTIONS:
        raise InvalidInput(f"direction {shown(given)} is none", hint="it is downstream, upstream or both")
    return _DIRECTIONS[given]


def selectors(runs: Sequence[str]) -> list[str]:
    chosen = [runs] if isinstance(runs, str) else list(runs)
    if not chosen:
        raise InvalidInput("no runs were given", hint="name one or more")
    return chosen


def _require_count(given: int | None, name: str) -> None:
    if given is not None and not (type(given) is int and 0 < given < 2**31):
        raise InvalidInput(f"{name} {shown(given)} is no number of things", hint="give 1 or more")
