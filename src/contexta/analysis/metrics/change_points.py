"""Split a metric series into constant levels, leaving out lone outliers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import fmean, median

from contexta.analysis.metrics import stats

FEWEST = 5
"""Fewer values have one level: a step could not be distinguished from noise."""
_NEIGHBOURS = 3  # values on each side that define the level there
_OUTLIER_DISTANCE = 4.0  # noise standard deviations; one in about 15 000 values of pure noise lies beyond
_ROUNDING = 1e-6  # of the range: the sums below lose smaller digits
_MOST_OUTLIERS = 0.2  # of the values: more frequent values are part of the series


@dataclass(frozen=True)
class Segment:
    """A segment [start, stop) of a series with its mean without outliers."""

    start: int
    stop: int
    mean: float


def levels(values: Sequence[float]) -> list[Segment]:
    """Split a series into constant levels.

    values: finite, oldest first. Returns the levels in order; one level for fewer than FEWEST values. O(n^2).
    Least squares with a cost for each step. The cost splits a series without a step in at most one of twenty cases.
    A single value is a level only at the start or the end.
    Source: Friedrich et al. 2008 (Potts functional), Jackson et al. 2005 (optimal partitioning).
    """
    outlying = outliers(values)
    inliers = [place for place in range(len(values)) if place not in outlying]
    series = [values[place] for place in inliers]
    bounds = _bounds(series, stats.scatter(series))
    means = [fmean(series[start:stop]) for start, stop in pairwise(bounds)]
    cuts = [0]
    for bound, (before, after) in zip(bounds[1:], pairwise(means), strict=False):
        cut = inliers[bound]
        while cut - 1 > inliers[bound - 1] and _is_nearer(values[cut - 1], after, before):
            cut -= 1  # an outlier between two levels belongs to the nearer one
        cuts.append(cut)
    cuts.append(len(values))
    return [Segment(start, stop, mean) for (start, stop), mean in zip(pairwise(cuts), means, strict=True)]


def _is_nearer(value: float, candidate: float, other: float) -> bool:
    return abs(value - candidate) < abs(value - other)


def outliers(values: Sequence[float]) -> frozenset[int]:
    """The places of single values far from both neighbours, which agree. Never the first or the last place.

    The noise is estimated without the suspected values: one outlier would hide another (masking; Hampel 1974).
    """
    if len(values) < FEWEST:
        return frozenset()
    distances = {place: distance for place in range(1, len(values) - 1) if (distance := _distance(values, place)) > 0}
    ranked = sorted(distances, key=distances.__getitem__, reverse=True)
    for count in range(1, min(len(ranked), int(_MOST_OUTLIERS * len(values))) + 1):
        suspected = frozenset(ranked[:count])
        rest = [value for place, value in enumerate(values) if place not in suspected]
        limit = max(_OUTLIER_DISTANCE * stats.scatter(rest), _ROUNDING * (max(values) - min(values)))
        is_last = count == len(ranked) or distances[ranked[count]] <= limit
        if distances[ranked[count - 1]] > limit and is_last:
            return suspected
    return frozenset()


def _distance(values: Sequence[float], place: int) -> float:
    """The distance of a value to both its neighbourhoods; 0 if it lies between them, if they differ by as much, or if a
    neighbour has a similar value."""
    before = median(values[max(0, place - _NEIGHBOURS) : place])
    after = median(values[place + 1 : place + 1 + _NEIGHBOURS])
    left, right = values[place] - before, values[place] - after
    distance = min(abs(left), abs(right))
    nearest = min(abs(values[place] - values[place - 1]), abs(values[place] - values[place + 1]))
    return distance if left * right > 0 and abs(before - after) < distance / 2 < nearest else 0.0


def _bounds(values: Sequence[float], noise: float) -> list[int]:
    """The start of each level, and the end: [0, 7, 12] for a step at the eighth of twelve values.

    noise: the standard deviation around a level.
    """
    count = len(values)
    if count < FEWEST:
        return [0, count]
    sums, squares = [0.0], [0.0]
    middle = fmean(values)
    for value in values:
        sums.append(sums[-1] + value - middle)
        squares.append(squares[-1] + (value - middle) ** 2)
    floor = max(1e-300, _ROUNDING * (max(values) - min(values)))
    price = _price(count) * max(noise, floor) ** 2
    best, cut = [-price] + [math.inf] * count, [0] * (count + 1)
    for stop in range(1, count + 1):
        for start in range(stop):
            if stop - start == 1 and start > 0 and stop < count:
                continue
            error = squares[stop] - squares[start] - (sums[stop] - sums[start]) ** 2 / (stop - start)
            if best[start] + error + price < best[stop]:
                best[stop], cut[stop] = best[start] + error + price, start
    bounds = [count]
    while bounds[-1]:
        bounds.append(cut[bounds[-1]])
    return bounds[::-1]


def _price(count: int) -> float:
    """The cost of a step in variances: more than 2 log n (Yao 1988, known noise), because the noise is estimated."""
    return 4 * math.log(count) + 70 / count
