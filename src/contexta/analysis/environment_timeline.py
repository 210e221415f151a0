"""The environments, parameters and inputs of successive runs as lanes, below the levels of a metric."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from statistics import pstdev

from contexta.analysis.metrics import stats
from contexta.analysis.metrics.change_points import levels, outliers
from contexta.analysis.metrics.direction import Directions, direction_of, direction_order, familiarity
from contexta.analysis.metrics.metric_names import label
from contexta.analysis.metrics.repeats import as_text
from contexta.contract.environment import UNKNOWN, same_version
from contexta.core.errors import NotFound, shown
from contexta.core.references import StableRef
from contexta.findings.environments import Kind, name_of
from contexta.findings.explain import Better
from contexta.findings.metrics import EnvironmentTimeline, Lane, LanePeriod, MetricLevel, TimelineRun
from contexta.findings.past_runs import MetricId, PastRun

SOURCE, PYTHON = "source", "python"
_DIGITS = 12  # of a digest
State = tuple[bool, str | None]
"""(whether it is known, the version or value; None if it is absent)"""


def environment_timeline(
    runs: Iterable[PastRun],
    project: str,
    metric: str | None,
    directions: Directions,
    older: int = 0,
    inputs: Mapping[StableRef, Mapping[str, str | None]] | None = None,
) -> EnvironmentTimeline:
    """Runs in any order. metric: None for the one that most runs have, of those with a known direction.

    inputs: of each run that recorded some, name -> digest; None if the content was not read.
    Raises NotFound if no run has the metric. O(runs^2) for the levels, and O(runs * names) for the lanes.
    """
    ordered = sorted(runs, key=lambda run: (run.started_at, run.ref))
    ids = _metrics(ordered, directions)
    chosen = _chosen(ids, metric)
    better = direction_of(chosen[1], directions)[0] if chosen else None
    metric_levels, outlying = _levels(ordered, chosen, better) if chosen else ([], [])
    starts = [level.start for level in metric_levels[1:]]
    names = {name for run in ordered if run.environment for name in run.environment.packages}
    lanes = [_lane(name, "package", [_version(run, name) for run in ordered], starts) for name in sorted(names)]
    lanes += [
        _lane("python", "python", [_version(run, PYTHON) for run in ordered], starts),
        _lane("source", "source", [_version(run, SOURCE) for run in ordered], starts),
        *_lanes_of("parameter", [_parameters(run) for run in ordered], starts),
        *_lanes_of("input", [_digests((inputs or {}).get(run.ref, {})) for run in ordered], starts),
    ]
    moved = [lane for lane in lanes if len({period.version for period in lane.periods if period.is_known}) > 1]
    change = _change(metric_levels)
    start = None if change is None else metric_levels[change].start
    moved.sort(
        key=lambda lane: (
            start not in lane.moved_at,
            not lane.moved_at,
            lane.kind not in ("package", "python"),
            -len(lane.periods),
            lane.name,
        )
    )
    return EnvironmentTimeline(
        project=project,
        metric=label(chosen) if chosen else None,
        metrics=tuple(label(metric_id) for metric_id in ids),
        runs=tuple(
            TimelineRun(
                run_ref=run.ref,
                name=run.ref.name,
                status=run.status,
                started_at=run.started_at,
                version=None,
                value=run.metrics.get(chosen) if chosen else None,
            )
            for run in ordered
        ),
        lanes=tuple(moved),
        unchanged=len(names - {lane.name for lane in moved}),
        levels=tuple(metric_levels),
        change=change,
        outliers=tuple(outlying),
        older=older,
    )


def _metrics(runs: Sequence[PastRun], directions: Directions) -> list[MetricId]:
    counts = Counter(metric_id for run in runs for metric_id in run.metrics)

    def order(metric_id: MetricId) -> tuple[int, int, int, MetricId]:
        key = metric_id[1]
        return direction_order(key, directions), -counts[metric_id], familiarity(key), metric_id

    return sorted(counts, key=order)


def _chosen(ids: Sequence[MetricId], metric: str | None) -> MetricId | None:
    if metric is None:
        return ids[0] if ids else None
    matches = [metric_id for metric_id in ids if metric in (metric_id[1], label(metric_id))]
    if not matches:
        names = ", ".join(label(metric_id) for metric_id in ids[:5])
        raise NotFound(f"no run has a metric {shown(metric)}", hint=f"the runs have {names}" if names else None)
    return matches[0]


def _levels(runs: Sequence[PastRun], metric: MetricId, better: Better | None) -> tuple[list[MetricLevel], list[int]]:
    """(levels, numbers of outliers). A level reaches to the first run of the next one."""
    usable = [
        place
        for place, run in enumerate(runs)
        if run.status == "completed" and metric in run.metrics and stats.is_finite(run.metrics[metric])
    ]
    values = [float(runs[place].metrics[metric]) for place in usable]
    if not values:
        return [], []
    outlying = outliers(values)
    result: list[MetricLevel] = []
    segments = levels(values)
    for number, segment in enumerate(segments):
        inliers = [values[place] for place in range(segment.start, segment.stop) if place not in outlying]
        change = segment.mean - segments[number - 1].mean if number else 0.0
        result.append(
            MetricLevel(
                start=usable[segment.start] if number else 0,
                stop=usable[segment.stop] if segment.stop < len(usable) else len(runs),
                runs=segment.stop - segment.start,
                mean=segment.mean,
                deviation=pstdev(inliers) if len(inliers) > 1 else 0.0,
                worse=None if better is None or not number else (change < 0) == (better == "higher"),
            )
        )
    return result, [usable[place] for place in sorted(outlying)]


def _change(metric_levels: Sequence[MetricLevel]) -> int | None:
    """The number of the level after the last drop, else after the last change."""
    drops = [place for place, level in enumerate(metric_levels) if level.worse]
    changes = drops or range(1, len(metric_levels))
    return changes[-1] if changes else None


def _version(run: PastRun, name: str) -> State:
    if name == SOURCE:
        return run.code is not None, _code(run)
    if run.environment is None or (name == PYTHON and run.environment.python_version == UNKNOWN):
        return False, None
    return True, run.environment.python_version if name == PYTHON else run.environment.packages.get(name)


def _code(run: PastRun) -> str | None:
    if run.code is None:
        return None
    return run.code[0][:7] + (" + changes" if run.code[1] else "")


def _parameters(run: PastRun) -> dict[str, State]:
    return {name: (True, value if isinstance(value, str) else as_text(value)) for name, value in run.params.items()}


def _digests(inputs: Mapping[str, str | None]) -> dict[str, State]:
    """The states of the inputs of a run: the start of each digest."""
    return {
        name: (digest is not None, digest.rpartition(":")[2][:_DIGITS] if digest is not None else None)
        for name, digest in inputs.items()
    }


def _lanes_of(kind: Kind, states_of_runs: Sequence[Mapping[str, State]], starts: Sequence[int]) -> Iterator[Lane]:
    """A lane for each name. A run that recorded nothing of this kind is unknown."""
    for name in sorted({name for states in states_of_runs for name in states}):
        states = [states.get(name, (bool(states), None)) for states in states_of_runs]
        yield _lane(name_of(kind, name), kind, states, starts)


def _lane(name: str, kind: Kind, states: Sequence[State], starts: Sequence[int]) -> Lane:
    """starts: the first runs of the levels after the first one."""
    bounds = [0]
    for place in range(1, len(states)):
        before, after = states[place - 1 : place + 1]
        if not (_is_same(before, after) if kind in ("package", "python") else before == after):
            bounds.append(place)
    periods = [
        LanePeriod(start=start, stop=stop, is_known=states[start][0], version=states[start][1])
        for start, stop in zip(bounds, [*bounds[1:], len(states)], strict=True)
        if stop > start
    ]
    moved = tuple(start for start in starts if start in bounds and states[start][0] and states[start - 1][0])
    return Lane(name=name, kind=kind, periods=tuple(periods), moved_at=moved)


def _is_same(first: State, second: State) -> bool:
    return first[0] == second[0] and same_version(first[1], second[1])
