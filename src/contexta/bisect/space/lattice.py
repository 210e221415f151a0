"""The lattice of mixes: sets of change groups at NEW that can exist.

A change group is given by its number. A mix is an int whose bit ``i`` is set if group ``i`` is at NEW: 0 is OLD,
``Mixes.full`` is NEW. Every rule reads "a at NEW needs b at NEW", so the mixes that can exist are the sets closed under
the rules. Closed sets are closed under union and intersection (a distributive lattice). So no method searches or
backtracks.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Mixes:
    """The mixes of ``count`` groups."""

    count: int
    needs: tuple[int, ...]
    """For each group: itself and everything that it needs, as a mix."""
    needed_by: tuple[int, ...]
    """For each group: itself and everything that needs it, as a mix."""

    @classmethod
    def of(cls, count: int, rules: Iterable[tuple[int, int]] = ()) -> Mixes:
        """rules: (a, b) for "a at NEW needs b at NEW", in any order. O(count * rules)."""
        needs = closure(count, rules)
        needed_by = [mix_of(a for a in range(count) if needs[a] >> group & 1) for group in range(count)]
        return cls(count, tuple(needs), tuple(needed_by))

    def ruled(self, rules: Collection[tuple[int, int]]) -> Mixes:
        """The same groups under further rules, which may be circular."""
        if not rules:
            return self
        current = [(a, b) for a in range(self.count) for b in groups_of(self.needs[a] & ~(1 << a))]
        return Mixes.of(self.count, [*current, *rules])

    def inseparable(self, group: int) -> int:
        """The group and those that are at NEW in exactly the same mixes, as a mix."""
        return self.needs[group] & self.needed_by[group]

    @property
    def full(self) -> int:
        """NEW itself."""
        return (1 << self.count) - 1

    def closed(self, groups: int) -> int:
        """The smallest mix with these groups at NEW."""
        return _union(self.needs, groups)

    def without(self, mix: int, groups: int) -> int:
        """The largest mix inside ``mix`` with these groups at OLD."""
        return mix & ~_union(self.needed_by, groups)

    def can_exist(self, mix: int) -> bool:
        return self.closed(mix) == mix

    def comparable(self, group: int, other: int) -> bool:
        """Whether one of two groups needs the other."""
        return bool(self.needs[group] >> other & 1 or self.needs[other] >> group & 1)

    def chain(self, low: int, high: int, key: Callable[[int], float]) -> list[int]:
        """The mixes from ``low`` to ``high``, one group a step: small keys first where the rules allow it.

        low, high: mixes that can exist, low inside high.
        """
        mix, steps = low, [low]
        for group in sorted(groups_of(high & ~low), key=key):
            for needed in self._in_order(self.needs[group] & ~mix):
                mix |= 1 << needed
                steps.append(mix)
        return steps

    def _in_order(self, groups: int) -> list[int]:
        """The groups, each after those that it needs."""
        return sorted(groups_of(groups), key=lambda group: self.needs[group].bit_count())


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


def mix_of(groups: Iterable[int]) -> int:
    mix = 0
    for group in groups:
        mix |= 1 << group
    return mix


def groups_of(mix: int) -> Iterator[int]:
    """The groups at NEW, in order."""
    group = 0
    while mix:
        if mix & 1:
            yield group
        mix >>= 1
        group += 1


def _union(table: Sequence[int], groups: int) -> int:
    union = 0
    for group in groups_of(groups):
        union |= table[group]
    return union
