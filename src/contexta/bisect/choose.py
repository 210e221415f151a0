"""Which mix to try next: the one that tells most per second.

A trial passes every mix through the same noise, so the most informative mix is the one whose outcome is least
certain: the one predicted bad with a probability nearest one half (for one culprit and no noise this is binary
search, weighted by suspicion). The lattice of mixes is far too large to go through; chains through it in random
orders, and the steps around their middle, hold a good mix practically always.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from random import Random

from contexta.bisect.belief import Belief
from contexta.bisect.mixes import Mixes
from contexta.bisect.risk import Risk

_CHAINS = 10
_KEPT = 40


@dataclass(frozen=True)
class Choice:
    """A mix worth trying. badness: probability that it is bad. bits: expected information, risk counted in."""

    mix: int
    badness: float
    bits: float


def entropy(p: float) -> float:
    """Of a yes-or-no outcome, in bits."""
    return 0.0 if p <= 0 or p >= 1 else -(p * math.log2(p) + (1 - p) * math.log2(1 - p))


def most_informative(
    belief: Belief, mixes: Mixes, risk: Risk, preferred: Iterable[int] = (), settled: Iterable[int] = (), turn: int = 0
) -> Choice | None:
    """The feasible mix with the most expected information; None when no mix can tell anything.

    preferred: mixes that are of use beyond their information (a proof will need them); they win near ties.
    settled: mixes that another run says nothing new about.
    turn: makes the chains differ from step to step; the same turn chooses the same mix.
    """
    random = Random(turn)
    found: dict[int, float] = {}
    weight = [p + 1e-9 for p in _marginals(belief)]
    for number in range(_CHAINS):
        keys = [random.random() ** (1 / weight[atom]) if number % 2 else random.random() for atom in range(mixes.count)]
        steps = mixes.chain(0, mixes.full, keys.__getitem__)
        found.update(zip(steps, belief.badness(steps), strict=True))
    wanted = [mix for mix in dict.fromkeys(preferred) if mixes.can_exist(mix)]
    for mix in wanted:
        found[mix] = _badness(belief, mixes, mix)
    for end in (0, mixes.full, *settled):
        found.pop(end, None)
    near = sorted(found, key=lambda mix: (abs(found[mix] - 0.5), mix))[:_KEPT]
    near += [mix for mix in wanted if mix in found and mix not in near]
    choices = [_weighed(mix, found[mix], risk) for mix in near]
    best = max(
        choices, key=lambda choice: (choice.bits * (1.25 if choice.mix in wanted else 1.0), -choice.mix), default=None
    )
    return best if best is not None and best.bits > 1e-3 else None


def _weighed(mix: int, badness: float, risk: Risk) -> Choice:
    return Choice(mix, badness, entropy(badness) * (1 - risk.of(mix)))


def _badness(belief: Belief, mixes: Mixes, mix: int) -> float:
    return belief.badness(mixes.chain(0, mix, lambda atom: atom))[-1]


def _marginals(belief: Belief) -> list[float]:
    return [single + sum(row) for single, row in zip(belief.singles, belief.pairs, strict=True)]


def likeliest(belief: Belief, how_many: int) -> list[int]:
    """The likeliest single atoms, the first first."""
    return sorted(range(len(belief.singles)), key=lambda atom: -belief.singles[atom])[:how_many]
