"""Delta debugging: a minimal set of changes, if no single change and no pair explains the trials.

The functions call ``judge(mix)``, which returns the state of a mix or raises ``Unknown`` to have it run. So the code
reads as if all answers were available, and is called again after each trial.

The method is iterative delta debugging (Zeller and Hildebrandt 2002; the chain form of Zeller 2009, "dd+") over mixes
that can exist. The chain between a mix that is not bad and a larger one that is bad is halved until one change group
makes the difference. This group belongs to the cause in this context. It stays at NEW, and the search continues for the
others. It takes about r * log2(k) mixes for r causes among k groups. A failing mix is replaced by a neighbour. Groups
that are known to be bad alone come first.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Literal

from contexta.bisect.space.lattice import Mixes, groups_of
from contexta.bisect.tuning import TUNING

Judged = Literal["good", "bad", "between", "failed"]
_GOLDEN, _ORDERS = 0.6180339887498949, 7  # multiples of the golden ratio modulo 1 are spread evenly, without chance


class Unknown(Exception):
    """The state of ``mix`` is unknown: run it."""

    def __init__(self, mix: int) -> None:
        super().__init__(f"mix {mix:b} is unknown")
        self.mix = mix


def minimal_cause(judge: Callable[[int], Judged], mixes: Mixes, weights: Callable[[int], float]) -> int | None:
    """A minimal set of change groups that makes OLD bad, and whose omission makes NEW good.

    weights: the suspicion of each group; groups with larger weights are moved first.
    Returns None if failing mixes hide the set. Raises Unknown for the next mix to run.
    """
    groups = _known_to_suffice(judge, mixes) or _enough(judge, mixes, weights, mixes.full)
    while groups is not None and groups.bit_count() < TUNING.most_culprits:
        rest = mixes.without(mixes.full, groups)
        if rest == 0 or judge(rest) != "bad":
            return groups
        more = _enough(judge, mixes, weights, rest)  # another cause suffices as well
        groups = None if more is None else groups | more
    return groups


def _known_to_suffice(judge: Callable[[int], Judged], mixes: Mixes) -> int:
    """The change groups that are already known to make OLD bad alone, while what they need is good without them."""

    def known_state(mix: int) -> Judged | None:
        try:
            return judge(mix)
        except Unknown:
            return None

    groups = 0
    for group in range(mixes.count):
        alone = mixes.closed(1 << group)
        rest = mixes.without(alone, 1 << group)
        if alone != mixes.full and known_state(alone) == "bad" and (rest == 0 or known_state(rest) == "good"):
            groups |= 1 << group
    return groups


def _least(judge: Callable[[int], Judged], mixes: Mixes, groups: int) -> int:
    """The set without the groups that it does not need, which failing mixes may have added."""
    for group in groups_of(groups):
        rest = groups & ~(1 << group)
        if rest and not mixes.closed(rest) >> group & 1 and judge(mixes.closed(rest)) == "bad":
            groups = rest
    return groups


def _enough(judge: Callable[[int], Judged], mixes: Mixes, weights: Callable[[int], float], top: int) -> int | None:
    """Change groups inside the bad mix ``top`` that suffice to make OLD bad."""
    groups = 0
    while groups.bit_count() < TUNING.most_culprits:
        base = mixes.closed(groups)
        if groups and judge(base) == "bad":
            return _least(judge, mixes, groups)
        if base == top:
            return None
        tipping, top = _boundary(judge, mixes, weights, base, top)
        if tipping is None or groups | tipping == groups:
            return None
        groups |= tipping
    return None


def _boundary(
    judge: Callable[[int], Judged], mixes: Mixes, weights: Callable[[int], float], low: int, high: int
) -> tuple[int | None, int]:
    """(the change group that makes ``low`` bad inside ``high``, the smallest bad mix around it)."""
    while True:
        steps = _between(mixes, weights, low, high)
        middle = (high & ~low).bit_count() / 2
        for mix in sorted(steps, key=lambda mix: (abs((mix & ~low).bit_count() - middle), mix)):
            state = judge(mix)
            if state == "failed":
                continue
            low, high = (low, mix) if state == "bad" else (mix, high)
            break
        else:
            gap = high & ~low
            return (gap if gap.bit_count() == 1 else None), high


def _scrambled(turn: int, group: int) -> float:
    return (group + 1) * _GOLDEN * turn % 1


def _between(mixes: Mixes, weights: Callable[[int], float], low: int, high: int) -> list[int]:
    """Mixes between two: with the largest weights first, the smallest first, and in a few other orders."""
    orders: list[Callable[[int], float]] = [
        lambda group: -weights(group) + group * 1e-9,
        lambda group: weights(group) - group * 1e-9,
    ]
    orders += [partial(_scrambled, turn) for turn in range(1, _ORDERS)]
    between = dict.fromkeys(mix for order in orders for mix in mixes.chain(low, high, order))
    return [mix for mix in between if mix not in (low, high)]
