"""Whether a metric really moved, or whether chance explains it as well."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from statistics import fmean

from contexta.analysis.metrics import stats
from contexta.analysis.metrics.compare import delta_of
from contexta.analysis.metrics.direction import Origin
from contexta.analysis.metrics.repeats import key_of, seed_of
from contexta.findings.explain import Better, MetricShift, Repeats
from contexta.findings.history import MetricId, PastRun

Direction = tuple[Better | None, Origin | None]


def shifts(
    old: Sequence[PastRun],
    new: Sequence[PastRun],
    metrics: Sequence[MetricId],
    directions: Mapping[MetricId, Direction],
    history: Sequence[PastRun] = (),
) -> tuple[MetricShift, ...]:
    """How each metric moved from one group of runs to the other, corrected for there being several.

    old, new: the run that was named first, then its repeats. history: the runs of the project; where some of them
    repeat each other they say how far runs scatter that are alike.
    """
    level = stats.LEVEL / max(len(metrics), 1)  # what a test must be able to reach, as the first of several
    found = [_shift(old, new, metric, directions.get(metric, (None, None)), history, level) for metric in metrics]
    tested = [number for number, shift in enumerate(found) if shift.p_value is not None]
    adjusted = stats.holm([found[number].p_value or 0.0 for number in tested])
    for number, p in zip(tested, adjusted, strict=True):
        found[number] = _judged(found[number], p, len(tested))
    return tuple(found)


def _shift(
    old: Sequence[PastRun],
    new: Sequence[PastRun],
    metric: MetricId,
    direction: Direction,
    history: Sequence[PastRun],
    level: float,
) -> MetricShift:
    sides = _repeats(old, metric), _repeats(new, metric)
    (left, right), (better, origin) = sides, direction
    change, ratio = delta_of(left.mean, right.mean)
    spread, runs = usual_spread(history, metric)
    shift = MetricShift(
        stage_name=metric[0],
        metric_key=metric[1],
        better=better,
        better_from=origin,
        old=left,
        new=right,
        change=change,
        change_ratio=ratio,
        worse=None if better is None or change is None else (change < 0) == (better == "higher") and change != 0,
        verdict="unknown",
        why="",
        usual_spread=spread,
        usual_runs=runs,
    )
    tested = _tested(shift, old, new, level)
    if "why" in tested:
        tested["why"] = f"{tested['why']}{_without(shift)}"
    return shift.model_copy(update=tested)


def _tested(shift: MetricShift, old: Sequence[PastRun], new: Sequence[PastRun], level: float) -> dict[str, object]:
    if not shift.old.values or not shift.new.values:
        return {"why": "a side lacks the metric"}
    for name, side in (("OLD", shift.old), ("NEW", shift.new)):
        if side.mean is None:
            return {"why": f"{name} itself gave {side.values[0]}: the size of the change is undefined"}
    lefts, rights = _finite(shift.old.values), _finite(shift.new.values)
    if len(lefts) == len(rights) == 1:
        return _single(shift)
    if len({*lefts, *rights}) == 1:
        return {"verdict": "same", "why": "every run gave the same value"}
    if len({*lefts}) == 1 and len({*rights}) == 1:
        return _constant(shift, old, new)
    if min(len(lefts), len(rights)) == 1:
        return _one_more(lefts, rights)
    found = stats.cautious(lefts, rights)
    exact = stats.permutation_p(lefts, rights, level)
    return {
        "test": "welch" if exact is None else "permutation",
        "p_value": found.p if exact is None else exact,
        "low": found.low,
        "high": found.high,
        "effect_size": stats.effect_size(lefts, rights),
        "smallest_seen": stats.smallest_seen(found.error, found.freedom),
        "repeats_needed": stats.repeats_needed(found.change, stats.pooled_spread(lefts, rights)[0]),
    }


def _single(shift: MetricShift) -> dict[str, object]:
    """One run a side says nothing about noise; what the project's other repeats say is told, and no test is made."""
    if shift.change == 0:
        return {"verdict": "same", "why": "both runs gave the same value"}
    if not shift.usual_spread or shift.change is None:
        return {"why": "one run a side: how much the metric scatters between runs alike is unknown"}
    needed = stats.repeats_needed(shift.change, shift.usual_spread)
    times = abs(shift.change) / shift.usual_spread
    return {
        "repeats_needed": needed,
        "why": f"one run a side: noise unknown here; the change is {times:.1f} times the spread of this project's "
        f"repeats ({shift.usual_spread:.2g}, from {shift.usual_runs} runs)",
    }


