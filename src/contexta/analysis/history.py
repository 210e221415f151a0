"""The metric over the runs of a project: where its level stepped, and what the past says of each difference."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from itertools import pairwise
from statistics import fmean

from packaging.version import InvalidVersion, Version

from contexta.analysis import stats
from contexta.analysis.groups import is_seed
from contexta.analysis.words import some
from contexta.contract.environment import same_version
from contexta.findings.explain import Better, Confound, Difference, Effect, History, HistoryPoint, Step
from contexta.findings.history import MetricId, PastRun

FEWEST = 5
"""Fewer runs than this have no history: a step could not be told from noise."""
_AT_OLD, _AT_NEW = 0, 1
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
    noise = stats.scatter(values)
    bounds = levels(values, noise)
    states = {each.name: states_of(each, past) for each in differences if each.kind in _FITS_AS}
    steps = tuple(_step(past, values, one, middle, two, better) for one, middle, two in _neighbours(bounds))
    confounds = tuple(_confounds(states, len(past)))
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
            for before, run, level in zip([None, *past], past, _level_of_each(values, bounds), strict=False)
        ),
        noise=noise,
        steps=steps,
        first_bad=_first_bad(past, steps, old, new, metric),
        effects=tuple(_effect(name, state, values, together[name]) for name, state in states.items()),
        confounds=confounds,
        left_out=len(runs) - len(past),
        notes=notes,
    )


def usable(runs: Sequence[PastRun], metric: MetricId) -> list[PastRun]:
    """The completed runs with a finite value of the metric, the oldest first."""
    found = [run for run in runs if run.status == "completed" and _is_finite(run.metrics.get(metric))]
    return sorted(found, key=lambda run: (run.started_at, run.ref))


def _is_finite(value: int | float | None) -> bool:
    try:
        return value is not None and math.isfinite(value)
    except OverflowError:
        return False


# ---------------------------------------------------------------------------------------------- levels and steps


def levels(values: Sequence[float], noise: float) -> list[int]:
    """Where each constant level begins, and the end: [0, 7, 12] for a step at the eighth of twelve values.

    noise: the standard deviation around a level. Least squares with a price for each step (the Potts functional,
    Friedrich et al. 2008; optimal partitioning, Jackson et al. 2005), the price chosen so that a series without a step
    is cut in at most one case of twenty. A lone value is a level only at either end: a single odd run is no step.
    O(n^2).
    """
    count = len(values)
    if count < FEWEST:
        return [0, count]
    sums, squares = [0.0], [0.0]
    middle = fmean(values)
    for value in values:
        sums.append(sums[-1] + value - middle)
        squares.append(squares[-1] + (value - middle) ** 2)
    floor = 1e-9 * max(1e-300, max(values) - min(values))
    price = _price(count) * max(noise, floor) ** 2
    best, cut = [-price] + [math.inf] * count, [0] * (count + 1)
    for stop in range(1, count + 1):
        for start in range(stop):
            if stop - start == 1 and start > 0 and stop < count:
                continue
            error = squares[stop] - squares[start] - (sums[stop] - sums[start]) ** 2 / (stop - start)
            if best[start] + error + price < best[stop]:
                best[stop], cut[stop] = best[start] + error + price, start
    bounds = [count]
    while bounds[-1]:
        bounds.append(cut[bounds[-1]])
    return bounds[::-1]


def _price(count: int) -> float:
    """In variances. Yao 1988 has 2 log n for known noise; the rest pays for estimating it from so few values."""
    return 4 * math.log(count) + 70 / count


def _neighbours(bounds: Sequence[int]) -> Iterable[tuple[int, int, int]]:
    return zip(bounds, bounds[1:], bounds[2:], strict=False)


def _level_of_each(values: Sequence[float], bounds: Sequence[int]) -> list[float]:
    found: list[float] = []
    for start, stop in pairwise(bounds):
        found += [fmean(values[start:stop])] * (stop - start) if stop > start else []
    return found


def _step(
    past: Sequence[PastRun], values: Sequence[float], start: int, middle: int, stop: int, better: Better | None
) -> Step:
    before, after = values[start:middle], values[middle:stop]
    change = fmean(after) - fmean(before)
    sure = stats.welch(before, after) if min(len(before), len(after)) > 1 else None
    return Step(
        last_before=past[middle - 1].ref,
        first_after=past[middle].ref,
        change=change,
        low=sure.low if sure else None,
        high=sure.high if sure else None,
        before=len(before),
        after=len(after),
        worse=None if better is None else (change < 0) == (better == "higher"),
        differences=tuple(_between(past[middle - 1], past[middle])),
    )


def _first_bad(
    past: Sequence[PastRun], steps: Sequence[Step], old: PastRun, new: PastRun, metric: MetricId
) -> Step | None:
    """The largest step between the two runs that goes the way the metric went."""
    place = {run.ref: number for number, run in enumerate(past)}
    if old.ref not in place or new.ref not in place:
        return None
    first, last = sorted((place[old.ref], place[new.ref]))
    turn = 1 if place[old.ref] <= place[new.ref] else -1
    moved = turn * (float(new.metrics[metric]) - float(old.metrics[metric]))
    inside = [
        step
        for step in steps
        if first <= place[step.last_before] and place[step.first_after] <= last and step.change * moved > 0
    ]
    return max(inside, key=lambda step: abs(step.change), default=None)


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


def _confounds(states: Mapping[str, _States], count: int) -> Iterable[Confound]:
    """Differences whose states are the same in every run: no figure over these runs can tell them apart."""
    groups: dict[_States, list[str]] = {}
    for name, state in states.items():
        groups.setdefault(state, []).append(name)
    for state, names in groups.items():
        known = sum(each is not None for each in state)
        if len(names) > 1 and known:
            yield Confound(
                names=tuple(names),
                runs=known,
                says=f"{some(names, 6)} always moved together in {known} of {count} runs: history cannot tell them "
                "apart; a bisect can",
            )


def _others(name: str, confounds: Sequence[Confound]) -> tuple[str, ...]:
    return tuple(other for confound in confounds if name in confound.names for other in confound.names if other != name)
