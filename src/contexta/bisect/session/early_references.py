"""The rule by which a trial may end early: the endpoints that it is compared with, from their recorded series."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from contexta.bisect.inference.early_verdicts import is_contradicted
from contexta.bisect.reporting.finished_trial import Trial
from contexta.bisect.search.problem import Probe
from contexta.bisect.session.setup import Setup
from contexta.bisect.trajectories.early_rule import EarlyRule, Followed, Name, Reference, equal
from contexta.bisect.trajectories.trajectory import Point, decoded, is_timing
from contexta.core import settings
from contexta.core.errors import DamagedData, NotFound
from contexta.recorder.journal.objects import Objects

Series = dict[str, tuple[Point, ...]]


class EarlyReferences:
    """new: the mix that is NEW; OLD is 0."""

    def __init__(self, setup: Setup, new: int) -> None:
        self._setup, self._new = setup, new
        self._objects = Objects(setup.workspace / settings.OBJECTS)

    def is_valid(self, followed: Followed, trials: Sequence[Trial]) -> bool:
        """Whether an early verdict of an earlier trial counts: its rule asked for enough, and its endpoint is here."""
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
        noisy = self._unlike_in_repeats(trials)
        if noisy is None and step.mix != 0:
            return EarlyRule()  # it is unknown whether OLD repeats
        references = tuple(
            Reference(name, str(trial.result.run), float(trial.result.value or 0.0), _without(series, noisy or ()))
            for name, trial, series in ends
        )
        return EarlyRule(after, references, may_stop=not step.to_end)

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

    def _unlike_in_repeats(self, trials: Sequence[Trial]) -> set[str] | None:
        """The series that differ between two runs of OLD at one seed, as times do; None while OLD has not repeated."""
        first: dict[int, Trial] = {}
        noisy: set[str] | None = None
        for trial in trials:
            if trial.observation.mix != 0 or trial.observation.value is None:
                continue
            earlier = first.setdefault(trial.observation.seed, trial)
            if earlier is trial:
                continue
            noisy = set() if noisy is None else noisy
            if trial.result.is_measured:
                one, other = self._series(earlier), self._series(trial)
                noisy |= {name for name in one if not _repeats(one[name], other.get(name, ()))}
        return noisy

    def _series(self, trial: Trial) -> Series:
        return _read(self._objects, trial.result.trajectory) if trial.result.trajectory else {}


def _repeats(one: Sequence[Point], other: Sequence[Point]) -> bool:
    return len(one) == len(other) and all(map(equal, one, other))


def _without(series: Series, names: set[str] | tuple[str, ...]) -> Series:
    return {name: points for name, points in series.items() if name not in names}


@lru_cache(maxsize=64)
def _read(objects: Objects, digest: str) -> Series:
    """A stored trajectory. Raises NotFound, DamagedData, OSError or ValueError if it is missing or damaged."""
    return decoded(objects.get(digest))
