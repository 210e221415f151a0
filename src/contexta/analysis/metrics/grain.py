"""The step between the values of a metric."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise


def grain(values: Iterable[float]) -> float:
    """The step of which all differences between values are multiples (1/n for an accuracy on n samples).

    Values without a common step give about a billionth of their range; equal values give 0.
    """
    distinct = sorted(set(values))
    if len(distinct) < 2:
        return 0.0
    least = 1e-9 * (distinct[-1] - distinct[0])
    step = 0.0
    for low, high in pairwise(distinct):
        divisor, remainder = high - low, step
        while remainder > least:
            divisor, remainder = remainder, divisor % remainder
            if remainder > 0 and divisor - remainder <= least:  # a whole step, up to rounding
                remainder = 0.0
        step = divisor
    return step
