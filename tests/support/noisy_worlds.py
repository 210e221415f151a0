"""Simulated regressions with difficult noise: diverging runs, coins, fixed seeds, changing machines, extreme numbers.

``FAMILIES`` maps the name of each kind to a function that draws its world of a number. Sizes take turns: 6, 12 and 30
changes.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from random import Random

from contexta.bisect.inference.observations import Observation
from contexta.bisect.space.lattice import mix_of
from support.worlds import World, draw

SIZES = (6, 12, 30)
_DROP = 0.05  # of every world; its standard deviation is this over its effect


@dataclass(frozen=True)
class Diverging(World):
    """The run number ``turn`` (from 0) of OLD, of NEW, or of any other mix, gives ``wild``."""

    of: str = "new"
    turn: int = 1
    wild: float = -1e20

    def run(self, mix: int, seed: int) -> Observation:
        result = super().run(mix, seed)
        if result.value is None or {0: "old", self.mixes.full: "new"}.get(mix, "mix") != self.of:
            return result
        self.run_counter.append(1)  # the first entry counts the runs of all mixes
        return replace(result, value=self.wild) if len(self.run_counter) == self.turn + 2 else result


@dataclass(frozen=True)
class Coin(World):
    """A metric of two values. good, bad: how often a run of each level gives the better one."""

    good: float = 0.5
    bad: float = 0.5
    high: float = 1.0
    low: float = 0.0

    def run(self, mix: int, seed: int) -> Observation:
        result = super().run(mix, seed)
        if result.value is None:
            return result
        chance = self.good + (self.bad - self.good) * self.level(mix)
        key = (seed, mix & self.shifts, self.level(mix)) if self.fingerprint else (self.run_counter[0],)
        return replace(result, value=self.high if self._uniform("coin", *key) < chance else self.low)


@dataclass(frozen=True)
class Bimodal(World):
    """Some runs end in another optimum. often: their share; far: how much worse they are, in standard deviations."""

    often: float = 0.3
    far: float = 6.0

    def run(self, mix: int, seed: int) -> Observation:
        result = super().run(mix, seed)
        if result.value is None:
            return result
        key = (seed, mix & self.shifts, self.level(mix)) if self.fingerprint else (self.run_counter[0],)
        caught = self._uniform("caught", *key) < self.often
        return replace(result, value=result.value - caught * self.far * _DROP / self.effect)


@dataclass(frozen=True)
class FixedSeed(World):
    """A command that ignores the seed it is given."""

    def run(self, mix: int, seed: int) -> Observation:
        return replace(super().run(mix, 1), seed=seed)


@dataclass(frozen=True)
class Stepping(World):
    """From run number ``begins`` on, everything lies ``step`` standard deviations higher.

    Where values repeat they do so before and after, with other digits.
    """

    begins: int = 10
    step: float = -4.0

    def run(self, mix: int, seed: int) -> Observation:
        late = self.run_counter[0] >= self.begins
        result = super().run(mix, seed)
        if result.value is None or not late:
            return result
        return replace(result, value=result.value + self.step * _DROP / self.effect)


@dataclass(frozen=True)
class Scaled(World):
    """Every value is multiplied, then moved."""

    times: float = 1.0
    plus: float = 0.0

    def run(self, mix: int, seed: int) -> Observation:
        result = super().run(mix, seed)
        return result if result.value is None else replace(result, value=(result.value - 0.9) * self.times + self.plus)


def drawn(number: int, kind: str, effect: float, *, fingerprint: bool, sizes: tuple[int, ...] = SIZES) -> World:
    """The world of that number, of one of these sizes."""
    return draw(number, kind, effect, fingerprint=fingerprint, count=sizes[number % len(sizes)])


def _perturbed(number: int, kind: str, effect: float, *, most: float = 0.4, fingerprint: bool = True) -> World:
    """With one harmless change or more (up to this share of them) that draws other random numbers."""
    world, random = drawn(number, kind, effect, fingerprint=fingerprint), Random(f"stirred {number}")
    harmless = [group for group in range(world.mixes.count) if kind == "null" or group not in world.causes]
    many = random.randint(1, max(1, round(most * len(harmless))))
    return replace(world, shifts=mix_of(random.sample(harmless, many)))


def _diverging(
    number: int, effect: float, *, fingerprint: bool, kind: str = "single", of_endpoints: bool = True
) -> World:
    world, random = drawn(number, kind, effect, fingerprint=fingerprint), Random(f"diverging {number}")
    sd = _DROP / effect if math.isfinite(effect) else _DROP / 4
    wild = random.choice((-1e20, -1e20, 1e20, 1e6, -1e3, -1e300, 0.9 - 40 * sd, 0.9 + 40 * sd))
    of = random.choice(("old", "new", "new")) if of_endpoints else "mix"
    return Diverging(**vars(world), of=of, turn=random.randint(0, 3 if of_endpoints else 8), wild=wild)


def _coin(number: int, kind: str, *, fingerprint: bool, is_perturbed: bool = False) -> World:
    random = Random(f"coin {number}")
    world = _perturbed(number, kind, 2.0) if is_perturbed else drawn(number, kind, 2.0, fingerprint=fingerprint)
    good = random.choice((0.3, 0.5, 0.7, 0.9)) if kind == "null" else random.choice((0.9, 1.0))
    bad = good if kind == "null" else random.choice((0.0, 0.1))
    high, low = random.choice(((1.0, 0.0), (0.9, 0.85), (0.9021, 0.8713)))
    return Coin(**vars(world), good=good, bad=bad, high=high, low=low)


def _bimodal(number: int, *, fingerprint: bool, is_perturbed: bool = False) -> World:
    random = Random(f"bimodal {number}")
    world = _perturbed(number, "null", 2.0) if is_perturbed else drawn(number, "null", 2.0, fingerprint=fingerprint)
    return Bimodal(**vars(world), often=random.choice((0.1, 0.3, 0.5)), far=random.choice((4.0, 8.0, 20.0)))


def _stepping(number: int, kind: str, effect: float, *, fingerprint: bool) -> World:
    world, random = drawn(number, kind, effect, fingerprint=fingerprint), Random(f"stepping {number}")
    begins, step = random.randint(2, 30), 4.0 * random.choice((-1, 1))
    return Stepping(**vars(world), begins=begins, step=step)


_SCALES = (
    (1e155, 0.0), (1e300, 0.0), (1e300, -1e302), (1e308, 0.0), (2e3, 1e15), (2e3, -1e15), (20.0, 1e15), (1e-300, 0.0),
    (1e-307, 0.0), (1e-320, 0.0), (1e-300, 1e-300), (1e-9, 0.9), (1e-3, 1e9), (1e5, 1e18), (3.0, 0.15), (1.0, -0.5),
)  # fmt: skip


def _scaled(number: int, kind: str, effect: float, *, fingerprint: bool) -> World:
    times, plus = Random(f"scaled {number}").choice(_SCALES)
    return Scaled(**vars(drawn(number, kind, effect, fingerprint=fingerprint)), times=times, plus=plus)


def _fixed(number: int, kind: str, effect: float) -> World:
    return FixedSeed(**vars(_perturbed(number, kind, effect)))


FAMILIES: dict[str, Callable[[int], World]] = {
    "one endpoint run diverges, 4 sd, fingerprints": lambda n: _diverging(n, 4.0, fingerprint=True),
    "one endpoint run diverges, 4 sd, statistics": lambda n: _diverging(n, 4.0, fingerprint=False),
    "one endpoint run diverges, no noise": lambda n: _diverging(n, math.inf, fingerprint=True),
    "one endpoint run diverges, null, statistics": lambda n: _diverging(n, 4.0, fingerprint=False, kind="null"),
    "one run of a mix diverges, 4 sd, fingerprints": lambda n: _diverging(n, 4.0, fingerprint=True, of_endpoints=False),
    "one run of a mix diverges, 4 sd, statistics": lambda n: _diverging(n, 4.0, fingerprint=False, of_endpoints=False),
    "null, changes that perturb the RNG": lambda n: _perturbed(n, "null", 2.0),
    "null, one change that perturbs the RNG": lambda n: _perturbed(n, "null", 2.0, most=0.0),
    "null, a coin, statistics": lambda n: _coin(n, "null", fingerprint=False),
    "null, a coin, perturbed": lambda n: _coin(n, "null", fingerprint=True, is_perturbed=True),
    "null, bimodal, statistics": lambda n: _bimodal(n, fingerprint=False),
    "null, bimodal, perturbed": lambda n: _bimodal(n, fingerprint=True, is_perturbed=True),
    "null, statistics": lambda n: drawn(n, "null", 2.0, fingerprint=False),
    "a coin of 0.9 to 0.1 or more, statistics": lambda n: _coin(n, "single", fingerprint=False),
    "a coin of 0.9 to 0.1 or more, perturbed": lambda n: _coin(n, "single", fingerprint=True, is_perturbed=True),
    "single 4 sd, changes that perturb the RNG": lambda n: _perturbed(n, "single", 4.0),
    "single 2 sd, changes that perturb the RNG": lambda n: _perturbed(n, "single", 2.0),
    "null, fixed seed, perturbed": lambda n: _fixed(n, "null", 2.0),
    "single 4 sd, fixed seed, perturbed": lambda n: _fixed(n, "single", 4.0),
    "machine step of 4 sd, single 4 sd, statistics": lambda n: _stepping(n, "single", 4.0, fingerprint=False),
    "machine step of 4 sd, single 4 sd, fingerprints": lambda n: _stepping(n, "single", 4.0, fingerprint=True),
    "machine step of 4 sd, single 8 sd, statistics": lambda n: _stepping(n, "single", 8.0, fingerprint=False),
    "machine step of 4 sd, pair 4 sd, statistics": lambda n: _stepping(n, "pair", 4.0, fingerprint=False),
    "machine step of 4 sd, null, statistics": lambda n: _stepping(n, "null", 4.0, fingerprint=False),
    "machine step of 4 sd, null, fingerprints": lambda n: replace(
        _stepping(n, "null", 4.0, fingerprint=True), shifts=_perturbed(n, "null", 4.0).shifts
    ),
    "extreme numbers, single, no noise": lambda n: _scaled(n, "single", math.inf, fingerprint=True),
    "extreme numbers, single 4 sd, statistics": lambda n: _scaled(n, "single", 4.0, fingerprint=False),
    "extreme numbers, single 4 sd, fingerprints": lambda n: _scaled(n, "single", 4.0, fingerprint=True),
    "single 1 sd, statistics": lambda n: drawn(n, "single", 1.0, fingerprint=False),
    "single 1 sd, fingerprints": lambda n: drawn(n, "single", 1.0, fingerprint=True),
}
