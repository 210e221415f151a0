"""Statistics of few numbers: Student's t, tests of a difference, how large a one could have been seen.

Standard library only. Nothing here knows what is being measured; every function is deterministic.
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
"""The error rate of every test, two-sided: one null in twenty is called a difference."""
POWER = 0.8
"""How likely a difference is to be seen where a number of repeats is said to suffice."""
MOST_ARRANGEMENTS = 100_000
"""More ways to share out the values than this are not enumerated; with so many values Welch's test is safe."""


# ---------------------------------------------------------------------------------------------- Student's t


def student_cdf(t: float, freedom: float) -> float:
    """P(T <= t) for Student's t. freedom: degrees, > 0.

    Source: the incomplete beta function by its continued fraction (Lentz), as in Numerical Recipes 6.4.
    """
    if math.isinf(t):
        return 1.0 if t > 0 else 0.0
    tail = 0.5 * _incomplete_beta(freedom / 2, 0.5, freedom / (freedom + t * t))
    return 1 - tail if t > 0 else tail


@lru_cache(maxsize=1024)
def student_quantile(share: float, freedom: float) -> float:
    """The t below which ``share`` of Student's t lies; 0 < share < 1. By bisection, to 1e-9."""
    low, high = -1e3, 1e3
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if student_cdf(middle, freedom) < share else (low, middle)
    return (low + high) / 2


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
class Difference:
    """mean(new) - mean(old), its 95 % interval, and the two-sided p of there being none. Degrees of freedom with it."""

    change: float
    error: float
    freedom: float
    low: float
    high: float
    p: float


def is_finite(value: int | float) -> bool:
    """Whether a value is finite as a float. False for an integer beyond the range of floats."""
    try:
        return math.isfinite(value)
    except OverflowError:
        return False


def variance(values: Sequence[float]) -> float:
    """Of a sample (n - 1); 0 for fewer than two values."""
    mean = fmean(values)
    return sum((value - mean) ** 2 for value in values) / (len(values) - 1) if len(values) > 1 else 0.0


def pooled_spread(*groups: Sequence[float]) -> tuple[float, int]:
    """(the standard deviation inside the groups, its degrees of freedom); (0, 0) when no group has two values."""
    freedom = sum(len(group) - 1 for group in groups if group)
    if freedom < 1:
        return 0.0, 0
    squares = sum(variance(group) * (len(group) - 1) for group in groups if len(group) > 1)
    return math.sqrt(squares / freedom), freedom


def welch(old: Sequence[float], new: Sequence[float]) -> Difference:
    """Two groups of at least two values whose spreads may differ; roughly normal values are assumed.

    Source: Welch 1947; the degrees are Satterthwaite's (1946).
    """
    left, right = variance(old) / len(old), variance(new) / len(new)
    if left + right == 0:
        return _difference(fmean(new) - fmean(old), 0.0, len(old) + len(new) - 2.0)
    freedom = (left + right) ** 2 / (left**2 / (len(old) - 1) + right**2 / (len(new) - 1))
    return _difference(fmean(new) - fmean(old), math.sqrt(left + right), freedom)


def cautious(old: Sequence[float], new: Sequence[float]) -> Difference:
    """Welch's test, or Student's with one spread for both sides where that is less sure.

    With two to four values a side Welch's alone calls up to one null in eleven a difference, for a spread that is
    small by luck; Student's is exact where both sides scatter alike, which so few values could not deny.
    Source: Student 1908, Welch 1947; de Winter 2013 for the comparison at such sizes.
    """
    first = welch(old, new)
    spread, freedom = pooled_spread(old, new)
    second = _difference(first.change, spread * math.sqrt(1 / len(old) + 1 / len(new)), float(freedom))
    return first if first.p >= second.p else second


def constant_p(old: int, new: int) -> float:
    """The p of two sides that do not vary, and differ: how likely chance gives that, at most, whatever the metric.

    old, new: values a side. The most deceptive metric has two values; its chance is looked for on a fine grid.
    """
    shares = (number / 1000 for number in range(1, 501))
    return max(p**old * (1 - p) ** new + (1 - p) ** old * p**new for p in shares)


