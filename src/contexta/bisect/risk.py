"""What failed mixes teach: a mix that does not build, import or run is never bad, but it says which to avoid.

The usual reason is a rule that no metadata states: this package at NEW dies beside that one at OLD (a wheel compiled
against another ABI). So every pair (one at NEW, the other at OLD) of a failed mix is suspect, unless some mix had the
same pair and ran. A mix is as risky as the suspect pairs in it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from contexta.bisect.mixes import atoms_of

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
    seen: dict[tuple[int, int], int] = {}
    for pairs in pairs_of.values():
        for pair in pairs:
            seen[pair] = seen.get(pair, 0) + 1
    suspects: dict[tuple[int, int], float] = {}
    for pairs in pairs_of.values():
        total = sum(seen[pair] for pair in pairs)
        for pair in pairs:
            suspects[pair] = max(suspects.get(pair, 0.0), min(_SURE, seen[pair] / total))
    return Risk(suspects, frozenset(failed))
