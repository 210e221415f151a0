"""Statistics for small samples: Student's t, tests of a difference, and the power of a test.

Standard library only: scipy would be a large dependency of a recorder. The tests compare every function with scipy.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations, pairwise
from statistics import fmean, median

LEVEL = 0.05
"""The two-sided significance level of every test."""
POWER = 0.8
"""The probability that a sufficient number of repeats detects a difference."""
MOST_ARRANGEMENTS = 100_000
"""The largest number of arrangements of a permutation test. For more values Welch's test is reliable."""


# ---------------------------------------------------------------------------------------------- Student's t


def student_cdf(t: float, freedom: float) -> float:
    """P(T <= t) for Student's t. freedom: degrees, > 0.

    Source: the incomplete beta function by its continued fraction (Lentz), as in Numerical Recipes 6.4.
    """
    if math.isinf(t):
        return 1.0 if t > 0 else 0.0
    if t * t < freedom:  # the complement keeps the digits of a small t
        tail = 0.5 - 0.5 * _incomplete_beta(0.5, freedom / 2, t * t / (freedom + t * t))
    else:
        tail = 0.5 * _incomplete_beta(freedom / 2, 0.5, freedom / (freedom + t * t))
    return 1 - tail if t > 0 else tail


@lru_cache(maxsize=1024)
def student_quantile(share: float, freedom: float) -> float:
    """The t with P(T <= t) = share, for 0 < share < 1. By bisection, to the precision of a float."""
    if share > 0.5:
        return -student_quantile(1 - share, freedom)  # the lower tail keeps the digits of small shares
    low = -1.0
    while student_cdf(low, freedom) > share:
        low *= 2
    high = low / 2 if low < -1 else 0.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if student_cdf(middle, freedom) < share else (low, middle)
    return (low + high) / 2


def student_log_density(t: float, freedom: float) -> float:
    """The logarithm of the density of Student's t."""
    half = (freedom + 1) / 2
    scale = math.lgamma(half) - math.lgamma(freedom / 2) - 0.5 * math.log(math.pi * freedom)
    return scale - half * math.log1p(t * t / freedom)


def _incomplete_beta(a: float, b: float, x: float) -> float:
    if x <= 0 or x >= 1:
        return 0.0 if x <= 0 else 1.0
    front = math.exp(math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x))
    if x > (a + 1) / (a + b + 2):
        return 1 - front * _beta_fraction(b, a, 1 - x) / b
    return front * _beta_fraction(a, b, x) / a


def _beta_fraction(a: float, b: float, x: float) -> float:
    tiny = 1e-300
    c, d = 1.0, 1 - (a + b) * x / (a + 1)
    d = 1 / (d if abs(d) > tiny else tiny)
    result = d
    for m in range(1, 300):
        for numerator in (
            m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
            -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)),
        ):
            d = 1 + numerator * d
            d = 1 / (d if abs(d) > tiny else tiny)
            c = 1 + numerator / c
            c = c if abs(c) > tiny else tiny
            result *= c * d
        if abs(c * d - 1) < 1e-14:
            break
    return result


# ---------------------------------------------------------------------------------------------- two groups


@dataclass(frozen=True)
class MeanTest:
    """The test of mean(new) - mean(old) against no difference."""

    change: float
    error: float
    """The standard error of the change."""
    freedom: float
    """Degrees of freedom."""
    low: float
    """The lower limit of the 95 % confidence interval of the change."""
    high: float
    p: float
    """Two-sided."""


def is_finite(value: int | float) -> bool:
    """Whether a value is finite as a float. False for an integer beyond the range of floats."""
    try:
        return math.isfinite(value)
    except OverflowError:
        return False


def variance(values: Sequence[float]) -> float:
    """The sample variance (n - 1); 0 for fewer than two values."""
    mean = fmean(values)
    return sum((value - mean) ** 2 for value in values) / (len(values) - 1) if len(values) > 1 else 0.0


def pooled_freedom(*groups: Sequence[float]) -> int:
    """The degrees of freedom of ``pooled_spread``."""
    return sum(len(group) - 1 for group in groups if group)


def pooled_spread(*groups: Sequence[float]) -> float:
    """The pooled standard deviation within groups; 0 if no group has two values."""
    freedom = pooled_freedom(*groups)
    if freedom < 1:
        return 0.0
    return math.sqrt(sum(variance(group) * (len(group) - 1) for group in groups if len(group) > 1) / freedom)


def welch_error(old: Sequence[float], new: Sequence[float]) -> tuple[float, float, float]:
    """(change, standard error, degrees of freedom) of mean(new) - mean(old), for at least two values per group.

    The error is 0 if no group varies. Source: Welch 1947, with the degrees of freedom of Satterthwaite 1946.
    """
    change = fmean(new) - fmean(old)
    left, right = variance(old) / len(old), variance(new) / len(new)
    if left + right == 0:
        return change, 0.0, len(old) + len(new) - 2.0
    share = left / (left + right)
    freedom = 1 / (share**2 / (len(old) - 1) + (1 - share) ** 2 / (len(new) - 1))
    return change, math.sqrt(left + right), freedom


def welch(old: Sequence[float], new: Sequence[float]) -> MeanTest:
    """Welch's t test of two groups of at least two roughly normal values."""
    return _mean_test(*welch_error(old, new))


