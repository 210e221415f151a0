"""The metric over the runs of a project: where its level stepped, and what the past says of each difference."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from itertools import pairwise
from statistics import fmean

from packaging.version import InvalidVersion, Version

from contexta.analysis.metrics import stats
from contexta.analysis.metrics.change_points import FEWEST, Level, levels, outliers
from contexta.analysis.metrics.formatting import some
from contexta.analysis.metrics.repeats import is_seed
from contexta.contract.environment import same_version
from contexta.findings.explain import Better, Confound, Difference, Effect, History, HistoryPoint, Step
from contexta.findings.history import MetricId, PastRun

_AT_OLD, _AT_NEW = 0, 1
_COMPARED = 2  # runs: OLD and NEW
_States = tuple[int | None, ...]
_FITS_AS = ("package", "python", "parameter", "source")
_LEAST_NOISE = 0.03  # of the change: what a metric moves in its last digits for no reason anybody cares about
_INDEPENDENCE = 0.5  # runs that follow each other share more than is recorded: two of them are worth one


def history(
    runs: Sequence[PastRun],
    metric: MetricId,
    differences: Sequence[Difference],
    *,
    old: PastRun,
    new: PastRun,
    better: Better | None,
) -> History:
    """What all runs of the project say about a metric. runs: in any order. Cost: O(runs^2 + runs * differences)."""
    past = usable(runs, metric)
    values = [float(run.metrics[metric]) for run in past]
    stretches = levels(values) if values else []
    states = {each.name: states_of(each, past) for each in differences if each.kind in _FITS_AS}
    steps = tuple(_step(past, values, before, after, better) for before, after in pairwise(stretches))
    change_point = _change_point(past, values, stretches, steps, old, new)
    is_later = (new.started_at, new.ref) > (old.started_at, old.ref)
    confounds = tuple(_confounds(states))
    together = {name: _others(name, confounds) for name in states}
    notes = () if len(past) >= FEWEST else (f"{len(past)} runs have the metric: too few to see a step",)
    return History(
        points=tuple(
            HistoryPoint(
                run_ref=run.ref,
                started_at=run.started_at,
                value=run.metrics[metric],
                level=level,
                changed=tuple(_between(before, run)) if before is not None else (),
            )
            for before, run, level in zip([None, *past], past, _means(stretches), strict=False)
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
    found = [run for run in runs if run.status == "completed" and _is_finite(run.metrics.get(metric))]
    return sorted(found, key=lambda run: (run.started_at, run.ref))


def _means(stretches: Sequence[Level]) -> list[float]:
    """The mean of the level that each value belongs to."""
    return [level.mean for level in stretches for _ in range(level.start, level.stop)]


def _is_finite(value: int | float | None) -> bool:
    try:
        return value is not None and math.isfinite(value)
    except OverflowError:
        return False


# ---------------------------------------------------------------------------------------------- steps


def _step(past: Sequence[PastRun], values: Sequence[float], before: Level, after: Level, better: Better | None) -> Step:
    change = after.mean - before.mean
    outlying = outliers(values)
    left, right = (
        [values[place] for place in range(level.start, level.stop) if place not in outlying]
        for level in (before, after)
    )
    sure = stats.welch(left, right) if min(len(left), len(right)) > 1 else None
    return Step(
        last_before=past[after.start - 1].ref,
        first_after=past[after.start].ref,
        change=change,
        low=sure.low if sure else None,
        high=sure.high if sure else None,
        before=before.stop - before.start,
        after=after.stop - after.start,
        worse=None if better is None else (change < 0) == (better == "higher"),
        differences=tuple(_between(past[after.start - 1], past[after.start])),
    )


def _change_point(
    past: Sequence[PastRun],
    values: Sequence[float],
    stretches: Sequence[Level],
    steps: Sequence[Step],
    old: PastRun,
    new: PastRun,
) -> Step | None:
    """The step between the two runs after which the level stayed nearer to that of the later one.

    None where either run has no history, where both lie on one level, and where a run is an outlier: no step leads to a
    lone value.
    """
    place = {run.ref: number for number, run in enumerate(past)}
    if old.ref not in place or new.ref not in place or {place[old.ref], place[new.ref]} & outliers(values):
        return None
    first, last = sorted((place[old.ref], place[new.ref]))
    start, stop = (_level_at(stretches, number) for number in (first, last))
    middle = (stretches[start].mean + stretches[stop].mean) / 2
    rises = stretches[stop].mean > stretches[start].mean
    for number in range(stop, start, -1):
        if (stretches[number - 1].mean > middle) != rises:
            return steps[number - 1]
    return None


def _level_at(stretches: Sequence[Level], place: int) -> int:
    return next(number for number, level in enumerate(stretches) if level.start <= place < level.stop)


def _between(one: PastRun, two: PastRun) -> list[str]:
    """What is known to differ between two runs that follow each other."""
    found = []
    if one.environment is not None and two.environment is not None:
        left, right = dict(one.environment.packages), dict(two.environment.packages)
        left["python"], right["python"] = one.environment.python_version, two.environment.python_version
        for name in sorted({*left, *right}):
            was, now = left.get(name), right.get(name)
            if was != now and not (was and now and same_version(was, now)):
                found.append(f"{name} {was or 'absent'} -> {now or 'absent'}")
    for name in sorted({*one.params, *two.params}):
        if one.params.get(name) != two.params.get(name) and not is_seed(name):
            found.append(f"parameter {name} {one.params.get(name)} -> {two.params.get(name)}")
    left_code, right_code = one.code, two.code
    if left_code and right_code and left_code != right_code:
        found.append(f"code {left_code[0][:12]} -> {right_code[0][:12]}")
    return found


# ---------------------------------------------------------------------------------------------- differences in the past


def states_of(difference: Difference, past: Sequence[PastRun]) -> _States:
    """For each run: 0 where it had the old state of a difference, 1 the new one, None neither, or not recorded.

    Versions beyond the old one count as old, beyond the new one as new: what changed in between had not yet, or
    already, happened.
    """
    return tuple(_state(difference, run) for run in past)


def _state(difference: Difference, run: PastRun) -> int | None:
    left, right = difference.left_value, difference.right_value
    if difference.kind == "source":
        code = run.code
        found = [side for side, value in enumerate((left, right)) if code and value and value.startswith(code[0][:12])]
        return found[0] if len(found) == 1 else None
    if difference.kind == "parameter":
        value = run.params.get(difference.key)
        text = value if value is None or isinstance(value, str) else json.dumps(value, sort_keys=True, default=str)
        return _AT_OLD if text == left else _AT_NEW if text == right else None
    if run.environment is None:
        return None
    if difference.kind == "python":
        return _by_version(run.environment.python_version, left, right)
    return _by_version(run.environment.packages.get(difference.key), left, right)


def _by_version(version: str | None, left: str | None, right: str | None) -> int | None:
    for state, end in ((_AT_OLD, left), (_AT_NEW, right)):
        if version == end or (_read(version) is not None and _read(version) == _read(end)):
            return state
    here, old, new = _read(version), _read(left), _read(right)
    if here is None or old is None or new is None:
        return None
    if old < new:
        return _AT_OLD if here < old else _AT_NEW if here > new else None
    return _AT_OLD if here > old else _AT_NEW if here < new else None


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
    """How well the past agrees with each difference being the only cause: a factor against the one that agrees best.

    Under that hypothesis all runs with its old state scatter around one level and all with its new state around
    another, the new one on the side to which the metric moved. Normal noise of unknown size, levels unknown; runs that
    follow each other count half, since they share more than is recorded. {} where the past tells nothing apart.
    """
    past = usable(runs, metric)
    values = [float(run.metrics[metric]) for run in past]
    states = {each.name: states_of(each, past) for each in differences if each.kind in _FITS_AS}
    if len(past) < 3 or len(set(states.values())) < 2 or not (_has(old, metric) and _has(new, metric)):
        return {}
    moved = float(new.metrics[metric]) - float(old.metrics[metric])
    floor = max(stats.scatter(values), _LEAST_NOISE * abs(moved), 1e-12) ** 2
    errors = {name: _error(state, values, moved) for name, state in states.items()}
    logs = {name: -len(values) / 2 * math.log(error + 3 * floor) for name, error in errors.items()}
    best = max(logs.values())
    return {name: math.exp(_INDEPENDENCE * (value - best)) for name, value in logs.items()}


def _has(run: PastRun, metric: MetricId) -> bool:
    return _is_finite(run.metrics.get(metric))


def _error(state: _States, values: Sequence[float], moved: float) -> float:
    """The squares that remain when a difference explains the values; of one level where it moves the wrong way."""
    sides = [[v for s, v in zip(state, values, strict=True) if s == side] for side in (_AT_OLD, _AT_NEW)]
    rest = [v for s, v in zip(state, values, strict=True) if s is None]
    if not all(sides) or (fmean(sides[1]) - fmean(sides[0])) * moved <= 0:
        middle = fmean(values)
        return sum((value - middle) ** 2 for value in values)
    middle = fmean(map(fmean, sides))
    inside = sum((value - fmean(side)) ** 2 for side in sides for value in side)
    return inside + sum((value - middle) ** 2 for value in rest)


def _effect(name: str, state: _States, values: Sequence[float], moved_with: tuple[str, ...]) -> Effect:
    sides = [[v for s, v in zip(state, values, strict=True) if s == side] for side in (_AT_OLD, _AT_NEW)]
    change = fmean(sides[1]) - fmean(sides[0]) if all(sides) else None
    sure = stats.welch(*sides) if min(map(len, sides)) > 1 else None
    return Effect(
        name=name,
        old_runs=len(sides[0]),
        new_runs=len(sides[1]),
        change=change,
        low=sure.low if sure else None,
        high=sure.high if sure else None,
        moved_with=moved_with,
    )


def _confounds(states: Mapping[str, _States]) -> Iterable[Confound]:
    """Differences whose states are the same in every run: no figure over these runs can tell them apart.

    Both states must have occurred, in more runs than the two that are compared: those differ in all of them anyway.
    """
    groups: dict[_States, list[str]] = {}
    for name, state in states.items():
        groups.setdefault(state, []).append(name)
    for state, names in groups.items():
        known = sum(each is not None for each in state)
        if len(names) > 1 and known > _COMPARED and {_AT_OLD, _AT_NEW} <= {*state}:
            yield Confound(
                names=tuple(names),
                runs=known,
                says=f"{some(names, 6)} always changed together, in all {known} runs that recorded them: history "
                "cannot separate them, a bisect can",
            )


def _others(name: str, confounds: Sequence[Confound]) -> tuple[str, ...]:
    return tuple(other for confound in confounds if name in confound.names for other in confound.names if other != name)
