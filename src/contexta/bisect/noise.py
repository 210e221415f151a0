"""Numbers with noise in them: whether two groups differ, and how likely values are to share one level.

Standard library only; nothing here knows what is being measured.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import fmean

_LOG_TWO_PI = math.log(2 * math.pi)


def drop_test(old: Sequence[float], new: Sequence[float]) -> tuple[float, float, float]:
    """(drop, its standard error, degrees of freedom) for mean(old) - mean(new); at least two values a side.

    The error is 0 when neither side varies. Source: Welch 1947; the degrees are Satterthwaite's.
    """
    drop = fmean(old) - fmean(new)
    left, right = _variance(old) / len(old), _variance(new) / len(new)
    if left + right == 0:
        return drop, 0.0, len(old) + len(new) - 2.0
    freedom = (left + right) ** 2 / (left**2 / (len(old) - 1) + right**2 / (len(new) - 1))
    return drop, math.sqrt(left + right), freedom


def pooled_spread(*groups: Sequence[float]) -> float:
    """The standard deviation inside the groups; 0 when no group has two values."""
    freedom = sum(len(group) - 1 for group in groups if group)
    if freedom < 1:
        return 0.0
    return math.sqrt(sum(_variance(group) * (len(group) - 1) for group in groups if len(group) > 1) / freedom)


def _variance(values: Sequence[float]) -> float:
    mean = fmean(values)
    return sum((value - mean) ** 2 for value in values) / (len(values) - 1) if len(values) > 1 else 0.0


def one_level(values: Sequence[float], spread: float, prior_weight: float = 3.0) -> float:
    """The log density of values that share one unknown level, whatever that level is.

    The level is flat over the line; the variance is scaled inverse chi-squared around ``spread`` squared, worth
    ``prior_weight`` values. Taking differences of this gives the Student-t predictive of further values.
    Source: Gelman et al., Bayesian Data Analysis, 3rd ed., section 3.3.
    """
    n = len(values)
    if n == 0:
        return 0.0
    mean = sum(values) / n
    squares = sum((value - mean) ** 2 for value in values)
    a0, b0 = prior_weight / 2, prior_weight * spread * spread / 2
    a, b = a0 + (n - 1) / 2, b0 + squares / 2
    return (
        math.lgamma(a)
        - math.lgamma(a0)
        + a0 * math.log(b0)
        - a * math.log(b)
        - (n - 1) / 2 * _LOG_TWO_PI
        - 0.5 * math.log(n)
    )
