"""The rule for an early verdict: a trial logs exactly what one endpoint logged, beyond where OLD and NEW differ.

The rule compares the series that both endpoints logged at one seed. A series is *informative* if it differs between the
endpoints. It *decides* once a trial equals one endpoint at enough of the points at which the other has another value,
so many that chance is excluded. All informative series must decide: a learning rate of OLD next to a loss that may
still become that of NEW says nothing about the loss.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import cached_property
from itertools import pairwise
from statistics import median
from typing import Literal

from contexta.analysis.metrics.grain import grain
from contexta.bisect.trajectories.jitter import CLEAR
from contexta.bisect.trajectories.trajectory import Point, Trajectory

NO_COINCIDENCE = 10.0  # nats of evidence that a series must give where OLD and NEW differ
_MOST_PER_POINT = 5.0  # nats: many runs end up in one value (the loss of a constant prediction), so one is not enough
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
    after: int
    """The least number of equal points that the rule required of each series."""

    @property
    def text(self) -> str:
        return f"stopped at step {self.step} of {self.last_step}, equal to {self.endpoint} since step {self.since}"

    @classmethod
    def from_stored(cls, stored: Mapping[str, object] | None) -> Followed | None:
        """None for a trial that was not stopped by another version; raises ValueError for one that was stopped by it:
        its rule was another one."""
        if stored is None:
            return None
        if stored.keys() != {field.name for field in fields(cls)}:
            if stored.get("stopped") is False:
                return None
            raise ValueError(f"no early verdict of this version: {', '.join(sorted(stored))}")
        return cls(**stored)  # type: ignore[arg-type]  # as ``asdict`` wrote them


@dataclass(frozen=True)
class Reference:
    """The complete run of an endpoint at the seed of a trial."""

    endpoint: Name
    run: str
    value: float
    trajectory: Trajectory
    jitter: Mapping[str, Sequence[float]] = field(default_factory=dict)
    """Series that repeat only up to jitter -> the scale of it at each point."""


@dataclass(frozen=True)
class EarlyRule:
    """When a trial follows an endpoint. Without references its series are only recorded."""

    after: int = 1
    """The least number of equal points at which OLD and NEW differ; at least 1."""
    references: tuple[Reference, ...] = ()
    """OLD and NEW; or none."""
    may_stop: bool = False
    """Whether the trial ends when the rule is met."""
    fault: str = ""
    """Why there are no references although there should be."""

    @cached_property
    def decisions(self) -> dict[str, tuple[Decision, ...]]:
        """Endpoint -> the decisions that its trajectory allows; all of them must be met."""
        if len(self.references) < 2:
            return {}
        old, new = self.references
        return {own.endpoint: tuple(self._decisions(own, other)) for own, other in ((old, new), (new, old))}

    def _decisions(self, own: Reference, other: Reference) -> Sequence[Decision]:
        """Decisions on all informative series, the latest one last; none if one of them is still open too late."""
        decisions = []
        for name in sorted(own.trajectory.keys() & other.trajectory.keys()):
            points, others = own.trajectory[name], other.trajectory[name]
            differing = differing_points(points, others, own.jitter.get(name))
            if len(points) < 2 or not differing:
                continue  # a single value is a result, no series
            decision = _decision(name, points, others, differing, self.after)
            if decision is None:
                return ()
            decisions.append(decision)
        if not any(decision.excludes_chance for decision in decisions):
            return ()
        return sorted(decisions, key=lambda decision: decision.share)

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
    excludes_chance: bool
    """Whether equal points of this series alone are no coincidence."""


def equal(one: Point, other: Point) -> bool:
    """Whether two points have the same step and the identical value; NaN equals NaN."""
    return one[0] == other[0] and (one[1] == other[1] or (one[1] != one[1] and other[1] != other[1]))


def differing_points(points: Sequence[Point], others: Sequence[Point], jitter: Sequence[float] | None) -> list[int]:
    """The numbers of the points at which another run has another value, beyond the jitter."""
    scale = [None] * len(points) if jitter is None else jitter
    return [n for n, point in enumerate(points) if n >= len(others) or _differ(point, others[n], scale[n])]


def _differ(one: Point, other: Point, jitter: float | None) -> bool:
    if jitter is None or one[0] != other[0]:
        return not equal(one, other)
    return abs(one[1] - other[1]) >= CLEAR * jitter


def _decision(
    name: str, points: Sequence[Point], others: Sequence[Point], differing: Sequence[int], after: int
) -> Decision | None:
    """How far a series must be followed; None if OLD and NEW differ too late to decide.

    A series that moves so little that chance cannot be excluded is followed until no trial may be stopped any more.
    One that stays at a value gives no evidence, and is followed for ``after`` points.
    """
    in_time = [number for number in differing if number + 1 <= _LATEST * len(points)]
    if not in_time:
        return None
    nats, evidence, last = _evidence(points), 0.0, in_time[:after][-1]
    for count, number in enumerate(in_time, start=1):
        if number >= len(others) or points[number][1] != others[number][1]:  # else only the steps differ
            evidence += nats[number]
        if evidence > 0:
            last = number
        if count >= after and evidence >= NO_COINCIDENCE:
            break
    share = (last + 1) / len(points)
    return Decision(name, differing[0], last + 1, share, excludes_chance=evidence >= NO_COINCIDENCE)


def _evidence(points: Sequence[Point]) -> list[float]:
    """Nats per point: how improbable it is that another run has the same value there by chance.

    A value that repeats the one before gives none, nor do NaN and infinity, which are where many runs end. Coarse
    values are often equal by chance. A value with few digits (0, 1, 0.5) is more often reached than one with many.
    """
    values = [value for _, value in points]
    finite = [value for value in values if math.isfinite(value)]
    moves = [abs(b - a) for a, b in pairwise(finite) if a != b]
    if not moves:
        return [0.0] * len(values)
    chance = min(_MOST_LIKELY_EQUAL, grain(finite[:_MOST_FOR_GRAIN]) / (2 * median(moves)))
    most = min(_MOST_PER_POINT, -math.log(max(chance, 1e-9)))
    return [
        0.0
        if not math.isfinite(value) or (number > 0 and value == values[number - 1])
        else min(most, max(-math.log(_MOST_LIKELY_EQUAL), math.log(10) * (_digits(value) - 1)))
        for number, value in enumerate(values)
    ]


def _digits(value: float) -> int:
    """Significant decimal digits of a finite number; at least 1."""
    mantissa = repr(value).lstrip("-").partition("e")[0].replace(".", "")
    return max(1, len(mantissa.strip("0")))
