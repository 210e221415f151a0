"""Test whether a metric differs between two groups of runs by more than chance."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from statistics import fmean

from contexta.analysis.metrics import stats
from contexta.analysis.metrics.compare import delta_of
from contexta.analysis.metrics.direction import Origin
from contexta.analysis.metrics.repeats import key_of, seed_of
from contexta.findings.explain import Better, MetricShift, Repeats
from contexta.findings.past_runs import MetricId, PastRun

MetricDirection = tuple[Better | None, Origin | None]
_TESTS = {
    "permutation": "exact permutation test",
    "welch": "t test, which assumes roughly normal noise",
    "repeats": "no side varies",
    "one_more": "prediction interval, which assumes equal noise on both sides",
}


def shifts(
    old: Sequence[PastRun],
    new: Sequence[PastRun],
    metrics: Sequence[MetricId],
    directions: Mapping[MetricId, MetricDirection],
    history: Sequence[PastRun] = (),
) -> tuple[MetricShift, ...]:
    """The shift of each metric between two groups of runs, its p value corrected for the number of metrics.

    old, new: the run that the user named, then its repeats. history: the runs of the project; their repeats give the
    run-to-run noise.
    """
    level = stats.LEVEL / max(len(metrics), 1)  # the first step of Holm's correction: a test must be able to reach it
    results = [_shift(old, new, metric, directions.get(metric, (None, None)), history, level) for metric in metrics]
    tested = [number for number, shift in enumerate(results) if shift.p_value is not None]
    adjusted = stats.holm([results[number].p_value or 0.0 for number in tested])
    for number, p in zip(tested, adjusted, strict=True):
        results[number] = _with_verdict(results[number], p, len(tested))
    return tuple(results)


def _shift(
    old: Sequence[PastRun],
    new: Sequence[PastRun],
    metric: MetricId,
    direction: MetricDirection,
    history: Sequence[PastRun],
    level: float,
) -> MetricShift:
    left, right = _repeats(old, metric), _repeats(new, metric)
    better, origin = direction
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
    result = _test(shift, old, new, level)
    if "why" in result:
        result["why"] = f"{result['why']}{_excluded(shift)}"
    return shift.model_copy(update=result)


def _test(shift: MetricShift, old: Sequence[PastRun], new: Sequence[PastRun], level: float) -> dict[str, object]:
    """The fields of a shift that the test for its number of runs gives."""
    if not shift.old.values or not shift.new.values:
        return {"why": "one side has no value of the metric"}
    for name, side in (("OLD", shift.old), ("NEW", shift.new)):
        if side.mean is None:
            return {"why": f"{name} has the value {side.values[0]}, so the size of the change is undefined"}
    lefts, rights = _finite(shift.old.values), _finite(shift.new.values)
    if len(lefts) == len(rights) == 1:
        return _single_runs(shift)
    if len({*lefts, *rights}) == 1:
        return {"verdict": "same", "why": "all runs have the same value"}
    if len({*lefts}) == 1 and len({*rights}) == 1:
        return _constant_sides(shift, old, new)
    if min(len(lefts), len(rights)) == 1:
        return _single_run_against_repeats(lefts, rights)
    difference = stats.cautious(lefts, rights)
    exact = stats.permutation_p(lefts, rights, level)
    return {
        "test": "welch" if exact is None else "permutation",
        "p_value": difference.p if exact is None else exact,
        "low": difference.low,
        "high": difference.high,
        "effect_size": stats.effect_size(lefts, rights),
        "smallest_seen": stats.smallest_seen(difference.error, difference.freedom),
        "repeats_needed": stats.repeats_needed(difference.change, stats.pooled_spread(lefts, rights)),
    }


def _single_runs(shift: MetricShift) -> dict[str, object]:
    """One run per side. No test is possible; repeats elsewhere in the project only give a scale."""
    if shift.change == 0:
        return {"verdict": "same", "why": "both runs have the same value"}
    if not shift.usual_spread or shift.change is None:
        return {"why": "one run per side: run-to-run noise is unknown, so this may be chance"}
    times = abs(shift.change) / shift.usual_spread
    return {
        "repeats_needed": stats.repeats_needed(shift.change, shift.usual_spread),
        "why": f"one run per side: the change is {times:.1f} times the run-to-run standard deviation of this project "
        f"({shift.usual_spread:.2g}, from {shift.usual_runs} runs)",
    }


def _constant_sides(shift: MetricShift, old: Sequence[PastRun], new: Sequence[PastRun]) -> dict[str, object]:
    """Neither side varies. One recorded seed makes this determinism; otherwise few equal values may be chance."""
    seeds = {seed_of(run) for run in (*old, *new)}
    if len(seeds) == 1 and None not in seeds and min(len(old), len(new)) >= 2:
        return {
            "verdict": "real",
            "test": "repeats",
            "why": f"the difference is deterministic at seed {seeds.pop()}: all runs of a side have the same value; "
            "another seed may give another difference",
        }
    p = stats.constant_p(len(_finite(shift.old.values)), len(_finite(shift.new.values)))
    if p <= stats.LEVEL:
        return {"test": "repeats", "p_value": p}
    return {"why": "no side varies, which may be chance with so few runs: repeat with more seeds"}


def _single_run_against_repeats(lefts: Sequence[float], rights: Sequence[float]) -> dict[str, object]:
    """Compare a single run with the prediction interval for one more run of the other side."""
    group, value, sign = (lefts, rights[0], 1) if len(rights) == 1 else (rights, lefts[0], -1)
    spread = math.sqrt(stats.variance(group))
    if spread == 0:
        return {"why": "one run against repeats that do not vary: repeat the side with one run"}
    difference = stats.one_more(group, value)
    low, high = sorted((sign * difference.low, sign * difference.high))
    return {
        "test": "one_more",
        "p_value": difference.p,
        "low": low,
        "high": high,
        "smallest_seen": stats.smallest_seen(difference.error, difference.freedom),
        "repeats_needed": stats.repeats_needed(difference.change, spread),
    }


def _with_verdict(shift: MetricShift, p_adjusted: float, tests: int) -> MetricShift:
    """The shift with its verdict by the corrected p value."""
    is_significant = p_adjusted <= stats.LEVEL
    p = f"p = {p_adjusted:.2g}" if p_adjusted >= 0.001 else "p < 0.001"
    correction = f", corrected for {tests} metrics" if tests > 1 else ""
    verdict = "significant" if is_significant else "not significant"
    why = f"the difference is {verdict} ({p}{correction}; {_TESTS[shift.test or 'welch']}){_excluded(shift)}"
    fields = {"p_adjusted": p_adjusted, "verdict": "real" if is_significant else "not_shown", "why": why}
    return shift.model_copy(update=fields)


def usual_spread(history: Sequence[PastRun], metric: MetricId) -> tuple[float | None, int]:
    """(the run-to-run standard deviation by all repeats in a project, their number); (None, 0) without repeats."""
    groups: dict[object, list[float]] = {}
    for run in history:
        value = run.metrics.get(metric)
        key = key_of(run) if run.status == "completed" else None
        if key is not None and value is not None and _finite([value]):
            groups.setdefault(key, []).append(float(value))
    repeated = [values for values in groups.values() if len(values) > 1]
    return (stats.pooled_spread(*repeated), sum(map(len, repeated))) if repeated else (None, 0)


def _repeats(runs: Sequence[PastRun], metric: MetricId) -> Repeats:
    with_metric = [run for run in runs if metric in run.metrics]
    values = [run.metrics[metric] for run in with_metric]
    finite = _finite(values)
    has_finite_first = bool(_finite(values[:1]))  # the run that the user named
    return Repeats(
        run_refs=tuple(run.ref for run in with_metric),
        values=tuple(values),
        mean=fmean(finite) if has_finite_first else None,
        spread=math.sqrt(stats.variance(finite)) if has_finite_first and len(finite) > 1 else None,
    )


def _excluded(shift: MetricShift) -> str:
    """The repeats without a finite value, as the end of a sentence; "" if there are none."""
    counts = [
        f"{number} of {len(side.values)} {name} runs"
        for name, side in (("OLD", shift.old), ("NEW", shift.new))
        if side.mean is not None and (number := len(side.values) - len(_finite(side.values)))
    ]
    return f"; excluded: {' and '.join(counts)}, whose value is not finite" if counts else ""


def _finite(values: Sequence[int | float]) -> list[float]:
    """The values as floats, without NaN, infinities and integers beyond the range of floats."""
    return [float(value) for value in values if stats.is_finite(value)]
