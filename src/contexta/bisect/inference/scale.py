"""Shift and scale the values of a study, so that sums and squares neither overflow nor lose digits. Pure.

A metric may be 1e300, or 1e-300, or lie within a few units around 1e15. The statistics only ask how far values lie
apart. So each value is measured from their median, in units of a power of two near the typical distance from it. Both
steps are exact for values near that median, whatever their size, and a single wild value moves neither.
"""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass
from statistics import median_low

from contexta.bisect.inference.tuning import TUNING


@dataclass(frozen=True)
class Scale:
    """Where distances are measured from, and in what unit.

    shift: the exponent that values are scaled by before anything is subtracted; 0 but for the largest. center: after
    that. exponent: of the unit, a power of two.
    """

    shift: int = 0
    center: float = 0.0
    exponent: int = 0

    @classmethod
    def of(cls, values: Collection[float]) -> Scale:
        """The scale of all values of a study. All are finite."""
        if not values:
            return cls()
        shift = -4 if max(map(abs, values)) > TUNING.near_overflow else 0
        center = math.ldexp(median_low(values), shift)
        distances = [abs(math.ldexp(value, shift) - center) for value in values]
        typical = median_low([distance for distance in distances if distance] or [1.0])
        return cls(shift, center, math.frexp(typical)[1])

    def __call__(self, value: float) -> float:
        """How far a value lies above the center, in units."""
        return _ldexp(math.ldexp(value, self.shift) - self.center, -self.exponent)

    def length(self, distance: float) -> float:
        """A distance between two values, in units."""
        return _ldexp(distance, self.shift - self.exponent)


def _ldexp(value: float, exponent: int) -> float:
    try:
        scaled = math.ldexp(value, exponent)
    except OverflowError:
        scaled = math.copysign(TUNING.farthest, value)
    return max(-TUNING.farthest, min(TUNING.farthest, scaled))
