"""The lattice of mixes: sets of change groups at NEW that can exist.

An atom is the number of a change group. A mix is an int whose bit ``i`` is set if atom ``i`` is at NEW: 0 is OLD,
``Mixes.full`` is NEW. Every rule reads "a at NEW needs b at NEW", so the mixes that can exist are the sets closed under
the rules. Closed sets are closed under union and intersection (a distributive lattice). So no method searches or
backtracks.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Mixes:
    """The mixes of ``count`` atoms."""

    count: int
    needs: tuple[int, ...]
    """For each atom: itself and everything that it needs, as a mix."""
    needed_by: tuple[int, ...]
    """For each atom: itself and everything that needs it, as a mix."""

    @classmethod
    def of(cls, count: int, rules: Iterable[tuple[int, int]] = ()) -> Mixes:
        """rules: (a, b) for "a at NEW needs b at NEW", in any order. O(count * rules)."""
        needs = closure(count, rules)
        needed_by = [mix_of(a for a in range(count) if needs[a] >> atom & 1) for atom in range(count)]
        return cls(count, tuple(needs), tuple(needed_by))

    def ruled(self, rules: Collection[tuple[int, int]]) -> Mixes:
        """The same atoms under further rules, which may be circular."""
        if not rules:
            return self
        current = [(a, b) for a in range(self.count) for b in groups_of(self.needs[a] & ~(1 << a))]
        return Mixes.of(self.count, [*current, *rules])

    def inseparable(self, atom: int) -> int:
        """The atom and those that are at NEW in exactly the same mixes, as a mix."""
        return self.needs[atom] & self.needed_by[atom]

    @property
    def full(self) -> int:
        """NEW itself."""
        return (1 << self.count) - 1

    def closed(self, atoms: int) -> int:
        """The smallest mix with these atoms at NEW."""
        return _union(self.needs, atoms)

    def without(self, mix: int, atoms: int) -> int:
        """The largest mix inside ``mix`` with these atoms at OLD."""
        return mix & ~_union(self.needed_by, atoms)

    def can_exist(self, mix: int) -> bool:
        return self.closed(mix) == mix

    def comparable(self, atom: int, other: int) -> bool:
        """Whether one of two atoms needs the other."""
        return bool(self.needs[atom] >> other & 1 or self.needs[other] >> atom & 1)

    def chain(self, low: int, high: int, key: Callable[[int], float]) -> list[int]:
        """The mixes from ``low`` to ``high``, one atom a step: small keys first where the rules allow it.

        low, high: mixes that can exist, low inside high.
        """
        mix, steps = low, [low]
        for atom in sorted(groups_of(high & ~low), key=key):
            for needed in self._in_order(self.needs[atom] & ~mix):
                mix |= 1 << needed
                steps.append(mix)
        return steps

    def _in_order(self, atoms: int) -> list[int]:
        """The atoms, each after those that it needs."""
        return sorted(groups_of(atoms), key=lambda atom: self.needs[atom].bit_count())


def closure(count: int, rules: Iterable[tuple[int, int]]) -> list[int]:
    """For each of ``count`` numbers: itself and all that it needs, by chains of rules (a needs b), as bits.

    Rules may be circular. O(count * rules).
    """
    reach = [1 << number for number in range(count)]
    pairs = list(rules)
    for _ in range(count):
        before = list(reach)
        for a, b in pairs:
            reach[a] |= reach[b]
        if reach == before:
            break
    return reach


def mix_of(atoms: Iterable[int]) -> int:
    mix = 0
    for atom in atoms:
        mix |= 1 << atom
    return mix


def groups_of(mix: int) -> Iterator[int]:
    """The atoms at NEW, in order."""
    atom = 0
    while mix:
        if mix & 1:
            yield atom
        mix >>= 1
        atom += 1


def _union(table: Sequence[int], atoms: int) -> int:
    union = 0
    for atom in groups_of(atoms):
        union |= table[atom]
    return union
