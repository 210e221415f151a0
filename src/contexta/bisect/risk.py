"""What failed mixes teach: a mix that does not build, import or run is never bad, but it says which to avoid.

The usual reason is a rule that no metadata states: this package at NEW dies beside that one at OLD (a wheel compiled
against another ABI). So every pair (one at NEW, the other at OLD) of a failed mix is suspect, unless some mix had the
same pair and ran. A mix is as risky as the suspect pairs in it. Pairs that were in the same failures are equally
suspect, so they are kept together: a failure among 300 changes suspects 20 000 pairs in a handful of groups.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from contexta.bisect.mixes import atoms_of

_ROUNDS = 12  # of expectation and maximisation (Dempster et al. 1977): few pairs come to explain many failures
_RULE, _OFTEN = 0.6, 3  # how sure, after how many failures, a suspect pair is taken for a rule
_SURE = 0.9  # one failure may have any reason, even where only one pair is left to suspect


@dataclass(frozen=True)
class Suspects:
    """Pairs that share their failures. beside: atom at NEW -> the atoms at OLD that it may die beside, as a mix.

    chance: that one of these pairs is deadly, 0..1. failures: how many mixes with such a pair failed.
    """

    beside: dict[int, int]
    chance: float
    failures: int

    @property
    def pairs(self) -> Iterator[tuple[int, int]]:
        return ((one, other) for one, others in self.beside.items() for other in atoms_of(others))


@dataclass(frozen=True)
class Risk:
    """suspects: what may be deadly together. failed: the mixes known to fail."""

    suspects: tuple[Suspects, ...]
    failed: frozenset[int]

    def of(self, mix: int) -> float:
        """The chance that a mix fails, 0..1; 1 for one that did."""
        if mix in self.failed:
            return 1.0
        survives = 0.0
        for group in self.suspects:
            many = sum((others & ~mix).bit_count() for one, others in group.beside.items() if mix >> one & 1)
            survives += many * math.log1p(-group.chance)
        return -math.expm1(survives)

    def pairs(self, chance: float = 0.0) -> dict[tuple[int, int], float]:
        """(a, b) -> the chance, where above this one, that a at NEW dies beside b at OLD."""
        return {pair: group.chance for group in self.suspects if group.chance > chance for pair in group.pairs}

    @property
    def rules(self) -> tuple[tuple[int, int], ...]:
        """(a, b) where a at NEW failed beside b at OLD so often that it is taken for a rule: a needs b."""
        sure = (group for group in self.suspects if group.chance > _RULE and group.failures >= _OFTEN)
        return tuple(pair for group in sure for pair in group.pairs)

    def failures_of(self, one: int, other: int) -> int:
        """How many mixes failed with ``one`` at NEW and ``other`` at OLD."""
        return sum(mix >> one & 1 and not mix >> other & 1 for mix in self.failed)


def learn(count: int, failed: Iterable[int], ran: Iterable[int]) -> Risk:
    """count: atoms in all. failed, ran: the mixes tried so far, by how they ended. O(count * failures) as a rule."""
    mixes = tuple(failed)
    groups = _groups(count, mixes, ran)
    blame = {failures: float(sum(map(int.bit_count, beside.values()))) for failures, beside in groups.items()}
    sizes = dict(blame)
    for _ in range(_ROUNDS):
        share = dict.fromkeys(groups, 0.0)
        for failure in range(len(mixes)):
            inside = [failures for failures in groups if failures >> failure & 1]
            total = sum(blame[failures] for failures in inside)
            for failures in inside:
                share[failures] += blame[failures] / total
        blame = share
    return Risk(
        tuple(
            Suspects(beside, min(_SURE, blame[failures] / sizes[failures] / failures.bit_count()), failures.bit_count())
            for failures, beside in groups.items()
        ),
        frozenset(mixes),
    )


def _groups(count: int, failed: tuple[int, ...], ran: Iterable[int]) -> dict[int, dict[int, int]]:
    """The failures a pair was in, as bits by their order -> the pairs, as in ``Suspects.beside``."""
    everything = (1 << count) - 1
    cleared = [0] * count  # per atom: the atoms that were at OLD beside it at NEW in a mix that ran
    for mix in ran:
        for atom in atoms_of(mix):
            cleared[atom] |= everything & ~mix
    groups: dict[int, dict[int, int]] = {}
    for one in range(count):
        split = {0: everything & ~cleared[one]}
        for number, mix in enumerate(failed):
            if mix >> one & 1:
                split = {
                    failures | dies << number: part
                    for failures, others in split.items()
                    for dies, part in ((0, others & mix), (1, others & ~mix))
                    if part
                }
        for failures, others in split.items():
            if failures:
                groups.setdefault(failures, {})[one] = others
    return groups
