"""The metric over the runs of a project: changes of its level, and how each difference relates to them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from itertools import pairwise
from statistics import fmean

from packaging.version import InvalidVersion, Version

from contexta.analysis.changes.pair import parameters_of
from contexta.analysis.metrics import stats
from contexta.analysis.metrics.change_points import FEWEST, Segment, levels, outliers
from contexta.analysis.metrics.formatting import some
from contexta.analysis.metrics.repeats import is_seed
from contexta.contract.environment import UNKNOWN, same_version
from contexta.findings.explain import Better, Confound, Difference, Effect, History, HistoryPoint, LevelChange
from contexta.findings.past_runs import MetricId, PastRun

_AT_OLD, _AT_NEW = 0, 1
_COMPARED_RUNS = 2  # OLD and NEW
_States = tuple[int | None, ...]
_KINDS_IN_HISTORY = ("package", "python", "parameter", "source")
_MIN_NOISE = 0.03  # of the change: variation below it is ignored
_INDEPENDENCE = 0.5  # consecutive runs share unrecorded state, so that two of them count as one


def history(
    runs: Sequence[PastRun],
    metric: MetricId,
    differences: Sequence[Difference],
    *,
    old: PastRun,
    new: PastRun,
    better: Better | None,
) -> History:
    """The history of a metric in a project. runs: in any order. O(runs^2 + runs * differences)."""
    past = usable(runs, metric)
    values = [float(run.metrics[metric]) for run in past]
    segments = levels(values) if values else []
    states = _states(differences, past)
    steps = tuple(_step(past, values, before, after, better) for before, after in pairwise(segments))
    change_point = _change_point(past, values, segments, steps, old, new)
    is_later = (new.started_at, new.ref) > (old.started_at, old.ref)
    confounds = tuple(_confounds(states))
    together = {name: _others(name, confounds) for name in states}
    notes = () if len(past) >= FEWEST else (f"{len(past)} runs have the metric, too few to detect a change of level",)
    return History(
        points=tuple(
            HistoryPoint(
                run_ref=run.ref,
                started_at=run.started_at,
                value=run.metrics[metric],
                level=level,
                changed=tuple(_between(before, run)) if before is not None else (),
            )
            for before, run, level in zip([None, *past], past, _means(segments), strict=False)
        ),
        noise=stats.scatter(values),
        steps=steps,
        change_point=change_point,
        first_bad=change_point if change_point is not None and change_point.worse and is_later else None,
        effects=tuple(_effect(name, state, values, together[name]) for name, state in states.items()),
        confounds=confounds,
        left_out=len(runs) - len(past),
        notes=notes,
    )


def usable(runs: Sequence[PastRun], metric: MetricId) -> list[PastRun]:
    """The completed runs with a finite value of the metric, the oldest first."""
    completed = [run for run in runs if run.status == "completed" and _has(run, metric)]
    return sorted(completed, key=lambda run: (run.started_at, run.ref))


def _means(segments: Sequence[Segment]) -> list[float]:
    """The mean of the level that each value belongs to."""
    return [level.mean for level in segments for _ in range(level.start, level.stop)]


def _has(run: PastRun, metric: MetricId) -> bool:
    """Whether a run has a finite value of the metric."""
    return metric in run.metrics and stats.is_finite(run.metrics[metric])


# ---------------------------------------------------------------------------------------------- steps


def _step(
    past: Sequence[PastRun], values: Sequence[float], before: Segment, after: Segment, better: Better | None
) -> LevelChange:
    change = after.mean - before.mean
    outlying = outliers(values)
    left, right = (
        [values[place] for place in range(level.start, level.stop) if place not in outlying]
        for level in (before, after)
    )
    interval = stats.welch(left, right) if min(len(left), len(right)) > 1 else None
    return LevelChange(
        last_before=past[after.start - 1].ref,
        first_after=past[after.start].ref,
        change=change,
        low=interval.low if interval else None,
        high=interval.high if interval else None,
        before=before.stop - before.start,
        after=after.stop - after.start,
        worse=None if better is None else (change < 0) == (better == "higher"),
        differences=tuple(_between(past[after.start - 1], past[after.start])),
    )


def _change_point(
    past: Sequence[PastRun],
    values: Sequence[float],
    segments: Sequence[Segment],
    steps: Sequence[LevelChange],
    old: PastRun,
    new: PastRun,
) -> LevelChange | None:
    """The step between two runs after which the level stays nearer to the level of the later run.

    None if a run is not part of the history or is an outlier, or if both runs have the same level.
    """
    place = {run.ref: number for number, run in enumerate(past)}
    if old.ref not in place or new.ref not in place or {place[old.ref], place[new.ref]} & outliers(values):
        return None
    first, last = sorted((place[old.ref], place[new.ref]))
    start, stop = (_level_at(segments, number) for number in (first, last))
    middle = (segments[start].mean + segments[stop].mean) / 2
    rises = segments[stop].mean > segments[start].mean
    for number in range(stop, start, -1):
        if (segments[number - 1].mean > middle) != rises:
            return steps[number - 1]
    return None


def _level_at(segments: Sequence[Segment], place: int) -> int:
    return next(number for number, level in enumerate(segments) if level.start <= place < level.stop)


def _between(before: PastRun, after: PastRun) -> list[str]:
    """The recorded differences between two consecutive runs."""
    changes = []
    if before.environment is not None and after.environment is not None:
        left, right = dict(before.environment.packages), dict(after.environment.packages)
        left["python"], right["python"] = before.environment.python_version, after.environment.python_version
        for name in sorted({*left, *right}):
            was, now = left.get(name), right.get(name)
            if UNKNOWN not in (was, now) and not same_version(was, now):
                changes.append(f"{name} {was or 'absent'} -> {now or 'absent'}")
    old, new = parameters_of(before), parameters_of(after)
    for name in sorted({*old, *new}):
        if old.get(name) != new.get(name) and not is_seed(name):
            changes.append(f"parameter {name} {old.get(name, 'absent')} -> {new.get(name, 'absent')}")
    left_code, right_code = before.code, after.code
    if left_code and right_code and left_code != right_code:
        commits = left_code[0][:12], right_code[0][:12]
        same_commit = f"uncommitted changes on commit {commits[0]}"
        changes.append(same_commit if commits[0] == commits[1] else f"code {commits[0]} -> {commits[1]}")
    return changes


# ---------------------------------------------------------------------------------------------- past states


def _states(differences: Sequence[Difference], past: Sequence[PastRun]) -> dict[str, _States]:
    """Name of a difference -> for each run 0 for its old state, 1 for its new state, None for neither or unknown.

    A version before the old one counts as old, and a version after the new one counts as new.
    """
    recorded = [difference for difference in differences if difference.kind in _KINDS_IN_HISTORY]
    return {difference.name: tuple(_state(difference, run) for run in past) for difference in recorded}


def _state(difference: Difference, run: PastRun) -> int | None:
    left, right = difference.left_value, difference.right_value
    if difference.kind == "source":
        code = run.code
        sides = [side for side, value in enumerate((left, right)) if code and value and value.startswith(code[0][:12])]
        return sides[0] if len(sides) == 1 else None
    if difference.kind == "parameter":
        value = parameters_of(run).get(difference.key)
        return _AT_OLD if value == left else _AT_NEW if value == right else None
    if run.environment is None:
        return None
    if difference.kind == "python":
        return _by_version(run.environment.python_version, left, right)
    return _by_version(run.environment.packages.get(difference.key), left, right)


def _by_version(version: str | None, left: str | None, right: str | None) -> int | None:
    for state, endpoint in ((_AT_OLD, left), (_AT_NEW, right)):
        if version == endpoint or (_read(version) is not None and _read(version) == _read(endpoint)):
            return state
    this, old, new = _read(version), _read(left), _read(right)
    if this is None or old is None or new is None:
        return None
    if old < new:
        return _AT_OLD if this < old else _AT_NEW if this > new else None
    return _AT_OLD if this > old else _AT_NEW if this < new else None


@lru_cache(maxsize=4096)
def _read(version: str | None) -> Version | None:
    try:
        return Version(version or "")
    except InvalidVersion:
        return None


def fits(
    runs: Sequence[PastRun],
    metric: MetricId,
    differences: Sequence[Difference],
    *,
    old: PastRun,
    new: PastRun,
) -> dict[str, float]:
    """The likelihood of the past values for each difference as the only cause, relative to the best; {} if equal.

    Model: runs with the old state have one unknown level and runs with the new state another, which lies in the
    direction of the change. The noise is normal with unknown variance.
    """
    past = usable(runs, metric)
    values = [float(run.metrics[metric]) for run in past]
    states = _states(differences, past)
    if len(past) < 3 or len(set(states.values())) < 2 or not (_has(old, metric) and _has(new, metric)):
        return {}
    change = float(new.metrics[metric]) - float(old.metrics[metric])
    floor = max(stats.scatter(values), _MIN_NOISE * abs(change), 1e-12) ** 2
    errors = {name: _squared_error(state, values, change) for name, state in states.items()}
    logs = {name: -len(values) / 2 * math.log(error + 3 * floor) for name, error in errors.items()}
    best = max(logs.values())
    return {name: math.exp(_INDEPENDENCE * (value - best)) for name, value in logs.items()}


def _squared_error(state: _States, values: Sequence[float], change: float) -> float:
    """The squared error of the two-level model; of one level if the model moves against the observed change."""
    sides = [[v for s, v in zip(state, values, strict=True) if s == side] for side in (_AT_OLD, _AT_NEW)]
    rest = [v for s, v in zip(state, values, strict=True) if s is None]
    if not all(sides) or (fmean(sides[1]) - fmean(sides[0])) * change <= 0:
        middle = fmean(values)
        return sum((value - middle) ** 2 for value in values)
    middle = fmean(map(fmean, sides))
    inside = sum((value - fmean(side)) ** 2 for side in sides for value in side)
    return inside + sum((value - middle) ** 2 for value in rest)


def _effect(name: str, state: _States, values: Sequence[float], moved_with: tuple[str, ...]) -> Effect:
    sides = [[v for s, v in zip(state, values, strict=True) if s == side] for side in (_AT_OLD, _AT_NEW)]
    change = fmean(sides[1]) - fmean(sides[0]) if all(sides) else None
    interval = stats.welch(*sides) if min(map(len, sides)) > 1 else None
    return Effect(
        name=name,
        old_runs=len(sides[0]),
        new_runs=len(sides[1]),
        change=change,
        low=interval.low if interval else None,
        high=interval.high if interval else None,
        moved_with=moved_with,
    )


def _confounds(states: Mapping[str, _States]) -> Iterable[Confound]:
    """Groups of differences with equal states in every run. No statistic over these runs can separate them.

    A group needs both states, in more runs than OLD and NEW, which differ in all of them by definition.
    """
    groups: dict[_States, list[str]] = {}
    for name, state in states.items():
        groups.setdefault(state, []).append(name)
    for state, names in groups.items():
        count = sum(value is not None for value in state)
        if len(names) > 1 and count > _COMPARED_RUNS and {_AT_OLD, _AT_NEW} <= {*state}:
            yield Confound(
                names=tuple(names),
                runs=count,
                text=f"{some(names, 6)} changed together in all {count} runs that recorded them: "
                "history cannot separate them, a bisect can",
            )


def _others(name: str, confounds: Sequence[Confound]) -> tuple[str, ...]:
    return tuple(other for confound in confounds if name in confound.names for other in confound.names if other != name)
