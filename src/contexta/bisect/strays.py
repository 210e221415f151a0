"""Runs of an end that came out like none of its others: the training diverged once. Pure.

Left in, one such value makes the noise look so large that it hides any drop. So it counts as a run without a value.
Only at the ends: what a mix gives is compared with them, and may be a level of its own.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from statistics import fmean

from contexta.analysis.stats import student_cdf
from contexta.bisect.noise import grain, pooled_spread
from contexta.bisect.readings import Readings, Result

STRAY = "its value is like none of the others"
_LEAST = 4  # values of each end, before one can be told from its others
_BY_CHANCE = 1e-4  # that one of an end's values lies so far out, at each look


def read(results: Sequence[Result], new: int) -> Readings:
    """What a study's trials say; a stray has no value there, for the reason ``STRAY``.

    new: the mix that is NEW; OLD is 0. Where a seed gives a stray at both ends, that is what the seed does: both count.
    So does what NEW gives again at its seed and is worse: that is no accident, but what the study looks for.
    """
    if not new:  # OLD and NEW differ in nothing, and nothing ran
        return Readings(tuple(results), new)
    runs: dict[int, dict[tuple[int, float], None]] = {0: {}, new: {}}
    for result in results:
        if result.value is not None:  # a value that repeats says once what it says
            runs.setdefault(result.mix, {})[result.seed, result.value] = None
    old, of_new, *mixes = ([value for _, value in each] for each in runs.values())
    strays = {0: stray(old, of_new, *mixes), new: stray(of_new, old, *mixes)}
    came = Counter((result.mix, result.seed, result.value) for result in results)
    if any(came[new, seed, value] > 1 for seed, value in runs[new] if value == strays[new] == min(of_new)):
        strays[new] = None
    seeds = [{seed for seed, value in runs[end] if value == strays[end]} for end in (0, new)]
    if seeds[0] & seeds[1]:
        return Readings(tuple(results), new)
    counted = (
        replace(r, value=None, reason=STRAY) if r.value is not None and r.value == strays.get(r.mix) else r
        for r in results
    )
    return Readings(tuple(counted), new)


def to_repeat(readings: Readings) -> tuple[int, int] | None:
    """(mix, seed) of a stray of NEW that came once, where values repeat: an accident, or what NEW does at that seed?"""
    if not readings.repeatable:
        return None
    asked = Counter((result.mix, result.seed) for result in readings.results)
    once = (r for r in readings.results if r.mix == readings.new and r.reason == STRAY and asked[r.mix, r.seed] == 1)
    return next(((result.mix, result.seed) for result in once), None)


def stray(own: Sequence[float], other: Sequence[float], *mixes: Sequence[float]) -> float | None:
    """The one value of an end that is like none of its others; None without any.

    own, other: the two ends; with the mixes, groups that scatter alike, wherever they lie. Student's t of the farthest
    value against the rest, where each end is taken without its farthest. And it lies farther out than the ends lie
    apart: else it hides nothing. Of two such values none is a stray: they may be what the training does.
    """
    if min(len(own), len(other)) < _LEAST:
        return None
    rest, others = _without_farthest(own), _without_farthest(other)
    farthest = next((Counter(own) - Counter(rest)).elements())
    away = abs(farthest - fmean(rest))
    if away <= abs(fmean(rest) - fmean(others)):
        return None
    groups = (rest, others, *mixes)
    spread = max(pooled_spread(rest), pooled_spread(*groups), grain([*own, *other]))
    freedom = float(sum(len(group) - 1 for group in groups))
    if spread == 0:  # what is left of rounding values near the smallest there are
        return None
    by_chance = 2 * student_cdf(-away / (spread * math.sqrt(1 + 1 / len(rest))), freedom)
    return farthest if by_chance * len(own) < _BY_CHANCE else None


def _without_farthest(values: Sequence[float]) -> list[float]:
    found = sorted(values)
    middle = found[len(found) // 2]
    found.remove(max(found, key=lambda value: abs(value - middle)))
    return found
