"""The effect of seeds on values, and the step between values."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from statistics import fmean

from contexta.analysis.metrics.stats import student_cdf

_LEAST_SEEDS, _BY_CHANCE = 4, 0.05


def shared_by_seed(old: Mapping[int, float], new: Mapping[int, float]) -> dict[int, float]:
    """Seed -> what it adds to every value, as far as two groups of values show it; {} where they do not.

    old, new: seed -> value. Shown means that both move together over four seeds or more, at an error of 1 in 20. The
    effects are the best linear predictions of a random effect (Robinson 1991), so the noise left in is not taken for a
    seed's.
    """
    seeds = sorted({*old} & {*new})
    if len(seeds) < _LEAST_SEEDS:
        return {}
    left, right = _centred([old[seed] for seed in seeds]), _centred([new[seed] for seed in seeds])
    within = (sum(a * a for a in left) + sum(b * b for b in right)) / 2
    shared = sum(a * b for a, b in zip(left, right, strict=True)) / within if within else 0.0
    freedom = len(seeds) - 2.0
    if shared <= 0 or (
        shared < 1 and student_cdf(-shared * math.sqrt(freedom / (1 - shared**2)), freedom) > _BY_CHANCE
    ):
        return {}
    weight = shared / (1 + shared)
    return {seed: weight * (a + b) for seed, a, b in zip(seeds, left, right, strict=True)}


def _centred(values: Sequence[float]) -> list[float]:
    mean = fmean(values)
    return [value - mean for value in values]


def grain(values: Iterable[float]) -> float:
    """The step that all differences between values are multiples of (1/n for an accuracy on n samples).

    Values that share no step give one of about a billionth of their range; equal ones give 0.
    """
    found = sorted(set(values))
    if len(found) < 2:
        return 0.0
    least = 1e-9 * (found[-1] - found[0])
    step = 0.0
    for low, high in pairwise(found):
        one, other = high - low, step
        while other > least:
            one, other = other, one % other
            if other > 0 and one - other <= least:  # a remainder that is a whole step, up to rounding
                other = 0.0
        step = one
    return step
