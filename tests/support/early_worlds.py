"""Simulated trainings that log a series, so that trials may end early."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from contexta.bisect.inference.early_verdicts import is_contradicted
from contexta.bisect.inference.observations import Observation
from contexta.bisect.inference.proof import Strength
from contexta.bisect.search.problem import Probe, Problem, Settings
from contexta.bisect.search.search import decide
from contexta.bisect.space.lattice import mix_of
from support.worlds import Outcome, World

_DECIDES = 3 / 40  # of a run: equal points after OLD and NEW differ
_LATEST = 0.75  # of a run: no verdict later


@dataclass(frozen=True)
class LoggedWorld:
    """A world whose trainings log one series. It depends on the seed and the RNG-perturbing changes from the start."""

    world: World
    cause_from: float = 0.0
    """The share of the run from which the causes move the series; inf if they act only in the evaluation."""
    movers: int = 0
    """Harmless changes that move the series, but not the value."""
    movers_from: float = 0.0
    fails_late: bool = False
    """Whether mixes that fail do so in the evaluation, after the whole series."""

    one_seed: bool = False
    """Whether the study runs at one seed."""

    def differ_from(self, one: int, other: int) -> float:
        """The share of the run from which the series of two mixes differ at the same seed; inf if they never do."""
        world = self.world
        causes = mix_of(world.causes) if world.kind != "null" else 0
        starts = ((world.shifts, 0.0), (self.movers, self.movers_from), (causes, self.cause_from))
        return min((start for groups, start in starts if (one ^ other) & groups), default=math.inf)

    def trial(self, mix: int, seed: int, results: Sequence[Observation], *, to_end: bool) -> tuple[Observation, float]:
        """(the result of a trial after those so far, its cost in whole trainings)."""
        result, full = replace(self.world.run(mix, seed), is_only_seed=self.one_seed), self.world.mixes.full
        values = {
            other.mix: other.value
            for other in results
            if other.mix in (0, full) and other.seed == seed and other.is_measured and other.value is not None
        }
        old = [other.seed for other in results if other.mix == 0 and other.value is not None]
        repeats = len(old) > len({*old}) or (mix == 0 and seed in old)
        decides = self.differ_from(0, full) + _DECIDES
        is_early_crash = result.value is None and not self.fails_late
        if not self.world.fingerprint or len(values) < 2 or not repeats or decides > _LATEST or is_early_crash:
            return result, 1.0
        if is_contradicted(results):
            return result, 1.0
        followed = next((end for end in values if self.differ_from(mix, end) >= decides), None)
        if followed is None:
            return result, 1.0
        if to_end:
            return replace(result, predicted=values[followed]), 1.0
        return replace(result, value=values[followed], predicted=values[followed], is_measured=False), decides


def play_logged(logged: LoggedWorld, settings: Settings | None = None) -> tuple[Outcome, float]:
    """A whole study, and its cost in whole trainings."""
    world = logged.world
    if settings is None:
        settings = Settings(only_seed=0, strength=Strength(runs=1)) if logged.one_seed else Settings()
    problem = Problem(world.mixes, (1.0,) * world.mixes.count, settings)
    results: list[Observation] = []
    cost = 0.0
    while isinstance(step := decide(problem, results), Probe):
        result, share = logged.trial(step.mix, step.seed, results, to_end=step.to_end)
        results.append(result)
        cost += share
    ends = {0, world.mixes.full}
    shown = {fact.mix for fact in step.proof.facts} if step.proof else set()
    probes = len({result.mix for result in results} - ends - shown)
    return Outcome(world, step, tuple(results), probes), cost
