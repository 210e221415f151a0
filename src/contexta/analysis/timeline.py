"""The versions of a package over the runs of a project, with a metric."""

from __future__ import annotations

import math
from collections.abc import Sequence
from difflib import get_close_matches

from packaging.utils import canonicalize_name

from contexta.analysis.metrics.metric_names import label
from contexta.core.errors import NotFound, shown
from contexta.findings.metrics import PackageTimeline, TimelineRun, VersionPeriod
from contexta.findings.past_runs import MetricId, PastRun


def timeline(runs: Sequence[PastRun], package: str, metric: str | None = None) -> PackageTimeline:
    """The runs with an environment, the oldest first.

    package: a distribution, or ``python``. metric: ``accuracy`` or ``train/accuracy``.
    Raises NotFound if no run has the metric or the package.
    """
    name = canonicalize_name(package)
    recorded = sorted((run for run in runs if run.environment is not None), key=lambda run: (run.started_at, run.ref))
    metric_id = _metric(runs, metric)
    timeline_runs = tuple(
        TimelineRun(
            run_ref=run.ref,
            name=run.ref.name,
            status=run.status,
            started_at=run.started_at,
            version=version_in(run, name),
            value=run.metrics.get(metric_id) if metric_id else None,
        )
        for run in recorded
    )
    if recorded and all(run.version is None for run in timeline_runs):
        names = {other for run in recorded if run.environment for other in run.environment.packages}
        hint = f"`contexta env {recorded[-1].ref.value}` lists what the latest run had"
        if close := get_close_matches(name, names, n=1, cutoff=0.7):
            hint = f"did you mean {close[0]}? {hint}"
        raise NotFound(f"no recorded run had {shown(package)} installed", hint=hint)
    without = len(runs) - len(recorded)
    return PackageTimeline(
        package=name,
        metric=label(metric_id) if metric_id else None,
        runs=timeline_runs,
        periods=tuple(_periods(timeline_runs)),
        without_environment=without,
        completeness_notes=(f"{without} run{'s have' if without > 1 else ' has'} no environment snapshot",)
        if without
        else (),
    )


def version_in(run: PastRun, name: str) -> str | None:
    """The version of a distribution or of ``python``; None without it."""
    if run.environment is None:
        return None
    return run.environment.python_version if name == "python" else run.environment.packages.get(name)


def _metric(runs: Sequence[PastRun], metric: str | None) -> MetricId | None:
    """Of the metrics with this name, the one that most runs have."""
    if metric is None:
        return None
    counts: dict[MetricId, int] = {}
    for run in runs:
        for metric_id in run.metrics:
            if metric in (metric_id[1], label(metric_id)):
                counts[metric_id] = counts.get(metric_id, 0) + 1
    if not counts:
        raise NotFound(f"no run has a metric {shown(metric)}", hint=_metrics_hint(runs, metric))
    return max(counts, key=lambda metric_id: (counts[metric_id], metric_id))


def _metrics_hint(runs: Sequence[PastRun], metric: str) -> str | None:
    with_metrics = [run for run in runs if run.metrics]
    names = {name for run in with_metrics for metric_id in run.metrics for name in (metric_id[1], label(metric_id))}
    if close := get_close_matches(metric[:250], names, n=1, cutoff=0.7):
        return f"did you mean {close[0]}?"
    return f"`contexta show {with_metrics[-1].ref.value}` lists its metrics" if with_metrics else None


def _periods(runs: Sequence[TimelineRun]) -> list[VersionPeriod]:
    groups: list[list[TimelineRun]] = []
    for run in runs:
        if groups and groups[-1][-1].version == run.version:
            groups[-1].append(run)
        else:
            groups.append([run])
    return [_period(group) for group in groups]


def _period(group: Sequence[TimelineRun]) -> VersionPeriod:
    values = [run.value for run in group if run.value is not None and not math.isnan(run.value)]
    return VersionPeriod(
        version=group[0].version,
        first_run=group[0].run_ref,
        last_run=group[-1].run_ref,
        first_at=group[0].started_at,
        last_at=group[-1].started_at,
        runs=len(group),
        low=min(values, default=None),
        high=max(values, default=None),
        last=values[-1] if values else None,
    )
