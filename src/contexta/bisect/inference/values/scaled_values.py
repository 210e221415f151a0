"""The values of all trials in units of the drop: OLD's level is 0, NEW's is 1."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from statistics import fmean
from typing import Literal

from contexta.analysis.metrics.grain import grain
from contexta.analysis.metrics.stats import pooled_spread
from contexta.bisect.inference.likelihood import Levels, Pool, either, log_share
from contexta.bisect.inference.observations import ObservedTrials
from contexta.bisect.space.lattice import mix_of
from contexta.bisect.tuning import TUNING


@dataclass(frozen=True)
class SharedValue:
    """One value at one seed, with all mixes that gave it."""

    value: float
    """In units of the drop."""
    mixes: int
    """The mixes, as bits in the order of ``ObservedTrials.probed``."""
    endpoint: Literal["old", "new"] | None
    """The endpoint that gave the same value, if one did."""


@dataclass(frozen=True)
class ScaledValues:
    """The values of a study in units of its drop. Both endpoints need a value; NEW's mean must be below OLD's."""

    observations: ObservedTrials

    @cached_property
    def old_level(self) -> float:
        return fmean(self.observations.samples(0))

    @cached_property
    def drop(self) -> float:
        """How far NEW is below OLD, on the scale of the study."""
        return self.old_level - fmean(self.observations.samples(self.observations.new))

    def scaled(self, values: Iterable[float]) -> list[float]:
        """Values of the study in units of the drop."""
        return [(self.old_level - value) / self.drop for value in values]

    def of_mix(self, mix: int) -> list[float]:
        """The independent values of a mix (``ObservedTrials.samples``)."""
        return self.scaled(self.observations.samples(mix))

    def level(self, mix: int) -> float:
        """The mean of a mix."""
        return fmean(self.of_mix(mix))

    @cached_property
    def noise(self) -> float:
        """The run-to-run standard deviation of the endpoints; that of all mixes if the endpoints do not vary."""
        observations = self.observations
        of_endpoints = pooled_spread(observations.samples(0), observations.samples(observations.new))
        if observations.seedless or observations.seed_effects or not observations.is_rounding(of_endpoints):
            return of_endpoints
        return pooled_spread(*map(observations.samples, (0, observations.new, *observations.probed)))

    @cached_property
    def spread(self) -> float:
        """The noise in units of the drop."""
        return max(self.noise / abs(self.drop), TUNING.least_noise)

    @cached_property
    def levels(self) -> Levels:
        """The likelihood of values that scatter around levels with this noise."""
        is_exact = self.observations.seedless
        return Levels(self.spread, TUNING.noise_prior_values_if_exact if is_exact else TUNING.noise_prior_values)

    @cached_property
    def old_values(self) -> list[float]:
        return self.of_mix(0)

    @cached_property
    def new_values(self) -> list[float]:
        return self.of_mix(self.observations.new)

    @cached_property
    def old_pool(self) -> Pool:
        return Pool.of(self.old_values)

    @cached_property
    def new_pool(self) -> Pool:
        return Pool.of(self.new_values)

    @cached_property
    def shared_values(self) -> tuple[SharedValue, ...]:
        """The values of the probed mixes; a value that several mixes gave at one seed counts once.

        If values repeat, mixes with the same value at one seed behave the same and drew the same noise. A value that
        both endpoints gave at its seed carries no information and is left out.
        """
        observations = self.observations
        mixes_with: dict[tuple[object, float, float], list[int]] = {}
        for number, mix in enumerate(observations.probed):
            for turn, (seed, value) in enumerate(observations.runs[mix]):
                key: object = seed
                if not observations.repeatable:
                    key = mix, turn
                elif observations.seedless:
                    key = None
                without_seed_effect = value - observations.seed_effects.get(seed, 0.0)
                mixes_with.setdefault((key, value, without_seed_effect), []).append(number)
        return tuple(
            SharedValue(self.scaled([without_seed_effect])[0], mix_of(numbers), endpoint)
            for (seed, value, without_seed_effect), numbers in mixes_with.items()
            if (endpoint := self._endpoint_with(seed, value)) != "both"
        )

    def _endpoint_with(self, seed: object, value: float) -> Literal["old", "new", "both"] | None:
        observations = self.observations
        if not observations.repeatable:
            return None
        old, new = (
            any(value == other and seed in (at, None) for at, other in observations.runs[endpoint])
            for endpoint in (0, observations.new)
        )
        return "both" if old and new else "old" if old else "new" if new else None

    @cached_property
    def identical(self) -> float:
        """Log odds that a mix with the value of another one at the same seed behaves like it.

        Metrics with few possible values (an accuracy on thirty samples) are often equal by chance.
        """
        if self.observations.seedless or self.observations.is_rounding(self.noise):
            return TUNING.identical_value
        step = grain(value for runs in self.observations.runs.values() for _, value in runs)
        by_chance = step / (2 * math.sqrt(math.pi) * self.noise)
        return -math.log(min(0.9, by_chance + math.exp(-TUNING.identical_value)))

    @property
    def identifies(self) -> bool:
        """Whether an identical value at the same seed is no coincidence, so that it identifies equal behaviour."""
        return self.identical > TUNING.surely_identical

    @cached_property
    def unmatched(self) -> dict[int, list[float]]:
        """Probed mix -> its values that neither endpoint gave."""
        return {
            mix: [shared.value for shared in self.shared_values if shared.mixes >> number & 1 and not shared.endpoint]
            for number, mix in enumerate(self.observations.probed)
        }

    @cached_property
    def matches(self) -> dict[int, tuple[int, int]]:
        """Probed mix -> the number of seeds at which it gave (OLD's, NEW's) value."""
        endpoints = {
            mix: [shared.endpoint for shared in self.shared_values if shared.mixes >> number & 1]
            for number, mix in enumerate(self.observations.probed)
        }
        return {mix: (of_mix.count("old"), of_mix.count("new")) for mix, of_mix in endpoints.items()}

    @cached_property
    def good_values_of_new(self) -> tuple[float, ...]:
        """NEW's values among OLD's, as of a training that fails to converge in some runs.

        NEW's values that are identical to OLD's at their seeds do not count.
        """
        values = [value for value in self.new_values if self.looks_good(value)]
        return tuple(values[: max(0, len(values) - self.observations.identical_endpoints)])

    def looks_good(self, value: float) -> bool:
        """Whether a value is among OLD's, extended by half their range, and far from NEW's mean."""
        return value < self._looks_good

    @cached_property
    def _looks_good(self) -> float:
        highest = max(self.old_values)
        return min(TUNING.looks_good, highest + (highest - min(self.old_values)) / 2)

    def log_likelihood(self, good: Pool, bad: Pool, looking_good: Iterable[float]) -> float:
        """The log likelihood of values at two levels.

        If some of NEW's runs look good, a bad mix may reach OLD's level in an unknown share of its runs, as NEW does.
        looking_good: the values of mixes in ``bad`` that look good.
        """
        always, reached = self.levels.dropped(good, bad), Pool.of((*self.good_values_of_new, *looking_good))
        if not self.good_values_of_new or reached.size == bad.size:
            return always
        rest = bad.less(reached)
        sometimes = self.levels.dropped(good.joined(reached), rest) + log_share(reached.size, rest.size)
        prior = TUNING.prior_sometimes
        return either(math.log(1 - prior) + always, math.log(prior) + sometimes)
