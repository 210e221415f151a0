"""The likelihood of values that scatter around unknown levels.

A hypothesis puts the values into groups, each with a level of its own. Levels are flat over the line; the spread is
scaled inverse chi-squared around what the two ends show. How far the levels lie apart matters as well: the search is
for a drop worth finding, and a hypothesis that sorts values wrongly can only explain them by a small one. Asking for
the drop's size (``_size_prior``) rules it out sooner.

A change may also make the values scatter more or less than before, with or without a drop. So each density is averaged
over "the same noise at all levels" and "NEW's noise is another than OLD's".
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from contexta.analysis.metrics.stats import student_log_density
from contexta.bisect.inference.tuning import TUNING

_MAGNITUDES = math.log(TUNING.largest_drop / TUNING.small_drop)
_NORMAL = ((-2.857, 0.01126), (-1.3556, 0.22208), (0.0, 0.53333), (1.3556, 0.22208), (2.857, 0.01126))
"""(point, weight) that average over a standard normal: Gauss's and Hermite's rule of five points."""
_LOG_TWO_PI = math.log(2 * math.pi)


class Pool(NamedTuple):
    """Values of which only their count, sum and sum of squares matter."""

    size: int = 0
    total: float = 0.0
    squares: float = 0.0

    @classmethod
    def of(cls, values: Iterable[float]) -> Pool:
        found = list(values)
        return cls(len(found), sum(found), sum(value * value for value in found))

    @property
    def mean(self) -> float:
        return self.total / self.size

    def plus(self, value: float) -> Pool:
        return Pool(self.size + 1, self.total + value, self.squares + value * value)

    def less(self, other: Pool) -> Pool:
        """Without values that are in it."""
        return Pool(self.size - other.size, self.total - other.total, self.squares - other.squares)

    def joined(self, other: Pool) -> Pool:
        return Pool(self.size + other.size, self.total + other.total, self.squares + other.squares)


@dataclass(frozen=True)
class Levels:
    """Log densities of pools of values. spread: about the noise, worth so many values (``worth`` > 0)."""

    spread: float
    worth: float

    def density(self, *pools: Pool) -> float:
        """Each pool at a level of its own, wherever; a single one: all at one level.

        Differences of this are the Student-t predictive of further values (Gelman et al., Bayesian Data Analysis, 3rd
        ed., section 3.3).
        """
        return self._with_spread(*pools)[0]

    def dropped(self, good: Pool, bad: Pool, *others: Pool) -> float:
        """``bad`` above ``good`` by a drop worth finding (the scale runs from OLD to NEW); others anywhere."""
        same, spread = self._with_spread(good, bad, *others)
        (of_good, one), (of_bad, other) = self._with_spread(good), self._with_spread(bad)
        unlike = (
            of_good + of_bad + self.density(*others) + _size_prior(good, bad, math.hypot(one, other) / math.sqrt(2))
        )
        return either(
            math.log(1 - TUNING.prior_other_noise) + same + _size_prior(good, bad, spread),
            math.log(TUNING.prior_other_noise) + unlike,
        )

    def two_optima(self, values: Iterable[float]) -> float:
        """Every value at one of two levels, in an unknown share of the runs; the likeliest split of them.

        The prior of the share is uniform, so a split into k and m values has the prior k! m! / (k + m + 1)!.
        """
        ordered = sorted(values)
        best, low, high = -math.inf, Pool(), Pool.of(ordered)
        for value in ordered[:-1]:
            low, high = low.plus(value), high.less(Pool.of((value,)))
            best = max(best, self.dropped(low, high) + log_share(low.size, high.size))
        return best

    def unlike_noise(self, good: Pool, bad: Pool) -> float:
        """Both at one level, and only their noise differs: the density at any two levels, by how much of it lies where
        the two are the same (the ratio of Savage and Dickey)."""
        (of_good, one), (of_bad, other) = self._with_spread(good), self._with_spread(bad)
        left, right = one / math.sqrt(good.size), other / math.sqrt(bad.size)
        error = math.hypot(left, right)
        of_left, worth = (left / error) ** 2, self.worth - 1
        freedom = 1 / (of_left**2 / (worth + good.size) + (1 - of_left) ** 2 / (worth + bad.size))
        return of_good + of_bad + student_log_density((bad.mean - good.mean) / error, freedom) - math.log(error)

    def _with_spread(self, *pools: Pool) -> tuple[float, float]:
        """(log density, the spread as it looks with these values)."""
        a0, b0 = self.worth / 2, self.worth * self.spread * self.spread / 2
        a, b, rest = a0, b0, 0.0
        for n, total, squares in pools:
            if n:
                a += (n - 1) / 2
                b += max(0.0, squares - total * total / n) / 2
                rest += (n - 1) / 2 * _LOG_TWO_PI + 0.5 * math.log(n)
        density = math.lgamma(a) - math.lgamma(a0) + a0 * math.log(b0) - a * math.log(b) - rest
        return density, math.sqrt(b / a)


def log_share(some: int, others: int) -> float:
    """The log probability that just these of all runs share a property which has an unknown share, uniform a priori.

    It is that of a beta-binomial distribution for one order of the runs.
    """
    return math.lgamma(some + 1) + math.lgamma(others + 1) - math.lgamma(some + others + 2)


def either(one: float, other: float) -> float:
    """The log of a sum of two, given by their logs."""
    top = max(one, other)
    return top + math.log1p(math.exp(min(one, other) - top))


def _size_prior(good: Pool, bad: Pool, spread: float) -> float:
    """The log prior density of the drop between two pools, averaged over what their values leave open of it.

    In spreads, every order of magnitude from ``small_drop`` to ``largest_drop`` is equally likely, and hardly
    anything below. The density goes on beyond ``largest_drop``, so a larger drop is not excluded.
    """
    drop = bad.mean - good.mean
    error = spread * math.sqrt(1 / good.size + 1 / bad.size)
    found = 0.0
    for point, weight in _NORMAL:
        size = (drop + point * error) / spread
        if size > 0:
            above = min(size / TUNING.small_drop, 100.0) ** TUNING.small_drop_steepness
            found += weight / size * above / (1 + above)
    return math.log(found / spread / _MAGNITUDES + TUNING.impossible_density)
