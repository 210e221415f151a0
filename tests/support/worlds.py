"""Simulated regressions with a known cause: the value that a trial of a mix would have, without a trial."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from random import Random

from contexta.bisect.inference.observations import Observation
from contexta.bisect.search.problem import Probe, Problem, Settings, Verdict
from contexta.bisect.search.search import decide
from contexta.bisect.space.lattice import Mixes, groups_of, mix_of

KINDS = ("single", "pair", "additive", "null")


@dataclass(frozen=True)
class World:
    """One regression. effect: the drop in standard deviations; inf for no noise at all.

    shifts: harmless groups that change the random numbers. crashes: (a, b): a at NEW fails with b at OLD, which is in
    no metadata. dies: the share of all runs that give no value in any mix.
    """

    mixes: Mixes
    kind: str
    causes: tuple[int, ...]
    effect: float
    fingerprint: bool
    shifts: int
    crashes: tuple[tuple[int, int], ...]
    flaky_mixes: float
    share: float
    number: int
    dies: float = 0.0
    by_seed: float = 0.0
    counter: list[int] = field(default_factory=lambda: [0])
    run_counter: list[int] = field(default_factory=lambda: [0])

    def level(self, mix: int) -> float:
        """0 as OLD, 1 as NEW."""
        on = [bool(mix >> cause & 1) for cause in self.causes]
        if self.kind == "null":
            return 0.0
        if self.kind == "additive":
            return sum(s for s, is_on in zip((self.share, 1 - self.share), on, strict=True) if is_on)
        return float(all(on))

    def fails(self, mix: int) -> bool:
        if mix in (0, self.mixes.full):
            return False
        if any(mix >> a & 1 and not mix >> b & 1 for a, b in self.crashes):
            return True
        return self._uniform("fails", mix) < self.flaky_mixes

    def representative(self, group: int) -> int:
        """The first of the groups that never run apart from this one; no trial separates them."""
        return next(groups_of(self.mixes.ruled(self.crashes).inseparable(group)))

    def run(self, mix: int, seed: int) -> Observation:
        if self.fails(mix):
            return Observation(mix, seed, None, "dies at import")
        self.run_counter[0] += 1
        if self.dies and self._uniform("dies", self.run_counter[0]) < self.dies:
            return Observation(mix, seed, None, "dies now and then")
        if math.isinf(self.effect):
            noise = 0.0
        elif self.fingerprint:
            # the same seed in the same code gives the same number; harmless groups may draw other random numbers
            noise = self._normal(seed, mix & self.shifts, round(self.level(mix), 6)) / self.effect
        else:
            self.counter[0] += 1
            noise = self._normal("run", self.counter[0]) / self.effect
        if self.kind == "null" and math.isinf(self.effect):
            return Observation(mix, seed, 0.9)
        shared = self.by_seed * self._normal("seed", seed) if self.by_seed else 0.0
        return Observation(mix, seed, round(0.9 - 0.05 * (self.level(mix) + noise + shared), 9))

    def _uniform(self, *what: object) -> float:
        digest = hashlib.blake2b(repr((self.number, *what)).encode(), digest_size=8).digest()
        return (int.from_bytes(digest, "big") + 0.5) / 2**64

    def _normal(self, *what: object) -> float:
        return math.sqrt(-2 * math.log(self._uniform("r", *what))) * math.cos(2 * math.pi * self._uniform("a", *what))


def draw(
    number: int, kind: str, effect: float, *, fingerprint: bool, count: int | None = None, dies: float = 0.0
) -> World:
    """The world of that number: 5 to 60 groups, a dependency graph with hubs, 0 to 30 % of the mixes failing."""
    random = Random(f"{number} {kind} {float(effect)} {fingerprint}")
    count = count or round(math.exp(random.uniform(math.log(5), math.log(60))))
    rules = []
    for group in range(1, count):
        if random.random() < 0.35:  # most packages need nothing new; those that do favour a few hubs (numpy, typing...)
            for _ in range(random.choice((1, 1, 2))):
                rules.append((group, min(int(random.expovariate(0.25)), group - 1)))
    mixes = Mixes.of(count, rules)
    if all(mixes.comparable(number, other) for number in range(count) for other in range(number)):
        mixes = Mixes.of(count)  # all in one line: no two of them would act apart
    causes = _causes(random, mixes, 1 if kind == "single" else 2)
    crashes = tuple(
        (a, b)
        for a, b in (random.sample(range(count), 2) for _ in range(random.choice((0, 0, 1)) * (count > 1)))
        if not mixes.needs[a] >> b & 1 and not {a, b} <= set(causes)  # such a pair acts as one change
    )
    return World(
        mixes,
        kind,
        causes,
        effect,
        fingerprint,
        shifts=mix_of(group for group in range(count) if random.random() < 0.024),
        crashes=crashes,
        flaky_mixes=0.0
        if random.random() < 0.4
        else random.uniform(0, 0.3)
        if not crashes
        else random.uniform(0, 0.05),
        share=random.uniform(0.25, 0.75),
        number=number,
        dies=dies,
    )


def draw_needing_others(number: int, effect: float) -> tuple[World, int]:
    """A world whose culprit fails with one to four others at OLD, which is in no metadata; and these others."""
    world, random = draw(number, "single", effect, fingerprint=False), Random(number)
    (cause,) = world.causes
    others = [group for group in range(world.mixes.count) if not world.mixes.comparable(cause, group)]
    lacking = random.sample(others, min(len(others), random.randint(1, 4)))
    crashes = tuple((cause, group) for group in lacking)
    needed = world.mixes.closed(mix_of((cause, *lacking))) & ~(1 << cause)
    return replace(world, crashes=crashes, flaky_mixes=0.0), needed


def draw_with_perturbing_changes(number: int, kind: str, effect: float, count: int = 120, perturbing: int = 7) -> World:
    """A world of many changes with this number of RNG-perturbing ones."""
    world = draw(number, kind, effect, fingerprint=True, count=count)
    drawn = Random(number).sample(range(count), perturbing)
    return replace(world, shifts=mix_of(group for group in drawn if group not in world.causes))


def _causes(random: Random, mixes: Mixes, how_many: int) -> tuple[int, ...]:
    while True:
        causes = random.sample(range(mixes.count), how_many)
        if how_many == 1 or not mixes.comparable(*causes):  # else they never move the other way round
            return tuple(sorted(causes))


@dataclass(frozen=True)
class Outcome:
    world: World
    verdict: Verdict
    results: tuple[Observation, ...]
    probes: int

    @property
    def runs(self) -> int:
        return len(self.results)

    @property
    def right(self) -> bool:
        if self.world.kind == "null":
            return self.verdict.kind == "no_regression"
        if self.verdict.kind != "proved":
            return False
        return mix_of(self.world.representative(group) for group in groups_of(self.verdict.culprits)) == mix_of(
            map(self.world.representative, self.world.causes)
        )

    @property
    def wrongly_proved(self) -> bool:
        if self.verdict.kind != "proved":
            return False
        if self.world.kind == "additive" and self.verdict.share is not None:
            # a part of the cause is not wrong if it is not reported as the whole cause
            shares = dict.fromkeys(map(self.world.representative, self.world.causes), 0.0)
            for cause, share in zip(self.world.causes, (self.world.share, 1 - self.world.share), strict=True):
                shares[self.world.representative(cause)] += share
            named = [shares.get(group) for group in {*map(self.world.representative, groups_of(self.verdict.culprits))}]
            return None in named or self.verdict.share[1] > sum(filter(None, named))
        if self.world.kind == "pair":  # "X (brings Y)" is true of two changes that no trial separated
            brought = self.verdict.culprits | self.verdict.companions
            return not mix_of(self.world.causes) & self.verdict.culprits or bool(mix_of(self.world.causes) & ~brought)
        return not self.right


def play(
    world: World, settings: Settings | None = None, watch: Callable[[Probe, Observation], None] | None = None
) -> Outcome:
    """A whole study of one world."""
    problem = Problem(world.mixes, (1.0,) * world.mixes.count, settings or Settings())
    results: list[Observation] = []
    while isinstance(step := decide(problem, results), Probe):
        results.append(world.run(step.mix, step.seed))
        if watch:
            watch(step, results[-1])
    ends = {0, world.mixes.full}
    shown = {fact.mix for fact in step.proof.facts} if step.proof else set()
    probes = len({result.mix for result in results} - ends - shown)
    return Outcome(world, step, tuple(results), probes)