def one_more(group: Sequence[float], value: float) -> Difference:
    """A single value against a group of at least two, taken to scatter alike; normal values are assumed.

    Source: the prediction interval of one further observation (Hahn and Meeker, Statistical Intervals, 1991, 4.8).
    """
    error = math.sqrt(variance(group) * (1 + 1 / len(group)))
    return _difference(value - fmean(group), error, len(group) - 1.0)


def _difference(change: float, error: float, freedom: float) -> Difference:
    if error == 0:
        return Difference(change, 0.0, freedom, change, change, 0.0 if change else 1.0)
    reach = student_quantile(1 - LEVEL / 2, freedom) * error
    p = 2 * (1 - student_cdf(abs(change) / error, freedom))
    return Difference(change, error, freedom, change - reach, change + reach, min(1.0, p))


def permutation_p(old: Sequence[float], new: Sequence[float], level: float = LEVEL) -> float | None:
    """The two-sided p of the difference of means over every way to share out the values; None where it decides nothing.

    Exact whatever the distribution, as long as both groups would be alike without a difference. None when even the
    most extreme sharing could not reach ``level`` (fewer than four against four, or so), or when there are more than
    MOST_ARRANGEMENTS. O(arrangements * len(old)).
    Source: Fisher 1935; Good, Permutation, Parametric and Bootstrap Tests, 3rd ed., 3.1.
    """
    arrangements = math.comb(len(old) + len(new), len(old))
    if not 2 / arrangements <= level or arrangements > MOST_ARRANGEMENTS:
        return None
    values = [*old, *new]
    middle = fmean(values)
    shifted = [value - middle for value in values]
    observed = abs(sum(shifted[: len(old)]))
    # The shifted values sum to 0, so the sum of one group alone says how far the means are apart.
    tolerance = 1e-9 * max(map(abs, shifted))
    extreme = sum(abs(sum(group)) >= observed - tolerance for group in combinations(shifted, len(old)))
    return extreme / arrangements


def effect_size(old: Sequence[float], new: Sequence[float]) -> float | None:
    """The difference of means in pooled standard deviations, corrected for small groups (Hedges' g, 1981).

    None when nothing varies. Around 0.2 is called small, 0.8 large (Cohen 1988).
    """
    spread, freedom = pooled_spread(old, new)
    if spread == 0:
        return None
    return (fmean(new) - fmean(old)) / spread * (1 - 3 / (4 * freedom - 1))


def smallest_seen(error: float, freedom: float) -> float:
    """The smallest true difference that a test of this standard error sees with POWER at LEVEL.

    Source: Bloom 1995, minimum detectable effects.
    """
    return error * (student_quantile(1 - LEVEL / 2, freedom) + student_quantile(POWER, freedom))


def repeats_needed(difference: float, spread: float, most: int = 1_000) -> int | None:
    """How many runs a side see a difference of this size with POWER at LEVEL; None for more than ``most``.

    At least 3: with two a side the spread itself is hardly known.
    """

    def suffice(count: int) -> bool:
        return smallest_seen(spread * math.sqrt(2 / count), 2 * count - 2) <= abs(difference)

    if not suffice(most):
        return None
    return bisect_left(range(most), True, lo=3, key=suffice)


def holm(ps: Sequence[float]) -> list[float]:
    """The p values adjusted for being several; in the same order.

    Whatever hangs together among them, one wrong call in all stays as likely as LEVEL says.
    Source: Holm 1979.
    """
    order = sorted(range(len(ps)), key=lambda i: ps[i])
    adjusted, highest = [0.0] * len(ps), 0.0
    for rank, i in enumerate(order):
        highest = max(highest, min(1.0, (len(ps) - rank) * ps[i]))
        adjusted[i] = highest
    return adjusted


def scatter(values: Sequence[float]) -> float:
    """The noise of a series whose level may step: from the differences of neighbours, which few steps hardly touch.

    Their median, scaled for normal noise; where more than half of them are 0, their root mean square below the largest
    tenth. 0 for a series that only steps. Source: von Neumann 1941; Hampel 1974 for the median.
    """
    moves = sorted(abs(two - one) for one, two in pairwise(values))
    if not moves:
        return 0.0
    if middle := median(moves):
        return middle / (0.6744897501960817 * math.sqrt(2))
    rest = moves[: len(moves) - max(1, len(moves) // 10)]
    return math.sqrt(sum(move * move for move in rest) / (2 * len(rest))) if rest else 0.0
