"""The likelihood of values that scatter around unknown levels.

A hypothesis divides the values into pools, each with a level of its own. The prior of a level is uniform, and that of
the noise is scaled inverse chi-squared around the noise of the two endpoints. The distance between the levels matters
as well: the search is for a relevant drop, and a hypothesis that divides the values wrongly can explain them only by a
small one. The prior of the size of the drop (``_size_prior``) excludes it sooner.

A change may also increase or decrease the noise, with or without a drop. So each density is an average over "the same
noise at all levels" and "NEW has another noise than OLD".
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from contexta.analysis.metrics.stats import student_log_density
from contexta.bisect.tuning import TUNING

_MAGNITUDES = math.log(TUNING.largest_drop / TUNING.small_drop)
_NORMAL = ((-2.857, 0.01126), (-1.3556, 0.22208), (0.0, 0.53333), (1.3556, 0.22208), (2.857, 0.01126))
"""(point, weight) that average over a standard normal: the Gauss-Hermite rule of five points."""
_LOG_TWO_PI = math.log(2 * math.pi)


class Pool(NamedTuple):
    """The count, sum and sum of squares of some values."""

    size: int = 0
    total: float = 0.0
    squares: float = 0.0

    @classmethod
    def of(cls, values: Iterable[float]) -> Pool:
        pooled = list(values)
        return cls(len(pooled), sum(pooled), sum(value * value for value in pooled))

    @property
    def mean(self) -> float:
        return self.total / self.size

    def plus(self, value: float) -> Pool:
        return Pool(self.size + 1, self.total + value, self.squares + value * value)

    def less(self, other: Pool) -> Pool:
        """The pool without these of its values."""
        return Pool(self.size - other.size, self.total - other.total, self.squares - other.squares)

    def joined(self, other: Pool) -> Pool:
        return Pool(self.size + other.size, self.total + other.total, self.squares + other.squares)


@dataclass(frozen=True)
class Levels:
    """Log densities of pools of values. spread: the estimated noise, with the weight of ``worth`` > 0 values."""

    spread: float
    worth: float

    def density(self, *pools: Pool) -> float:
        """Each pool at any level of its own.

        Differences of this are the Student-t predictive of further values (Gelman et al., Bayesian Data Analysis, 3rd
        ed., section 3.3).
        """
        return self._with_spread(*pools)[0]

    def dropped(self, good: Pool, bad: Pool, *others: Pool) -> float:
        """``bad`` above ``good`` by a relevant drop (the scale goes from OLD to NEW); others at any levels."""
        same, spread = self._with_spread(good, bad, *others)
        (of_good, spread_of_good), (of_bad, spread_of_bad) = self._with_spread(good), self._with_spread(bad)
        mean_spread = math.hypot(spread_of_good, spread_of_bad) / math.sqrt(2)
        unlike = of_good + of_bad + self.density(*others) + _size_prior(good, bad, mean_spread)
        return either(
            math.log(1 - TUNING.prior_other_noise) + same + _size_prior(good, bad, spread),
            math.log(TUNING.prior_other_noise) + unlike,
        )

    def two_optima(self, values: Iterable[float]) -> float:
        """Every value at one of two levels, with the most probable split between them.

        The prior of the share of a level is uniform, so a split into k and m values has the prior k! m! / (k + m + 1)!.
        """
        ordered = sorted(values)
        best, low, high = -math.inf, Pool(), Pool.of(ordered)
        for value in ordered[:-1]:
            low, high = low.plus(value), high.less(Pool.of((value,)))
            best = max(best, self.dropped(low, high) + log_share(low.size, high.size))
        return best

    def unlike_noise(self, good: Pool, bad: Pool) -> float:
        """Both pools at one level with different noise (the Savage-Dickey density ratio)."""
        (of_good, spread_of_good), (of_bad, spread_of_bad) = self._with_spread(good), self._with_spread(bad)
        error_of_good, error_of_bad = spread_of_good / math.sqrt(good.size), spread_of_bad / math.sqrt(bad.size)
        error = math.hypot(error_of_good, error_of_bad)
        share, worth = (error_of_good / error) ** 2, self.worth - 1
        freedom = 1 / (share**2 / (worth + good.size) + (1 - share) ** 2 / (worth + bad.size))
        return of_good + of_bad + student_log_density((bad.mean - good.mean) / error, freedom) - math.log(error)

    def _with_spread(self, *pools: Pool) -> tuple[float, float]:
        """(log density, the estimated noise with these values)."""
        a0, b0 = self.worth / 2, self.worth * self.spread * self.spread / 2
        a, b, rest = a0, b0, 0.0
        for n, total, squares in pools:
            if n:
                a += (n - 1) / 2
                b += max(0.0, squares - total * total / n) / 2
                rest += (n - 1) / 2 * _LOG_TWO_PI + 0.5 * math.log(n)
        density = math.lgamma(a) - math.lgamma(a0) + a0 * math.log(b0) - a * math.log(b) - rest
        return density, math.sqrt(b / a)


def log_share(with_it: int, without_it: int) -> float:
    """The log probability that exactly these runs have a property whose share has a uniform prior.

    It is that of a beta-binomial distribution for one order of the runs.
    """
    return math.lgamma(with_it + 1) + math.lgamma(without_it + 1) - math.lgamma(with_it + without_it + 2)


def either(first: float, second: float) -> float:
    """The log of the sum of two numbers, from their logs."""
    top = max(first, second)
    return top + math.log1p(math.exp(min(first, second) - top))


def _size_prior(good: Pool, bad: Pool, spread: float) -> float:
    """The log prior density of the drop between two pools, averaged over its uncertainty.

    In units of the noise, every order of magnitude from ``small_drop`` to ``largest_drop`` is equally likely, and
    smaller ones hardly. The density continues beyond ``largest_drop``, so a larger drop is not excluded.
    """
    drop = bad.mean - good.mean
    error = spread * math.sqrt(1 / good.size + 1 / bad.size)
    density = 0.0
    for point, weight in _NORMAL:
        size = (drop + point * error) / spread
        if size > 0:
            above = min(size / TUNING.small_drop, 100.0) ** TUNING.small_drop_steepness
            density += weight / size * above / (1 + above)
    return math.log(density / spread / _MAGNITUDES + TUNING.impossible_density)
