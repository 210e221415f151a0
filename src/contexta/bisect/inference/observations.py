"""Collect the results of all trials of a study, independent of any hypothesis about the cause.

There are two kinds of metrics. If OLD repeats the identical value at one seed and NEW gives another one there, a single
value is a *fingerprint*: it shows whether a mix behaves like OLD or like NEW. All other values are *statistics*: they
scatter around levels. ``ObservedTrials`` infers the kind from the values. Fingerprints end with the first mix that has
two values at one seed.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from statistics import fmean, median_high

from contexta.bisect.inference.failures.failure_counts import cannot_run
from contexta.bisect.inference.values.noise import shared_by_seed
from contexta.bisect.inference.values.scale import Scale
from contexta.bisect.tuning import TUNING


@dataclass(frozen=True)
class Observation:
    """The result of one trial."""

    mix: int
    seed: int
    value: float | None
    """Oriented so that higher is better; None if the trial gave no value, because of ``reason``."""
    reason: str = ""
    seconds: float = 0.0
    is_measured: bool = True
    """Whether the trial ran to its end. If not, it followed the trajectory of an endpoint and has the value of that."""
    predicted: float | None = None
    """The value of the endpoint whose trajectory the trial followed; None if it followed none."""
    is_only_seed: bool = False
    """Whether the study runs at this seed only."""


@dataclass(frozen=True)
class ObservedTrials:
    """The results of all trials of a study, in their order."""

    results: tuple[Observation, ...]
    new: int
    """The mix that is NEW; OLD is 0."""

    @cached_property
    def has_early_verdicts(self) -> bool:
        """Whether the trajectories of OLD and NEW differ, and a trial followed one of them exactly."""
        return any(not result.is_measured or result.predicted is not None for result in self.results)

    @cached_property
    def has_one_seed(self) -> bool:
        """Whether the study runs at one seed only."""
        return any(result.is_only_seed for result in self.results)

    @cached_property
    def outcomes(self) -> dict[int, list[str | None]]:
        """Mix -> for each of its runs: the reason why it gave no value; None if it gave one."""
        outcomes: dict[int, list[str | None]] = {}
        for result in self.results:
            outcomes.setdefault(result.mix, []).append(result.reason if result.value is None else None)
        return outcomes

    @cached_property
    def failures(self) -> dict[int, str]:
        """Mix -> reason, of the mixes that count as unable to run (``failure_counts.py``)."""
        return cannot_run(self.outcomes, (0, self.new))

    @cached_property
    def _scale(self) -> Scale:
        return Scale.of([result.value for result in self.results if result.value is not None])

    @cached_property
    def runs(self) -> dict[int, list[tuple[int, float]]]:
        """Mix -> (seed, value) of each run that gave a value, on the scale of the study (``scale.py``)."""
        runs: dict[int, list[tuple[int, float]]] = {}
        for result in self.results:
            if result.value is not None:
                runs.setdefault(result.mix, []).append((result.seed, self._scale(result.value)))
        return runs

    @cached_property
    def repeatable(self) -> bool:
        """Whether OLD repeated the identical value at one seed, and no mix ever gave two values at one seed."""
        first_values: dict[tuple[int, int], float] = {}
        runs = [(mix, seed, value) for mix, runs in self.runs.items() for seed, value in runs]
        if any(first_values.setdefault((mix, seed), value) != value for mix, seed, value in runs):
            return False
        return len(self.runs.get(0, ())) > len(dict(self.runs.get(0, ())))

    @cached_property
    def seedless(self) -> bool:
        """Whether values do not depend on the seed: three seeds or more of each endpoint, one value per mix.

        Either nothing in the training is random, or it ignores its seed. Values cannot tell which. In a study of one
        seed, one is enough.
        """
        least = 1 if self.has_one_seed else 3
        return (
            self.repeatable
            and all(len(dict(self.runs.get(endpoint, ()))) >= least for endpoint in (0, self.new))
            and all(len({value for _, value in runs}) == 1 for runs in self.runs.values())
        )

    @cached_property
    def seed_effects(self) -> dict[int, float]:
        """Seed -> what it adds to the value of every mix (by its split of the data, for example); {} if not visible."""
        if self.seedless:
            return {}
        return shared_by_seed(dict(self.runs.get(0, ())), dict(self.runs.get(self.new, ())))

    def samples(self, mix: int) -> list[float]:
        """The independent values of a mix without the effects of their seeds.

        If values repeat, one per seed counts; if they do not depend on the seed, each distinct value counts once. Seed
        effects are estimated from the endpoints and fit them too well. So the scatter of the endpoints is widened to
        that of other mixes.
        """
        runs = self.runs.get(mix, [])
        if self.seedless:
            return sorted({value for _, value in runs})
        independent, effects = dict(runs).items() if self.repeatable else runs, self.seed_effects
        if effects and mix in (0, self.new):
            values = [value - effects[seed] for seed, value in independent if seed in effects]
            mean = fmean(values)
            return [mean + TUNING.paired_noise_factor * (value - mean) for value in values]
        return [value - effects.get(seed, 0.0) for seed, value in independent]

    def timed(self, mix: int) -> list[tuple[int, float]]:
        """(number of the result, value without its seed effect) of each run of a mix that gave a value, in order."""
        numbers = (n for n, result in enumerate(self.results) if result.mix == mix and result.value is not None)
        runs = zip(numbers, self.runs.get(mix, ()), strict=True)
        return [(number, value - self.seed_effects.get(seed, 0.0)) for number, (seed, value) in runs]

    def seeds(self, mix: int) -> set[int]:
        """The seeds at which this mix has a result."""
        return {result.seed for result in self.results if result.mix == mix}

    def ran_at(self, seed: int) -> set[int]:
        """The mixes that have a result at this seed."""
        return {result.mix for result in self.results if result.seed == seed}

    def run_count(self, mix: int) -> int:
        """The number of runs of a mix that gave a value."""
        return len(self.runs.get(mix, ()))

    @cached_property
    def probed(self) -> tuple[int, ...]:
        """The mixes besides the endpoints that gave values, in the order of their first trial."""
        return tuple(mix for mix in self.runs if mix not in (0, self.new) and mix not in self.failures)

    @cached_property
    def fingerprints(self) -> dict[int, tuple[float, float]]:
        """Seed -> (OLD's value, NEW's value) where they differ; {} if values do not repeat."""
        if not self.repeatable:
            return {}
        old, new = dict(self.runs[0]), dict(self.runs[self.new])
        return {seed: (old[seed], new[seed]) for seed in sorted({*old} & {*new}) if old[seed] != new[seed]}

    @cached_property
    def by_seed(self) -> tuple[dict[int, float], ...]:
        """Per seed: mix -> value. One entry for all seeds if values do not depend on them; () if they do not repeat."""
        if not self.repeatable:
            return ()
        columns: dict[int, dict[int, float]] = {}
        for mix, runs in self.runs.items():
            for seed, value in runs:
                columns.setdefault(0 if self.seedless else seed, {})[mix] = value
        return tuple(columns.values())

    def indistinguishable(self, mix: int) -> set[int]:
        """The mix itself, and those that share a seed with it and gave the same value at every shared seed."""
        shared = [column for column in self.by_seed if mix in column]
        others = {other for column in shared for other in column}
        return {mix} | {
            other for other in others if all(column[other] == column[mix] for column in shared if other in column)
        }

    @cached_property
    def identical_endpoints(self) -> int:
        """The number of seeds at which both endpoints gave the identical value, if values repeat; else 0."""
        return len({*self.runs[0]} & {*self.runs[self.new]}) if self.repeatable else 0

    def is_rounding(self, noise: float) -> bool:
        """Whether a spread of values is only rounding, as if the drop is the same at every seed."""
        values = [result.value for result in self.results if result.mix in (0, self.new) and result.value is not None]
        return noise <= self._scale.length(TUNING.rounding * median_high(map(math.ulp, values)))
