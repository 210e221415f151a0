"""The share of the drop that lies between two mixes, seed by seed. Pure.

A seed that splits the data may move the values of all mixes, and the size of the drop with them. At one seed everything
ran on the same data, so the share there holds however far the seeds lie apart.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from statistics import correlation, fmean, stdev

from contexta.analysis.metrics.stats import student_cdf, student_quantile
from contexta.bisect.inference.tuning import TUNING


def shares_by_seed(
    old: Mapping[int, float],
    new: Mapping[int, float],
    beside: Mapping[int, float],
    shown: Mapping[int, float],
    *,
    moving: bool,
) -> list[float]:
    """(beside - shown) / (OLD - NEW) at every seed that all four ran at.

    moving: whether it is known that seeds move the values; else [] where NEW moves together neither with OLD nor with
    what is shown. [] as well where NEW is not worse at each of the seeds.
    """
    seeds = sorted({*old} & {*new} & {*beside} & {*shown})
    if any(old[seed] <= new[seed] for seed in seeds):
        return []
    if not moving and not any(_move_together(mix, new) for mix in (old, shown)):
        return []
    return [(beside[seed] - shown[seed]) / (old[seed] - new[seed]) for seed in seeds]


def paired_share(shares: Sequence[float], unpaired_error: float) -> tuple[float, float, float] | None:
    """(mean, low, high) of the shares at three seeds or more, with Student's 99 % interval; None where pairs do not
    tell more than the values without them do.

    unpaired_error: the standard error of the share that ignores the seeds.
    """
    if len(shares) < TUNING.share_least_seeds or (error := _error(shares)) > TUNING.paired_error_ratio * unpaired_error:
        return None
    mean, reach = fmean(shares), student_quantile(0.995, len(shares) - 1) * max(error, TUNING.least_share_error)
    return mean, mean - reach, mean + reach


def is_a_part(share: tuple[float, float, float]) -> bool:
    """Whether an interval rules out that a mix makes nothing of the drop, and that it makes all of it."""
    return share[1] > TUNING.small_share and share[2] < 1 - TUNING.small_share


def may_be_a_part(shares: Sequence[float], unpaired_error: float, *, parts: bool) -> bool:
    """Whether a few seeds agree so well on a part of the drop that another seed is to tell.

    parts: whether another mix is known to hold a part: then one seed is enough to ask.
    """
    if (
        not shares
        or len(shares) >= TUNING.share_enough_seeds
        or not TUNING.small_share < fmean(shares) < 1 - TUNING.small_share
    ):
        return False
    return parts or (len(shares) > 1 and _error(shares) <= TUNING.paired_error_ratio * unpaired_error)


def _move_together(old: Mapping[int, float], new: Mapping[int, float]) -> bool:
    """Whether two mixes move the same way from seed to seed: Student's t of their correlation, at 1 in 20."""
    seeds = sorted({*old} & {*new})
    one, other = [old[seed] for seed in seeds], [new[seed] for seed in seeds]
    if len(seeds) < TUNING.share_least_seeds or min(stdev(one), stdev(other)) == 0:
        return False
    together = correlation(one, other)
    freedom = len(seeds) - 2.0
    by_chance = student_cdf(-together * math.sqrt(freedom / max(1e-12, 1 - together**2)), freedom)
    return by_chance < TUNING.share_correlation_chance


def _error(shares: Sequence[float]) -> float:
    return stdev(shares) / math.sqrt(len(shares))