def cautious(old: Sequence[float], new: Sequence[float]) -> MeanTest:
    """The more conservative of Welch's test and Student's test with a pooled variance.

    With two to four values per group, Welch's test alone has a false positive rate of up to 9 %, because the variances
    can be small by chance. Student's test is exact for equal variances, which so few values cannot rule out.
    Source: Student 1908, Welch 1947; de Winter 2013 for the comparison at such sizes.
    """
    first = welch(old, new)
    error = pooled_spread(old, new) * math.sqrt(1 / len(old) + 1 / len(new))
    second = _mean_test(first.change, error, float(pooled_freedom(old, new)))
    return first if first.p >= second.p else second


def constant_p(old: int, new: int) -> float:
    """An upper bound of p for two different sides without variation, for any distribution.

    old, new: numbers of values. The worst case is a metric with two values; a grid finds its worst probability.
    """
    shares = (number / 1000 for number in range(1, 501))
    return max(p**old * (1 - p) ** new + (1 - p) ** old * p**new for p in shares)


def one_more(group: Sequence[float], value: float) -> MeanTest:
    """Test a single value against a group of at least two normal values with the same variance.

    Source: the prediction interval of one further observation (Hahn and Meeker, Statistical Intervals, 1991, 4.8).
    """
    error = math.sqrt(variance(group) * (1 + 1 / len(group)))
    return _mean_test(value - fmean(group), error, len(group) - 1.0)


def _mean_test(change: float, error: float, freedom: float) -> MeanTest:
    if error == 0:
        return MeanTest(change, 0.0, freedom, change, change, 0.0 if change else 1.0)
    reach = student_quantile(1 - LEVEL / 2, freedom) * error
    p = 2 * (1 - student_cdf(abs(change) / error, freedom))
    return MeanTest(change, error, freedom, change - reach, change + reach, min(1.0, p))


def permutation_p(old: Sequence[float], new: Sequence[float], level: float = LEVEL) -> float | None:
    """The two-sided p of the exact permutation test of the difference of means.

    None if no arrangement could reach ``level`` (fewer than about four values per group), or if there are more than
    MOST_ARRANGEMENTS. Needs no distribution, only exchangeable groups. O(arrangements * len(old)).
    Source: Fisher 1935; Good, Permutation, Parametric and Bootstrap Tests, 3rd ed., 3.1.
    """
    arrangements = math.comb(len(old) + len(new), len(old))
    if not 2 / arrangements <= level or arrangements > MOST_ARRANGEMENTS:
        return None
    values = [*old, *new]
    middle = fmean(values)
    shifted = [value - middle for value in values]
    observed = abs(sum(shifted[: len(old)]))
    # The shifted values sum to 0, so the sum of one group determines the difference of the means.
    tolerance = 1e-9 * max(map(abs, shifted))
    extreme = sum(abs(sum(group)) >= observed - tolerance for group in combinations(shifted, len(old)))
    return extreme / arrangements


def effect_size(old: Sequence[float], new: Sequence[float]) -> float | None:
    """Hedges' g: the difference of means in pooled standard deviations, corrected for small groups (Hedges 1981).

    None if nothing varies. About 0.2 counts as small, 0.8 as large (Cohen 1988).
    """
    spread = pooled_spread(old, new)
    if spread == 0:
        return None
    return (fmean(new) - fmean(old)) / spread * (1 - 3 / (4 * pooled_freedom(old, new) - 1))


def smallest_seen(error: float, freedom: float) -> float:
    """The smallest true difference that a test with this standard error detects with POWER at LEVEL.

    Source: Bloom 1995, minimum detectable effects.
    """
    return error * (student_quantile(1 - LEVEL / 2, freedom) + student_quantile(POWER, freedom))


def repeats_needed(difference: float, spread: float, most: int = 1_000) -> int | None:
    """The number of runs per side that detect a difference with POWER at LEVEL; None for more than ``most``.

    At least 3: two runs per side hardly estimate the spread.
    """

    def is_enough(count: int) -> bool:
        return smallest_seen(spread * math.sqrt(2 / count), 2 * count - 2) <= abs(difference)

    if not is_enough(most):
        return None
    return bisect_left(range(most), True, lo=3, key=is_enough)


def holm(ps: Sequence[float]) -> list[float]:
    """The p values in the same order, adjusted for multiple tests. The tests may depend on each other.

    Source: Holm 1979.
    """
    order = sorted(range(len(ps)), key=lambda i: ps[i])
    adjusted, highest = [0.0] * len(ps), 0.0
    for rank, i in enumerate(order):
        highest = max(highest, min(1.0, (len(ps) - rank) * ps[i]))
        adjusted[i] = highest
    return adjusted


def scatter(values: Sequence[float]) -> float:
    """The noise of a series with steps, as a standard deviation: from the differences of neighbours.

    The median of the differences, scaled for normal noise. If more than half of them are 0, the root mean square
    without the largest tenth. Source: von Neumann 1941; Hampel 1974 for the median.
    """
    steps = sorted(abs(value - previous) for previous, value in pairwise(values))
    if not steps:
        return 0.0
    if middle := median(steps):
        return middle / (0.6744897501960817 * math.sqrt(2))
    rest = steps[: len(steps) - max(1, len(steps) // 10)]
    return math.sqrt(sum(step * step for step in rest) / (2 * len(rest))) if rest else 0.0
