"""Compare mixes seed by seed: which share of the drop lies between two of them.

A seed that splits the data may move the values of all mixes, and the size of the drop. At one seed all mixes ran on the
same data, so the share at that seed is valid however much the seeds differ.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from statistics import correlation, fmean, stdev

from contexta.analysis.metrics.stats import pooled_spread, student_cdf, student_quantile
from contexta.bisect.inference.observations import ObservedTrials
from contexta.bisect.inference.values.scaled_values import ScaledValues
from contexta.bisect.tuning import TUNING


@dataclass(frozen=True)
class SeedPairs:
    """The shares of the drop between mixes, by all values or by pairs at the same seed, whichever is more precise."""

    values: ScaledValues

    @property
    def _observations(self) -> ObservedTrials:
        return self.values.observations

    def share(self, shown: int, reference: int) -> tuple[float, float, float]:
        """(estimate, low, high) of the share of the drop between two mixes, with a 99 % confidence interval.

        1 is the whole drop. The noise is that of all mixes. The drop has an error as well, so the error is that of a
        ratio (the delta method). Values identical to those of both endpoints at their seeds have no error. If no value
        depends on its seed, the interval is unbounded: no trial shows how the share varies between seeds. If seeds move
        the values, mixes are compared seed by seed.
        """
        if self._observations.seedless:
            rise = self.values.level(shown) - self.values.level(reference)
            return rise, -math.inf, math.inf
        if self._behaves_like(shown, self._observations.new) and self._behaves_like(reference, 0):
            return 1.0, 1.0, 1.0
        rise, error, freedom = self._unpaired(shown, reference)
        reach = student_quantile(0.995, freedom) * error
        return self.paired(shown, reference, moving=self.shows_a_part) or (rise, rise - reach, rise + reach)

    def paired(self, shown: int, reference: int = 0, *, moving: bool) -> tuple[float, float, float] | None:
        """(share, low, high) from the seeds at which both mixes and both endpoints ran; None if less precise.

        moving: whether seeds are known to move the values.
        """
        shares = self._shares(shown, reference, moving=moving)
        return _paired_share(shares, self._unpaired(shown, reference)[1]) if shares else None

    def needs_pairs(self, mix: int) -> bool:
        """Whether a mix may hold a part of the drop that is visible only seed by seed."""
        shares = self._shares(mix, moving=self.shows_a_part)
        return bool(shares) and _may_be_a_part(shares, self._unpaired(mix, 0)[1], parts=self.shows_a_part)

    @cached_property
    def shows_a_part(self) -> bool:
        """Whether pairs show that some mix holds a part of the drop."""
        return any(
            (share := self.paired(mix, moving=False)) is not None and is_a_part(share)
            for mix in self._observations.probed
        )

    @cached_property
    def seeds_move(self) -> bool:
        """Whether the share of some mix is more precise seed by seed than from all of its values."""
        return any(self.paired(mix, moving=False) for mix in self._observations.probed)

    def _unpaired(self, shown: int, reference: int) -> tuple[float, float, float]:
        """(share, its standard error, degrees of freedom) from all values, whatever their seeds."""
        before, after = self.values.of_mix(reference), self.values.of_mix(shown)
        rise = fmean(after) - fmean(before)
        mixes = (0, self._observations.new, *self._observations.probed)
        samples = [self.values.of_mix(mix) for mix in mixes]
        of_endpoints = rise**2 * (1 / len(samples[0]) + 1 / len(samples[1]))
        error = pooled_spread(*samples) * math.sqrt(1 / len(before) + 1 / len(after) + of_endpoints)
        freedom = max(1.0, sum(len(sample) - 1 for sample in samples))
        return rise, error, freedom

    def _shares(self, shown: int, reference: int = 0, *, moving: bool) -> list[float]:
        """The share at each seed at which both mixes and both endpoints ran; [] if pairs cannot tell more."""
        if self._observations.seedless or self._repeats_an_endpoint(shown):
            return []
        return _shares_by_seed(*map(self._by_seed, (0, self._observations.new, reference, shown)), moving=moving)

    def _repeats_an_endpoint(self, mix: int) -> bool:
        """Whether a mix gave the value of OLD or of NEW at a seed, which tells more than pairs do."""
        return self._observations.repeatable and self.values.identifies and any(self.values.matches.get(mix, ()))

    def _by_seed(self, mix: int) -> dict[int, float]:
        """Seed -> value of a mix; if values repeat, of all mixes that behave like it."""
        identifies = self._observations.repeatable and self.values.identifies
        mixes = [*(self._observations.indistinguishable(mix) if identifies else ()), mix]
        return {seed: value for other in mixes for seed, value in self._observations.runs.get(other, ())}

    def _behaves_like(self, mix: int, endpoint: int) -> bool:
        return mix == endpoint or (
            endpoint in self._observations.indistinguishable(mix)
            and (self.values.identifies or not self.values.unmatched[mix])
        )


def _shares_by_seed(
    old: Mapping[int, float],
    new: Mapping[int, float],
    reference: Mapping[int, float],
    shown: Mapping[int, float],
    *,
    moving: bool,
) -> list[float]:
    """(reference - shown) / (OLD - NEW) at every seed at which all four ran.

    moving: whether seeds are known to move the values; if not, [] unless NEW is correlated with OLD or with the shown
    mix. [] as well if NEW is not worse at every seed.
    """
    seeds = sorted({*old} & {*new} & {*reference} & {*shown})
    if any(old[seed] <= new[seed] for seed in seeds):
        return []
    if not moving and not any(_are_correlated(mix, new) for mix in (old, shown)):
        return []
    return [(reference[seed] - shown[seed]) / (old[seed] - new[seed]) for seed in seeds]


def _paired_share(shares: Sequence[float], unpaired_error: float) -> tuple[float, float, float] | None:
    """(mean, low, high) of the shares at three seeds or more, with Student's 99 % confidence interval.

    None if pairs are not more precise than the values without them.

    unpaired_error: the standard error of the share that ignores the seeds.
    """
    if len(shares) < TUNING.share_least_seeds or (error := _error(shares)) > TUNING.paired_error_ratio * unpaired_error:
        return None
    mean, reach = fmean(shares), student_quantile(0.995, len(shares) - 1) * max(error, TUNING.least_share_error)
    return mean, mean - reach, mean + reach


def is_a_part(share: tuple[float, float, float]) -> bool:
    """Whether a confidence interval excludes that a mix has nothing of the drop, and that it has all of it."""
    return share[1] > TUNING.small_share and share[2] < 1 - TUNING.small_share


def _may_be_a_part(shares: Sequence[float], unpaired_error: float, *, parts: bool) -> bool:
    """Whether a few seeds agree so well on a part of the drop that another seed should decide.

    parts: whether another mix is known to hold a part, so that one seed is enough.
    """
    if (
        not shares
        or len(shares) >= TUNING.share_enough_seeds
        or not TUNING.small_share < fmean(shares) < 1 - TUNING.small_share
    ):
        return False
    return parts or (len(shares) > 1 and _error(shares) <= TUNING.paired_error_ratio * unpaired_error)


def _are_correlated(old: Mapping[int, float], new: Mapping[int, float]) -> bool:
    """Whether two mixes are correlated over seeds: Student's t test at 1 in 20."""
    seeds = sorted({*old} & {*new})
    of_old, of_new = [old[seed] for seed in seeds], [new[seed] for seed in seeds]
    if len(seeds) < TUNING.share_least_seeds or min(stdev(of_old), stdev(of_new)) == 0:
        return False
    together = correlation(of_old, of_new)
    freedom = len(seeds) - 2.0
    p_value = student_cdf(-together * math.sqrt(freedom / max(1e-12, 1 - together**2)), freedom)
    return p_value < TUNING.share_correlation_chance


def _error(shares: Sequence[float]) -> float:
    return stdev(shares) / math.sqrt(len(shares))
