"""Choose the next mix: the one with the most information per second.

A trial passes every mix through the same noise, so the most informative mix is the one whose outcome is least
certain: good, bad, or holding one of two parts (for one culprit and no noise this is binary search, weighted by
suspicion). The lattice of mixes is far too large to go through; chains through it in random
orders, and the steps around their middle, hold a good mix practically always. In noise another run of a mix that has
run may be the best of all: it cannot fail, and nothing is to be built for it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from random import Random

from contexta.bisect.inference.failure_model import Risk
from contexta.bisect.inference.posterior import Belief
from contexta.bisect.inference.tuning import TUNING
from contexta.bisect.space.lattice import Mixes


@dataclass(frozen=True)
class Choice:
    """A mix worth trying. badness, part: probabilities of what it is. bits: expected information, risk counted in."""

    mix: int
    badness: float
    part: float
    bits: float


def entropy(*shares: float) -> float:
    """Of an outcome, in bits. shares: probabilities of all but the last possibility."""
    return -sum(p * math.log2(p) for p in (*shares, 1 - sum(shares)) if p > 1e-12)


def most_informative(
    belief: Belief,
    mixes: Mixes,
    risk: Risk,
    preferred: Iterable[int] = (),
    settled: Iterable[int] = (),
    turn: int = 0,
    fine: bool = False,
) -> Choice | None:
    """The feasible mix with the most expected information; None when no mix can tell anything.

    preferred: mixes that are of use beyond their information (a proof will need them); they win near ties.
    settled: mixes that another run says nothing new about.
    fine: whether one run tells a part of the drop from all of it; in noise it comes out as either.
    turn: makes the chains differ from step to step; the same turn chooses the same mix.
    """
    random = Random(turn)
    found: dict[int, tuple[float, float]] = {}
    weight = [p + 1e-9 for p in belief.marginals]
    for number in range(TUNING.acquisition_chains):
        keys = [random.random() ** (1 / weight[atom]) if number % 2 else random.random() for atom in range(mixes.count)]
        steps = mixes.chain(0, mixes.full, keys.__getitem__)
        found.update(zip(steps, belief.outlook(steps), strict=True))
    wanted = [mix for mix in dict.fromkeys(preferred) if mixes.can_exist(mix)]
    for mix in (*wanted, *risk.ran):
        if mix not in found and mixes.can_exist(mix):
            found[mix] = _outlook(belief, mixes, mix)
    for end in (0, mixes.full, *settled):
        found.pop(end, None)
    if not fine:
        found = {mix: (bad + part / 2, 0.0) for mix, (bad, part) in found.items()}
    near = sorted(found, key=lambda mix: (-entropy(*found[mix]), mix))[: TUNING.acquisition_kept]
    near += [mix for mix in wanted if mix in found and mix not in near]
    choices = [_weighed(mix, found[mix], risk) for mix in near]
    best = max(
        choices, key=lambda choice: (choice.bits * (1.25 if choice.mix in wanted else 1.0), -choice.mix), default=None
    )
    return best if best is not None and best.bits > 1e-3 else None


def _weighed(mix: int, outlook: tuple[float, float], risk: Risk) -> Choice:
    return Choice(mix, *outlook, entropy(*outlook) * (1 - risk.of(mix)))


def _outlook(belief: Belief, mixes: Mixes, mix: int) -> tuple[float, float]:
    return belief.outlook(mixes.chain(0, mix, lambda atom: atom))[-1]


def likeliest(belief: Belief, how_many: int) -> list[int]:
    """The likeliest single atoms, the first first."""
    return sorted(range(len(belief.singles)), key=lambda atom: -belief.singles[atom])[:how_many]
