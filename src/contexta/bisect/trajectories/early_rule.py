"""The rule for an early verdict: a trial logs exactly what one endpoint logged, beyond where OLD and NEW differ.

The rule compares the series that both endpoints logged at one seed. A series *decides* once a trial has logged enough
points after the first one that differs between the endpoints, and once it is no coincidence that they are equal.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from statistics import median
from typing import Literal

from contexta.analysis.metrics.grain import grain
from contexta.bisect.trajectories.trajectory import Point, Trajectory

_NO_COINCIDENCE = 10.0  # nats of evidence that a series must give after OLD and NEW differ
_SOON = 0.5  # of its points: all series that decide before must agree; if there is none, the first that decides
_LATEST = 0.75  # of its points: a trial that has run so far costs little more, and gives a measured value
_MOST_LIKELY_EQUAL = 0.9  # the probability that two unrelated values are equal, at most

_MOST_FOR_GRAIN = 500  # values; more take long to sort, and say the same

Name = Literal["OLD", "NEW"]


@dataclass(frozen=True)
class Followed:
    """An endpoint whose trajectory a trial followed exactly until the rule was met."""

    endpoint: Name
    run: str
    """The recorded run of the endpoint."""
    value: float
    """The value that the search uses for that run."""
    step: int
    """The step at which the rule was met: as logged, else the number of the point."""
    last_step: int
    """The last step of the endpoint's run."""
    since: int
    """The first step at which OLD and NEW differ."""
    stopped: bool
    """Whether the trial was stopped there. If not, it ran to its end, and its own value tests the rule."""

    @property
    def text(self) -> str:
        return f"stopped at step {self.step} of {self.last_step}, equal to {self.endpoint} since step {self.since}"

    @classmethod
    def from_stored(cls, fields: Mapping[str, object] | None) -> Followed | None:
        return None if fields is None else cls(**fields)  # type: ignore[arg-type]  # as ``asdict`` wrote them


@dataclass(frozen=True)
class Reference:
    """The complete run of an endpoint at the seed of a trial."""

    endpoint: Name
    run: str
    value: float
    trajectory: Trajectory


@dataclass(frozen=True)
class EarlyRule:
    """When a trial follows an endpoint. Without references its series are only recorded."""

    after: int = 0
    """The least number of points after OLD and NEW differ."""
    references: tuple[Reference, ...] = ()
    """OLD and NEW; or none."""
    may_stop: bool = False
    """Whether the trial ends when the rule is met."""

    @cached_property
    def decisions(self) -> dict[str, tuple[Decision, ...]]:
        """Endpoint -> the decisions that its trajectory allows; all of them must be met."""
        if len(self.references) < 2:
            return {}
        old, new = self.references
        return {own.endpoint: tuple(self._decisions(own, other)) for own, other in ((old, new), (new, old))}

    def _decisions(self, own: Reference, other: Reference) -> Sequence[Decision]:
        decisions = []
        for name, points in own.trajectory.items():
            first = first_difference(points, other.trajectory.get(name, ()))
            if first is not None:
                enough = _enough(points, first, self.after)
                if enough is not None and enough <= _LATEST * len(points):
                    decisions.append(Decision(name, first, enough, enough / len(points)))
        decisions.sort(key=lambda decision: decision.share)
        return [decision for decision in decisions if decision.share <= _SOON] or decisions[:1]

    @cached_property
    def common(self) -> frozenset[str]:
        """The series that both references have."""
        old, new = self.references
        return frozenset(old.trajectory.keys() & new.trajectory.keys())


@dataclass(frozen=True)
class Decision:
    """How far a trial must follow one series of an endpoint."""

    name: str
    first: int
    """Number of the first point that differs between OLD and NEW, from 0."""
    enough: int
    """The number of equal points that decides."""
    share: float
    """The same, as a share of all points of the series."""


def equal(one: Point, other: Point) -> bool:
    """Whether two points have the same step and the identical value; NaN equals NaN."""
    return one[0] == other[0] and (one[1] == other[1] or (one[1] != one[1] and other[1] != other[1]))


def first_difference(points: Sequence[Point], others: Sequence[Point]) -> int | None:
    """The first point with another value at the same step; None without one, or where steps differ before."""
    for number, (one, other) in enumerate(zip(points, others, strict=False)):
        if not equal(one, other):
            return number if one[0] == other[0] else None
    return None


def _enough(points: Sequence[Point], first: int, after: int) -> int | None:
    """How many points decide: ``after`` of them from the first difference on, and enough that chance is excluded.

    Points that repeat the value before say nothing. Coarse values are often equal by chance.
    """
    values = [value if math.isfinite(value) else 0.0 for _, value in points]
    moves = [abs(b - a) for a, b in pairwise(values) if a != b]
    if not moves:
        return None
    chance = min(_MOST_LIKELY_EQUAL, grain(values[:_MOST_FOR_GRAIN]) / (2 * median(moves)))
    evidence, nats = 0.0, -math.log(max(chance, 1e-9))
    for number in range(first, len(values)):
        evidence += nats if number == 0 or values[number] != values[number - 1] else 0.0
        if number + 1 - first >= after and evidence >= _NO_COINCIDENCE:
            return number + 1
    return None