def _constant(shift: MetricShift, old: Sequence[PastRun], new: Sequence[PastRun]) -> dict[str, object]:
    """Neither side varies. At one recorded seed that is what determinism looks like; else few values may be luck."""
    seeds = {seed_of(run) for run in (*old, *new)}
    if len(seeds) == 1 and None not in seeds and min(len(old), len(new)) >= 2:
        return {
            "verdict": "real",
            "test": "repeats",
            "why": f"each side gives the same value every time at seed {seeds.pop()}, and the sides differ; "
            "another seed may move it by another amount",
        }
    p = stats.constant_p(len(_finite(shift.old.values)), len(_finite(shift.new.values)))
    if p <= stats.LEVEL:
        return {"test": "repeats", "p_value": p}
    return {"why": "neither side varies, and with so few runs that may be luck: repeat with more seeds"}


def _one_more(lefts: Sequence[float], rights: Sequence[float]) -> dict[str, object]:
    """A single run against a group: does it lie where one more run of the group could?"""
    group, value, turned = (lefts, rights[0], 1) if len(rights) == 1 else (rights, lefts[0], -1)
    found = stats.one_more(group, value)
    spread = math.sqrt(stats.variance(group))
    if spread == 0:
        return {"why": "one run against repeats that do not vary: repeat the single side"}
    low, high = sorted((turned * found.low, turned * found.high))
    return {
        "test": "one_more",
        "p_value": found.p,
        "low": low,
        "high": high,
        "smallest_seen": stats.smallest_seen(found.error, found.freedom),
        "repeats_needed": stats.repeats_needed(found.change, spread),
    }


def _judged(shift: MetricShift, adjusted: float, tests: int) -> MetricShift:
    """The verdict, now that it is known how many metrics were tested."""
    real = adjusted <= stats.LEVEL
    p = f"p = {adjusted:.2g}" if adjusted >= 0.001 else "p < 0.001"
    several = f", corrected for {tests} metrics" if tests > 1 else ""
    means = {
        "permutation": "exact permutation test",
        "welch": "t test; assumes roughly normal noise",
        "repeats": "neither side varies",
        "one_more": "prediction interval; assumes that the single side scatters like the other",
    }[shift.test or "welch"]
    words = "chance hardly explains it" if real else "chance explains it as well"
    why = f"{words} ({p}, {means}{several}){_without(shift)}"
    return shift.model_copy(update={"p_adjusted": adjusted, "verdict": "real" if real else "not_shown", "why": why})


def usual_spread(history: Sequence[PastRun], metric: MetricId) -> tuple[float | None, int]:
    """(the standard deviation between runs that repeat each other, over how many runs); (None, 0) without repeats."""
    groups: dict[object, list[float]] = {}
    for run in history:
        value = run.metrics.get(metric)
        key = key_of(run) if run.status == "completed" else None
        if key is not None and value is not None and _finite([value]):
            groups.setdefault(key, []).append(float(value))
    repeated = [values for values in groups.values() if len(values) > 1]
    spread, _ = stats.pooled_spread(*repeated)
    return (spread, sum(map(len, repeated))) if repeated else (None, 0)


def _repeats(runs: Sequence[PastRun], metric: MetricId) -> Repeats:
    having = [run for run in runs if metric in run.metrics]
    values = [run.metrics[metric] for run in having]
    finite = _finite(values)
    named_is_finite = bool(values) and bool(_finite(values[:1]))  # the named run comes first
    return Repeats(
        run_refs=tuple(run.ref for run in having),
        values=tuple(values),
        mean=fmean(finite) if named_is_finite else None,
        spread=math.sqrt(stats.variance(finite)) if named_is_finite and len(finite) > 1 else None,
    )


def _without(shift: MetricShift) -> str:
    """Which repeats have no finite value, in words; "" where all have one."""
    counts = [
        f"{number} of {len(side.values)} {name} runs"
        for name, side in (("OLD", shift.old), ("NEW", shift.new))
        if side.mean is not None and (number := len(side.values) - len(_finite(side.values)))
    ]
    return f"; without {' and '.join(counts)}, whose value is not finite" if counts else ""


def _finite(values: Sequence[int | float]) -> list[float]:
    found = []
    for value in values:
        try:
            found.append(float(value))
        except OverflowError:  # an integer beyond the range of floats
            continue
    return [value for value in found if math.isfinite(value)]
