"""Simulated regressions that are hard to judge: several causes, unequal noise, silent blocks, drops that vary by seed.

``KINDS`` maps the name of a kind to the function that draws its world number n, with 6, 12, 30 or (each tenth) 120
changes.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from random import Random

from contexta.bisect.inference.observations import Observation
from contexta.bisect.space.lattice import Mixes, groups_of, mix_of
from support.worlds import Outcome, World

SIZES = (6, 12, 30)
_LEAST = 0.1  # of the drop: a change that makes less is no cause


def size_of(number: int) -> int:
    """The number of changes of the world with this number."""
    return 120 if number % 10 == 9 else SIZES[number % 3]


@dataclass(frozen=True)
class HardWorld(World):
    """A world given by a function from mixes to levels (OLD 0, NEW 1).

    loss: the level of a mix. noise: the standard deviation at OLD's level, in drops. unequal: NEW's over OLD's.
    coin: the shares of successes at OLD and NEW, where the metric is 0 or 1. converges: the share of bad runs that
    reach OLD's level. scales: how far seeds move the values and the drop, as a factor. blocks: the changes that run
    only together. small: the changes that make less than a tenth of the drop each.
    """

    loss: Callable[[int], float] = lambda mix: 0.0
    noise: float = 0.0
    unequal: float = 1.0
    coin: tuple[float, float] | None = None
    converges: float = 0.0
    scales: float = 0.0
    blocks: tuple[int, ...] = ()
    small: int = 0

    def level(self, mix: int) -> float:
        return self.loss(mix)

    def fails(self, mix: int) -> bool:
        return super().fails(mix) or any(0 < (mix & block) != block for block in self.blocks)

    def run(self, mix: int, seed: int) -> Observation:
        if self.fails(mix):
            return Observation(mix, seed, None, "dies at import")
        self.counter[0] += 1
        level = self.level(mix)
        # the same seed in the same code gives the same number; harmless changes may draw other random numbers
        source = (seed, mix & self.shifts, round(level, 6)) if self.fingerprint else (self.counter[0],)
        if self.coin is not None:
            success = self.coin[0] + level * (self.coin[1] - self.coin[0])
            return Observation(mix, seed, float(self._uniform("coin", *source) < success))
        if self._uniform("converges", *source) < self.converges:
            level = 0.0
        drawn = self.noise * (self.unequal if level > 0.5 else 1.0) * self._normal(*source)
        if self.scales:
            loss = 21 * math.exp(self.scales * self._normal("data", seed)) * (1 + 8 * (level + drawn))
            return Observation(mix, seed, -round(loss, 6))
        return Observation(mix, seed, round(0.9 - 0.05 * (level + drawn), 9))


def is_wrong(outcome: Outcome) -> bool:
    """Whether the named set lacks a cause, or holds a change whose omission changes less than 10 % of the drop.

    A part of several causes is not wrong if its reported share is not too high.
    """
    verdict, world = outcome.verdict, outcome.world
    if verdict.kind != "proved":
        return False
    assert isinstance(world, HardWorld)
    culprits, shown, new = verdict.culprits, verdict.culprits | verdict.companions, world.mixes.full
    whole, left = world.level(new), world.mixes.without(new, culprits)

    def moved(mix: int, without: int) -> float:
        return abs(world.level(mix) - world.level(mix & ~without)) / whole

    units = dict.fromkeys(
        next((block for block in world.blocks if block >> group & 1), 1 << group) & culprits
        for group in groups_of(culprits)
    )
    if any(max(moved(shown, unit), moved(left | unit, unit)) < _LEAST for unit in units):
        return True
    if verdict.share is None:
        return True
    unnamed, (estimate, low, _) = _left(world, culprits), verdict.share
    return unnamed >= _LEAST and unnamed > 1 - (low if math.isfinite(low) else estimate) + 1e-6


def _left(world: HardWorld, culprits: int) -> float:
    """The share of the drop that causes make which are not named."""
    left = world.mixes.without(world.mixes.full, culprits) & ~world.small
    return world.level(left) / world.level(world.mixes.full & ~world.small)


def is_right(outcome: Outcome) -> bool:
    """Whether the named set explains the whole drop, and each of its changes a part."""
    assert isinstance(outcome.world, HardWorld)
    named = outcome.verdict.kind == "proved" and not is_wrong(outcome)
    return named and _left(outcome.world, outcome.verdict.culprits) < _LEAST


def _world(number: int, random: Random, loss: Callable[[int], float], **others: object) -> HardWorld:
    count = size_of(number)
    settings: dict[str, object] = {
        "mixes": Mixes.of(count),
        "kind": "hard",
        "causes": (),
        "effect": math.inf,
        "fingerprint": True,
        "shifts": mix_of(group for group in range(count) if random.random() < 0.024),
        "crashes": (),
        "flaky_mixes": random.choice((0.0, 0.0, 0.1)),
        "share": 0.5,
        "number": number,
    }
    return HardWorld(**{**settings, **others, "loss": loss})  # type: ignore[arg-type]  # fields by name


_NOISES: tuple[tuple[float, bool], ...] = ((0.0, True), (0.25, True), (0.25, False))
"""(noise, whether values repeat) of the worlds with numbers 0, 1, 2 modulo 3 of a kind, by thirds of 10"""


def _noise(number: int) -> dict[str, object]:
    noise, repeats = _NOISES[number // 10 % 3]
    return {"noise": noise, "fingerprint": repeats}


_LOGIC: dict[str, tuple[int, Callable[..., bool]]] = {
    "exclusive or": (3, lambda a, b, c: a ^ b ^ c),
    "exclusive or beside a cause": (3, lambda a, b, c: (a ^ b) | c),
    "masked": (3, lambda a, b, c: c or (a and not b)),
    "each suffices": (2, lambda a, b: a or b),
    "each of three suffices": (3, lambda a, b, c: a or b or c),
    "one or two together": (3, lambda a, b, c: a or (b and c)),
    "one with either of two": (3, lambda a, b, c: a and (b or c)),
    "two of three": (3, lambda a, b, c: a + b + c >= 2),
    "two together": (2, lambda a, b: a and b),
    "three together": (3, lambda a, b, c: a and b and c),
}


def _logic(name: str, number: int) -> HardWorld:
    random = Random(f"{name} {number}")
    many, bad = _LOGIC[name]
    causes = random.sample(range(size_of(number)), many)
    return _world(number, random, lambda mix: float(bad(*(mix >> cause & 1 for cause in causes))), **_noise(number))


def _single(number: int, name: str) -> tuple[Random, Callable[[int], float]]:
    random = Random(f"{name} {number}")
    cause = random.randrange(size_of(number))
    return random, lambda mix: float(mix >> cause & 1)


def _unequal(number: int) -> HardWorld:
    """The culprit also multiplies the noise by four: a drop of 4 or 8 standard deviations of OLD's, 1 or 2 of NEW's."""
    random, loss = _single(number, "unequal")
    return _world(
        number, random, loss, noise=random.choice((0.125, 0.25)), unequal=4.0, fingerprint=number // 10 % 2 == 0
    )


def _coin(number: int) -> HardWorld:
    """A metric of 0 and 1: a test that passes or fails."""
    random, loss = _single(number, "coin")
    coin = random.choice(((0.95, 0.05), (1.0, 0.3), (0.9, 0.1), (1.0, 0.5)))
    return _world(number, random, loss, coin=coin, fingerprint=number // 10 % 2 == 0)


def _converging(number: int) -> HardWorld:
    """NEW fails to converge in 35 to 80 % of its runs; the others reach OLD's narrow level."""
    random, loss = _single(number, "converging")
    return _world(
        number,
        random,
        loss,
        converges=1 - random.uniform(0.35, 0.8),
        noise=random.choice((0.01, 0.05, 0.1)),
        unequal=random.choice((1.0, 4.0)),
        fingerprint=number // 10 % 2 == 0,
    )


