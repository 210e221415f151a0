"""The effect of seeds on values."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from statistics import fmean

from contexta.analysis.metrics.stats import student_cdf

_LEAST_SEEDS = 4
_P_VALUE = 0.01
"""At 0.05, chance made 1.1 instead of 0.8 % of the nulls with an RNG-perturbing change look proved: their noise shrinks
when OLD and NEW happen to move together, and the effects of real splits are far larger than the noise."""


def shared_by_seed(old: Mapping[int, float], new: Mapping[int, float]) -> dict[int, float]:
    """Seed -> what it adds to every value, estimated from two mixes; {} if not visible.

    old, new: seed -> value. Visible: both are correlated over four seeds or more, with a p value below 1 in 100. The
    effects are best linear unbiased predictions of a random effect (Robinson 1991), which shrink the noise.
    """
    seeds = sorted({*old} & {*new})
    if len(seeds) < _LEAST_SEEDS:
        return {}
    left, right = _centred([old[seed] for seed in seeds]), _centred([new[seed] for seed in seeds])
    within = (sum(a * a for a in left) + sum(b * b for b in right)) / 2
    shared = sum(a * b for a, b in zip(left, right, strict=True)) / within if within else 0.0
    freedom = len(seeds) - 2.0
    if shared <= 0 or (shared < 1 and student_cdf(-shared * math.sqrt(freedom / (1 - shared**2)), freedom) > _P_VALUE):
        return {}
    weight = shared / (1 + shared)
    return {seed: weight * (a + b) for seed, a, b in zip(seeds, left, right, strict=True)}


def _centred(values: Sequence[float]) -> list[float]:
    mean = fmean(values)
    return [value - mean for value in values]
