"""Delta debugging: a minimal set of changes, if no single change and no pair explains the trials.

Written against ``judge(mix)``, which either knows a mix's state or raises ``Unknown`` to have it run: so the code
below reads as if every answer were there at once, and is simply called again after each trial.

The method is iterative delta debugging (Zeller and Hildebrandt 2002; the chain form of Zeller 2009, "dd+") over
mixes that can exist: between a mix that is not bad and a larger one that is, halve until one atom tips it. That atom
belongs to the cause in this context. Fix it at NEW and ask what else it takes. About r * log2(k) mixes for r causes
among k atoms; a mix that fails is stepped around. Atoms that are known to suffice by themselves come first.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Literal

from contexta.bisect.inference.tuning import TUNING
from contexta.bisect.space.lattice import Mixes, atoms_of

Judged = Literal["good", "bad", "between", "failed"]
_GOLDEN, _ORDERS = 0.6180339887498949, 7  # multiples of the golden ratio modulo 1 are spread evenly, without chance


class Unknown(Exception):
    """The state of ``mix`` is not known yet: run it."""

    def __init__(self, mix: int) -> None:
        super().__init__(f"mix {mix:b} has not been judged")
        self.mix = mix


def minimal_cause(judge: Callable[[int], Judged], mixes: Mixes, weights: Callable[[int], float]) -> int | None:
    """A smallest-by-inclusion set of atoms that makes OLD bad, and whose removal makes NEW good.

    weights: suspicion per atom; heavier atoms are moved first. None when failing mixes hide it.
    Raises Unknown for the next mix to run.
    """
    found = _known_to_suffice(judge, mixes) or _enough(judge, mixes, weights, mixes.full)
    while found is not None and found.bit_count() < TUNING.most_culprits:
        rest = mixes.without(mixes.full, found)
        if rest == 0 or judge(rest) != "bad":
            return found
        more = _enough(judge, mixes, weights, rest)  # another cause does it alone too
        found = None if more is None else found | more
    return found


def _known_to_suffice(judge: Callable[[int], Judged], mixes: Mixes) -> int:
    """The atoms each of which is known already to make OLD bad by itself: what it needs is good without it."""

    def known(mix: int) -> Judged | None:
        try:
            return judge(mix)
        except Unknown:
            return None

    found = 0
    for atom in range(mixes.count):
        alone = mixes.closed(1 << atom)
        beside = mixes.without(alone, 1 << atom)
        if alone != mixes.full and known(alone) == "bad" and (beside == 0 or known(beside) == "good"):
            found |= 1 << atom
    return found


def _least(judge: Callable[[int], Judged], mixes: Mixes, found: int) -> int:
    """``found`` without the atoms that it is bad without: failing mixes may have let them in."""
    for atom in atoms_of(found):
        rest = found & ~(1 << atom)
        if rest and not mixes.closed(rest) >> atom & 1 and judge(mixes.closed(rest)) == "bad":
            found = rest
    return found


def _enough(judge: Callable[[int], Judged], mixes: Mixes, weights: Callable[[int], float], top: int) -> int | None:
    """Atoms inside the bad mix ``top`` that suffice to make OLD bad."""
    found = 0
    while found.bit_count() < TUNING.most_culprits:
        base = mixes.closed(found)
        if found and judge(base) == "bad":
            return _least(judge, mixes, found)
        if base == top:
            return None
        tipping, top = _boundary(judge, mixes, weights, base, top)
        if tipping is None or found | tipping == found:
            return None
        found |= tipping
    return None


def _boundary(
    judge: Callable[[int], Judged], mixes: Mixes, weights: Callable[[int], float], low: int, high: int
) -> tuple[int | None, int]:
    """(the atom that tips ``low`` into bad inside ``high``, the smallest bad mix found around it)."""
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


def _scrambled(turn: int, atom: int) -> float:
    return (atom + 1) * _GOLDEN * turn % 1


def _between(mixes: Mixes, weights: Callable[[int], float], low: int, high: int) -> list[int]:
    """Mixes between two: along the heaviest first, the lightest first, and a few orders unlike either."""
    orders: list[Callable[[int], float]] = [
        lambda atom: -weights(atom) + atom * 1e-9,
        lambda atom: weights(atom) - atom * 1e-9,
    ]
    orders += [partial(_scrambled, turn) for turn in range(1, _ORDERS)]
    found = dict.fromkeys(mix for order in orders for mix in mixes.chain(low, high, order))
    return [mix for mix in found if mix not in (low, high)]
