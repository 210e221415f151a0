"""The likelihood that two runs are the same up to jitter: GPU kernels and threads move the last digits, and that grows.

The distance between two runs of OLD at one seed gives the scale of jitter at each step. The distances of a run grow
together, so one unknown amplitude scales all of them. Its prior is half-Cauchy, the distribution of the ratio of two
normal distances. The alternative is a series of its own, as far away as OLD and NEW are from each other.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import accumulate, pairwise
from statistics import median

from contexta.bisect.trajectories.trajectory import Point

CLEAR = 100.0
"""Times the jitter: OLD and NEW differ at a step if they are this far apart."""
_AMPLITUDES = tuple(10 ** (number / 4) for number in range(-4, 7))  # 0.1 .. 31.6
_MOST_OF_MOVES = 0.05  # of the distance between successive points
LARGEST = _AMPLITUDES[-1]
"""Times the scale of jitter: the largest distance of a run that repeats."""
_DENSITIES = [amplitude / (1 + amplitude**2) for amplitude in _AMPLITUDES]  # half-Cauchy, per logarithm
_LOG_PRIOR = [math.log(density / sum(_DENSITIES)) for density in _DENSITIES]
_MOST_PER_POINT, _LEAST_PER_POINT = 5.0, -50.0  # nats


def jitter_between(one: Sequence[Point], other: Sequence[Point]) -> tuple[float, ...] | None:
    """The scale of jitter at each point: the largest distance so far, and before the first distance that one.

    All zeros for equal series. None for series that cannot be compared: their steps differ, or they are as far apart as
    they move from point to point, as times are.
    """
    if len(one) != len(other) or any(left[0] != right[0] for left, right in zip(one, other, strict=True)):
        return None
    pairs = [(left[1], right[1]) for left, right in zip(one, other, strict=True)]
    distances = [0.0 if a == b or (a != a and b != b) else abs(a - b) for a, b in pairs]
    if not all(map(math.isfinite, distances)):
        return None
    if not any(distances):
        return tuple(distances)
    moves = [abs(after[0] - before[0]) for before, after in pairwise(pairs)]
    if not moves or not median(distances) <= _MOST_OF_MOVES * median(moves):
        return None
    first = next(filter(None, distances))
    return tuple(accumulate((max(first, distance) for distance in distances), max))


class Fit:
    """Evidence that a run is the same as another one up to jitter, point by point."""

    def __init__(self) -> None:
        self._scores = list(_LOG_PRIOR)

    def add(self, distance: float, jitter: float, contrast: float) -> None:
        """distance: between both runs at a point. contrast: between OLD and NEW there; larger than jitter > 0."""
        of_another = -((distance / contrast) ** 2) / 2 - math.log(contrast)
        for number, amplitude in enumerate(_AMPLITUDES):
            scale = amplitude * jitter
            nats = -((distance / scale) ** 2) / 2 - math.log(scale) - of_another
            self._scores[number] += min(_MOST_PER_POINT, max(_LEAST_PER_POINT, nats))

    @property
    def nats(self) -> float:
        """The log odds of the same run up to jitter against a run of its own."""
        top = max(self._scores)
        return top + math.log(sum(math.exp(score - top) for score in self._scores))
