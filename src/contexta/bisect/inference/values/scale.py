"""Shift and scale the values of a study, so that sums and squares neither overflow nor lose digits.

A metric may be 1e300, or 1e-300, or vary by a few units around 1e15. The statistics need only distances between values.
So each value is measured from the median, in units of a power of two near the typical distance from it. Both steps are
exact for values near the median, whatever their size, and a single outlier changes neither.
"""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass
from statistics import median_low

from contexta.bisect.tuning import TUNING


@dataclass(frozen=True)
class Scale:
    """The origin and the unit of distances between values."""

    shift: int = 0
    """The exponent by which values are scaled before subtraction; 0 except for the largest floats."""
    center: float = 0.0
    """The origin, after that scaling."""
    exponent: int = 0
    """The exponent of the unit, a power of two."""

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