def _shifting(number: int, of: float, signed: bool) -> HardWorld:
    """So many of the changes move the value by exactly 5 % of the drop each, without any noise."""
    random, loss = _single(number, f"shifting {of} {signed}")
    moves = [random.choice((-1, 1)) if signed else 1 for _ in range(size_of(number))]
    moving = [group for group in range(size_of(number)) if loss(1 << group) == 0 and random.random() < of]
    moving = moving if signed else moving[:4]

    def moved(mix: int) -> float:
        return loss(mix) + 0.05 * sum(moves[group] for group in moving if mix >> group & 1)

    return _world(number, random, moved, small=mix_of(moving))


def _block(size: int, number: int) -> HardWorld:
    """So many changes run only together, which no metadata says; every other time the culprit is one of them."""
    random = Random(f"block {size} {number}")
    count = max(size_of(number), size + 4)
    block = random.sample(range(count), size)
    others = [group for group in range(count) if group not in block]
    cause = random.choice(block if number % 2 else others)
    return _world(
        number,
        random,
        lambda mix: float(mix >> cause & 1),
        mixes=Mixes.of(count),
        blocks=(mix_of(block),),
        flaky_mixes=0.0,
        noise=0.0 if number % 4 < 2 else 0.25,
        fingerprint=number // 10 % 2 == 0,
    )


def _scaled(share: float, number: int) -> HardWorld:
    """Two independent causes, where a seed moves the data and with it the size of the drop."""
    random = Random(f"scaled {share} {number}")
    first, second = random.sample(range(size_of(number)), 2)
    return _world(
        number,
        random,
        lambda mix: share * (mix >> first & 1) + (1 - share) * (mix >> second & 1),
        scales=0.12,
        noise=random.choice((0.0, 0.01)),
        fingerprint=number // 10 % 2 == 0,
    )


KINDS: dict[str, Callable[[int], HardWorld]] = {
    **{name: partial(_logic, name) for name in _LOGIC},
    "noise multiplied by 4": _unequal,
    "0/1 metric": _coin,
    "failing convergence": _converging,
    "many shifts of 5 %": partial(_shifting, of=1.0, signed=True),
    "some shifts of 5 %": partial(_shifting, of=0.3, signed=True),
    "four shifts of 5 % the same way": partial(_shifting, of=1.0, signed=False),
    **{f"silent block of {size}": partial(_block, size) for size in (4, 8, 12)},
    "parts of 80 and 20 %, seeds move the drop": partial(_scaled, 0.8),
    "parts of 60 and 40 %, seeds move the drop": partial(_scaled, 0.6),
}
