"""What failed mixes teach: a mix that does not build, import or run is never bad, but it says which to avoid.

The usual reason is a rule that no metadata states: this package at NEW dies beside that one at OLD (a wheel compiled
against another ABI). So every pair (one at NEW, the other at OLD) of a failed mix is suspect, unless some mix had the
same pair and ran. A mix is as risky as the suspect pairs in it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from contexta.bisect.mixes import atoms_of

_ROUNDS = 12  # of expectation and maximisation (Dempster et al. 1977): few pairs come to explain many failures
_RULE, _OFTEN = 0.6, 3  # how sure, after how many failures, a suspect pair is taken for a rule
_SURE = 0.9  # one failure may have any reason, even where only one pair is left to suspect


@dataclass(frozen=True)
class Risk:
    """suspects[(a, b)]: how likely "a at NEW dies beside b at OLD"; failed: the mixes known to fail."""

    suspects: dict[tuple[int, int], float]
    failed: frozenset[int]

    def of(self, mix: int) -> float:
        """The chance that a mix fails, 0..1; 1 for one that did."""
        if mix in self.failed:
            return 1.0
        survives = 1.0
        for (one, other), chance in self.suspects.items():
            if mix >> one & 1 and not mix >> other & 1:
                survives *= 1 - chance
        return 1 - survives

    @property
    def rules(self) -> tuple[tuple[int, int], ...]:
        """(a, b) where a at NEW failed beside b at OLD so often that it is taken for a rule: a needs b."""
        return tuple(
            pair for pair, chance in self.suspects.items() if chance > _RULE and self.failures_of(*pair) >= _OFTEN
        )

    def failures_of(self, one: int, other: int) -> int:
        """How many mixes failed with ``one`` at NEW and ``other`` at OLD."""
        return sum(mix >> one & 1 and not mix >> other & 1 for mix in self.failed)


def learn(count: int, failed: Collection[int], ran: Iterable[int]) -> Risk:
    """count: atoms in all. failed, ran: the mixes tried so far, by how they ended. O(count^2 * failed)."""
    everything = (1 << count) - 1
    cleared = [0] * count  # per atom: the atoms that were at OLD beside it at NEW in a mix that ran
    for mix in ran:
        for atom in atoms_of(mix):
            cleared[atom] |= everything & ~mix
    pairs_of = {
        mix: [(a, b) for a in atoms_of(mix) for b in atoms_of(everything & ~mix & ~cleared[a])] for mix in failed
    }
    seen = Counter(pair for pairs in pairs_of.values() for pair in pairs)
    blame = dict.fromkeys(seen, 1.0)
    for _ in range(_ROUNDS):
        share: dict[tuple[int, int], float] = dict.fromkeys(seen, 0.0)
        for pairs in pairs_of.values():
            total = sum(blame[pair] for pair in pairs)
            for pair in pairs:
                share[pair] += blame[pair] / total
        blame = share
    suspects = {pair: min(_SURE, blame[pair] / many) for pair, many in seen.items()}
    return Risk(suspects, frozenset(failed))
