"""Decide whether the two endpoints differ, before any search.

After every further run Welch's t is looked at again. As soon as NEW looks worse the search may begin: what mixes give
says as much of the two levels as further runs of the ends do, and how sure it is by then that they differ is part of
what is believed (``posterior.py``). "No regression" is said here, as soon as a drop worth calling one is ruled out: the
search would look for the cause of nothing.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from itertools import count, takewhile
from statistics import fmean
from typing import Literal

from contexta.analysis.metrics.stats import pooled_spread, student_cdf, student_quantile, welch_error
from contexta.bisect.inference.observations import Readings
from contexta.bisect.inference.tuning import TUNING

_BETTER = "NEW is better than OLD"


@dataclass(frozen=True)
class Ends:
    """state: ``worse`` (NEW looks worse), ``same`` (it is not), ``open`` (more runs needed).

    drop: mean(OLD) - mean(NEW), oriented so that worse is positive. repeats: runs a side that would tell by themselves,
    as far as can be seen; None where they do already, or nothing can be said yet. told: whether they do; where NEW is
    not worse, that it is better.
    """

    state: Literal["worse", "same", "open"]
    why: str
    drop: float | None = None
    repeats: int | None = None
    told: bool = False

    def with_repeats(self, why: str) -> str:
        """A reason why nothing is known, and what it would take."""
        return why if self.repeats is None else f"{why}; some {self.repeats} runs of each end would tell"


def judge_ends(readings: Readings) -> Ends:
    """Whether NEW looks worse than OLD, by what the runs of both ends say."""
    old, new = readings.samples(0), readings.samples(readings.new)
    least = min(len(old), len(new))
    if readings.seedless:
        return _constant(fmean(old) - fmean(new))
    if least < 2 or readings.run_count(0) < 3:
        return Ends("open", "too few runs yet")
    drop, standard_error, freedom = welch_error(new, old)
    still = readings.is_rounding(standard_error)
    if least == 2 and _clearly_better(drop, standard_error, freedom, still=still, values={*old, *new}):
        return Ends("same", _BETTER, drop, told=True)
    if least < 3 or (still and least < 5):
        return Ends("open", "too few runs yet", drop)
    if still:
        return _constant(0.0 if readings.is_rounding(abs(drop)) else drop)
    spread, by_chance = pooled_spread(old, new), student_cdf(-drop / standard_error, freedom)
    if by_chance < TUNING.looks_worse:
        told = by_chance < TUNING.endpoints_differ
        repeats = None if told else _repeats(drop, spread, least)
        return Ends("worse", f"the ends differ by {drop / standard_error:.1f} standard errors", drop, repeats, told)
    upper = drop + student_quantile(TUNING.no_drop_confidence, freedom) * standard_error
    if upper < TUNING.least_drop * spread:
        if by_chance > 1 - TUNING.endpoints_differ:
            return Ends("same", _BETTER, drop, told=True)
        why = f"a drop beyond {TUNING.least_drop:g} standard deviations of the noise is ruled out"
        return Ends("same", f"{why}{_at_some_seeds(readings)}", drop)
    if readings.repeatable and not readings.fingerprints and least >= 4:
        return Ends("same", f"both ends give the identical value at each of {least} seeds", drop)
    why = "the noise still hides whether the ends differ"
    return Ends("open", why, drop, _repeats(drop, spread, least))


def _clearly_better(
    drop: float, standard_error: float, freedom: float, *, still: bool, values: AbstractSet[float]
) -> bool:
    """Whether NEW is better already at two seeds: most likely OLD and NEW are swapped.

    A yes or no (exit codes, thresholds) is no measure of noise and waits for a third seed.
    """
    if drop >= 0 or values <= {0.0, 1.0}:
        return False
    return still or student_cdf(drop / standard_error, freedom) < TUNING.endpoints_differ_at_two_seeds


def next_end_run(readings: Readings, mix: int | None = None) -> tuple[int, int]:
    """(mix, seed) of the end run that says most: OLD twice at the first seed, which shows whether values repeat, and
    both in turn, each at the same new seeds.

    Runs without a value are followed by another seed: theirs may be to blame. Each is tried once more after the next
    value.
    """
    ran = {end: [r.seed for r in readings.results if r.mix == end and r.value is not None] for end in (0, readings.new)}
    if mix is None:
        unrepeated = len(ran[0]) == 1 and bool(ran[readings.new])
        mix = 0 if unrepeated or len({*ran[0]}) <= len({*ran[readings.new]}) else readings.new
    if mix == 0 and len(ran[0]) == 1:
        return mix, ran[0][0]
    mine = [result for result in readings.results if result.mix == mix]
    failed = Counter(result.seed for result in mine if result.value is None)
    out = {*ran[mix], *(seed for seed, times in failed.items() if times > 1)}
    out.update(result.seed for result in takewhile(lambda result: result.value is None, reversed(mine)))
    return mix, next(seed for seed in count() if seed not in out)


def _at_some_seeds(readings: Readings) -> str:
    """What is to be said where NEW repeats OLD's very values at most seeds: a change that acts at some of them only."""
    apart = list(readings.fingerprints)
    shared = sum({0, readings.new} <= column.keys() for column in readings.by_seed)
    if not apart or len(apart) >= shared / 2:
        return ""
    named = ", ".join(map(str, apart))
    return f"; but the two differ at {'seed' if len(apart) == 1 else 'seeds'} {named}, and at no other"


def _constant(drop: float) -> Ends:
    if drop > 0:
        return Ends("worse", "the ends differ by the same at every seed, and NEW is worse", drop, told=True)
    return Ends("same", "the ends are identical", drop) if drop == 0 else Ends("same", _BETTER, drop, told=True)


def _repeats(drop: float, spread: float, have: int) -> int | None:
    """Runs a side that tell the ends apart nine times in ten, from the effect as it looks now."""
    effect = drop / spread
    if effect < 0.2:
        return None
    z = student_quantile(1 - TUNING.endpoints_differ, 1e6) + student_quantile(0.9, 1e6)
    return max(have + 1, math.ceil(2 * (z / effect) ** 2))
