"""The rule by which a trial may end early: the endpoints that it is compared with, from their recorded series."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import zip_longest

from contexta.bisect.execution.trial_job import TrialResult
from contexta.bisect.inference.early_verdicts import is_contradicted
from contexta.bisect.reporting.finished_trial import Trial
from contexta.bisect.search.problem import Probe
from contexta.bisect.session.setup import Setup
from contexta.bisect.trajectories.early_rule import EarlyRule, Followed, Name, Reference, differing_points
from contexta.bisect.trajectories.jitter import LARGEST, jitter_between
from contexta.bisect.trajectories.trajectory import Point, decoded, is_timing
from contexta.core import settings
from contexta.core.errors import DamagedData, NotFound
from contexta.recorder.journal.objects import Objects

Series = dict[str, tuple[Point, ...]]
Repeats = dict[str, tuple[float, ...] | None]
"""Series that do not repeat exactly -> the scale of jitter at each point; None for one that cannot be compared."""

_MOST_JITTER = 0.1  # of the distance between OLD and NEW: a value farther away is another one


class EarlyReferences:
    """new: the mix that is NEW; OLD is 0."""

    def __init__(self, setup: Setup, new: int) -> None:
        self._setup, self._new = setup, new
        self._objects = Objects(setup.workspace / settings.OBJECTS)

    def is_valid(self, followed: Followed, trials: Sequence[Trial]) -> bool:
        """Whether an early verdict of an earlier trial counts: its rule was strict enough, and its endpoint is here."""
        if self._after is None or followed.after < self._after:
            return False
        is_used = any(trial.result.run == followed.run and trial.result.is_measured for trial in trials)
        return is_used and not is_contradicted([trial.observation for trial in trials])

    def rule(self, step: Probe, trials: Sequence[Trial]) -> EarlyRule | None:
        """The rule for a trial; None if no series are read at all."""
        if self._after is None:
            return None
        if is_contradicted([trial.observation for trial in trials]):
            return EarlyRule()
        try:
            return self._rule(self._after, step, trials)
        except (NotFound, DamagedData, OSError, ValueError) as error:
            return EarlyRule(fault=f"the series of OLD or NEW cannot be read: {error}")

    def _rule(self, after: int, step: Probe, trials: Sequence[Trial]) -> EarlyRule:
        ends = self._endpoints(step.seed, trials)
        if ends is None:
            return EarlyRule()
        repeats = self._repeats_of_old(trials)
        if repeats is None and step.mix != 0:
            return EarlyRule()  # it is unknown whether OLD repeats
        references = tuple(
            Reference(name, str(trial.result.run), self._value(trial), *_kept(series, repeats))
            for name, trial, series in ends
        )
        return EarlyRule(after, references, may_stop=not step.to_end)

    def settled_value(self, step: Probe, result: TrialResult, trials: Sequence[Trial]) -> float | None:
        """The value by which a measured trial counts: that of an earlier run that it repeats up to jitter, or its own.

        The second run of OLD repeats the first if NEW is much farther away in a series and in the value. Then other
        trials repeat the endpoint that they followed, or the run with the same series, if their value is as near.
        """
        if self._after is None or result.value is None or not result.is_measured:
            return result.value
        try:
            near = self._nearest(step, result, trials, self._after)
        except (NotFound, DamagedData, OSError, ValueError):
            return result.value  # the rule of the trial has the same fault, and its note
        return result.value if near is None else near

    def _nearest(self, step: Probe, result: TrialResult, trials: Sequence[Trial], after: int) -> float | None:
        value, ends = result.value, self._endpoints(step.seed, trials)
        if value is None or ends is None:
            return None
        old, new = (self._value(trial) for _, trial, _ in ends)
        most = _MOST_JITTER * abs(old - new)
        repeats = self._repeats_of_old(trials)
        if repeats is None:
            if step.mix != 0 or not 0 < abs(value - old) <= most:
                return None
            of_old, of_new, again = ends[0][2], ends[1][2], self._read(result.trajectory)
            jitter = {name: jitter_between(points, again.get(name, ())) for name, points in of_old.items()}
            clear = [
                name
                for name, scale in jitter.items()
                if scale is not None
                and any(scale)
                and len(differing_points(of_new[name], of_old[name], scale) if name in of_new else ()) >= after
            ]
            return old if clear else None
        most = min(most, LARGEST * self._jitter_of_value(trials))
        if result.followed is not None:
            endpoint = old if result.followed.endpoint == "OLD" else new
            return endpoint if abs(value - endpoint) <= most else None
        series = self._read(result.trajectory)
        others = [trial for trial in self._complete(trials) if trial.observation.mix not in (0, self._new)]
        others = [trial for trial in others if trial.observation.seed == step.seed and trial.result.followed is None]
        near = [trial for trial in others if abs(value - self._value(trial)) <= most]
        return next((self._value(trial) for trial in near if _is_same(self._series(trial), series, repeats)), None)

    def _jitter_of_value(self, trials: Sequence[Trial]) -> float:
        """The largest difference between two complete runs of OLD at one seed."""
        values: dict[int, list[float]] = {}
        for trial in trials:
            if trial.observation.mix == 0 and trial.result.is_measured and trial.result.value is not None:
                values.setdefault(trial.observation.seed, []).append(trial.result.value)
        return max((max(of_seed) - min(of_seed) for of_seed in values.values()), default=0.0)

    def _value(self, trial: Trial) -> float:
        """The value by which a trial with a value counts, in the unit of the metric."""
        sign = 1.0 if self._setup.higher_is_better or self._setup.command.good_if is not None else -1.0
        return sign * (trial.observation.value or 0.0)

    @property
    def _after(self) -> int | None:
        """None without early verdicts: the user disabled them, or the duration of a trial decides."""
        command = self._setup.command
        if command.timeout_is_bad or (command.metric is not None and is_timing(command.metric)):
            return None
        return self._setup.early_after

    def _endpoints(self, seed: int, trials: Sequence[Trial]) -> list[tuple[Name, Trial, Series]] | None:
        """The last complete trials of OLD and NEW at a seed, with their series; None if one is missing."""
        ends: list[tuple[Name, Trial, Series]] = []
        names: tuple[tuple[Name, int], ...] = (("OLD", 0), ("NEW", self._new))
        for name, mix in names:
            complete = [trial for trial in self._complete(trials) if trial.observation.mix == mix]
            complete = [trial for trial in complete if trial.observation.seed == seed]
            series = self._series(complete[-1]) if complete else {}
            if not series:
                return None
            ends.append((name, complete[-1], series))
        return ends

    def _complete(self, trials: Sequence[Trial]) -> list[Trial]:
        return [trial for trial in trials if trial.result.is_measured and trial.observation.value is not None]

    def _repeats_of_old(self, trials: Sequence[Trial]) -> Repeats | None:
        """How series differ between two runs of OLD at one seed; None while OLD has not repeated."""
        first: dict[int, Trial] = {}
        repeats: Repeats | None = None
        for trial in trials:
            if trial.observation.mix != 0 or trial.observation.value is None:
                continue
            earlier = first.setdefault(trial.observation.seed, trial)
            if earlier is trial:
                continue
            repeats = {} if repeats is None else repeats
            if trial.result.is_measured:
                one, other = self._series(earlier), self._series(trial)
                for name, points in one.items():
                    jitter = jitter_between(points, other.get(name, ()))
                    if jitter is None or any(jitter):
                        repeats[name] = None if jitter is None else _larger(repeats.get(name, ()), jitter)
        return repeats

    def _series(self, trial: Trial) -> Series:
        return self._read(trial.result.trajectory)

    def _read(self, digest: str) -> Series:
        return _read(self._objects, digest) if digest else {}


def _larger(one: Sequence[float] | None, other: tuple[float, ...]) -> tuple[float, ...] | None:
    """The larger jitter at each point; None stays: such a series cannot be compared."""
    return None if one is None else tuple(max(pair) for pair in zip_longest(one, other, fillvalue=0.0))


def _kept(series: Series, repeats: Repeats | None) -> tuple[Series, dict[str, tuple[float, ...]]]:
    """The series that can be compared, and the jitter of those that do not repeat exactly."""
    repeats = repeats or {}
    kept = {name: points for name, points in series.items() if repeats.get(name, ()) is not None}
    jitter = {name: _of_length(len(points), scale) for name, points in kept.items() if (scale := repeats.get(name))}
    return kept, jitter


def _of_length(length: int, jitter: tuple[float, ...]) -> tuple[float, ...]:
    return (*jitter[:length], *[jitter[-1]] * (length - len(jitter)))


def _is_same(one: Series, other: Series, repeats: Repeats) -> bool:
    """Whether two complete runs have the same series, up to jitter."""
    if not one or one.keys() != other.keys():
        return False
    for name, points in one.items():
        if (scale := repeats.get(name, (0.0,))) is None:
            continue
        distances = jitter_between(points, other[name])
        allowed = _of_length(len(points), scale)
        if distances is None or any(d > LARGEST * most for d, most in zip(distances, allowed, strict=True)):
            return False
    return True


@lru_cache(maxsize=64)
def _read(objects: Objects, digest: str) -> Series:
    """A stored trajectory. Raises NotFound, DamagedData, OSError or ValueError if it is missing or damaged."""
    return decoded(objects.get(digest))
