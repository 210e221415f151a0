"""Estimate which mixes fail. A mix that does not build, import or run is never bad, but shows which mixes to avoid.

The usual reason is a rule that no metadata states: this package at NEW dies beside that one at OLD (a wheel compiled
against another ABI). So every pair (one at NEW, the other at OLD) of a failed mix is suspect, unless some mix had the
same pair and ran. Or the mix fails for a reason of its own, which says nothing of any other: how often that happens is
learned as well. A mix is as risky as the suspect pairs in it, and as mixes are anyway. Pairs that were in the same
failures are equally suspect, so they are kept together: a failure among 300 changes suspects 20 000 pairs in a handful
of groups.

Or many changes run only all together, and no metadata says so. Then hardly any mix in the middle runs, and those do
that are close to an end. So several failures without a success raise the risk of the mixes in the middle.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from contexta.bisect.inference.tuning import TUNING
from contexta.bisect.space.lattice import atoms_of


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
    """suspects: what may be deadly together. failed: the mixes known to fail.

    itself: the chance that a mix fails for a reason of its own, once any failed. count: atoms in all. blocks: how many
    atoms run only together, and how likely that is; () where that is not in question.
    """

    suspects: tuple[Suspects, ...]
    failed: frozenset[int]
    ran: frozenset[int] = frozenset()
    itself: float = 0.0
    count: int = 0
    blocks: tuple[tuple[int, float], ...] = ()

    def of(self, mix: int) -> float:
        """The chance that a mix fails, 0..1; 1 for one that did."""
        if mix in self.failed:
            return 1.0
        if mix in self.ran:
            return 0.0
        survives = math.log1p(-self.itself)
        if self.blocks:
            whole = sum(chance * _whole(size, mix, self.count) for size, chance in self.blocks)
            survives += math.log(1 - sum(chance for _, chance in self.blocks) + whole)
        for group in self.suspects:
            many = sum((others & ~mix).bit_count() for one, others in group.beside.items() if mix >> one & 1)
            survives += math.log1p(
                -min(TUNING.most_failure_probability, many * group.chance)
            )  # of a group, one pair is deadly as a rule
        return -math.expm1(survives)

    @property
    def rules(self) -> tuple[tuple[int, int], ...]:
        """(a, b) where a at NEW failed beside b at OLD so often that it is taken for a rule: a needs b."""
        sure = (
            group
            for group in self.suspects
            if group.chance > TUNING.rule_confidence and group.failures >= TUNING.rule_failures
        )
        return tuple(pair for group in sure for pair in group.pairs)

    def failures_of(self, one: int, other: int) -> int:
        """How many mixes failed with ``one`` at NEW and ``other`` at OLD."""
        return sum(mix >> one & 1 and not mix >> other & 1 for mix in self.failed)


def learn(count: int, failed: Iterable[int], ran: Iterable[int]) -> Risk:
    """count: atoms in all. failed, ran: the mixes tried so far, by how they ended. O(count * failures) as a rule.

    Each failure is shared out between the pairs in it and the mix itself, by what the other failures suggest, until the
    shares agree. A single failure so stays in doubt, and a pair that several share comes to explain them.
    """
    mixes, alive = tuple(failed), tuple(ran)
    groups = _groups(count, mixes, alive)
    sizes = {group: sum(map(int.bit_count, beside.values())) for group, beside in groups.items()}
    before = TUNING.failing_pairs / max(1, count * (count - 1))
    blame = [{group: 0.0 for group in groups if group >> each & 1} for each in range(len(mixes))]
    itself = [0.0] * len(mixes)
    total = dict.fromkeys(groups, 0.0)
    for _ in range(TUNING.failure_rounds):
        for each, shares in enumerate(blame):
            weights = {group: sizes[group] * before + total[group] - share for group, share in shares.items()}
            alone = (TUNING.prior_failed + sum(itself) - itself[each]) / (
                TUNING.prior_failed + TUNING.prior_ran + len(alive) + len(mixes) - 1
            )
            whole = alone + sum(weights.values())
            itself[each] = alone / whole
            for group, weight in weights.items():
                total[group] += weight / whole - shares[group]
                shares[group] = weight / whole
    return Risk(
        tuple(
            Suspects(
                beside,
                min(TUNING.most_certain_failure, total[group] / sizes[group] / group.bit_count()),
                group.bit_count(),
            )
            for group, beside in groups.items()
        ),
        frozenset(mixes),
        frozenset(alive),
        (TUNING.prior_failed + sum(itself)) / (TUNING.prior_failed + TUNING.prior_ran + len(alive) + len(mixes))
        if mixes
        else 0.0,
        count,
        _blocks(count, mixes, alive),
    )


def _blocks(count: int, failed: tuple[int, ...], ran: tuple[int, ...]) -> tuple[tuple[int, float], ...]:
    """(size, probability) of a block of atoms that run only together, by Bayes; () after few failures."""
    if len(failed) < TUNING.block_failures:
        return ()
    sizes = [size for size in TUNING.block_sizes if size <= count]
    weights = [TUNING.prior_no_block * TUNING.failure_rate_without_block ** len(failed)]
    weights[0] *= (1 - TUNING.failure_rate_without_block) ** sum(mix not in (0, (1 << count) - 1) for mix in ran)
    for size in sizes:
        died = math.prod(1 - _whole(size, mix, count) for mix in failed)
        weights.append(
            (1 - TUNING.prior_no_block) / len(sizes) * died * math.prod(_whole(size, mix, count) for mix in ran)
        )
    return tuple(zip(sizes, (weight / sum(weights) for weight in weights[1:]), strict=True))


def _whole(size: int, mix: int, count: int) -> float:
    """The chance that a mix holds all or nothing of a block of so many atoms, of which nobody knows which they are."""
    share = min(max(mix.bit_count() / count, 0.0), 1.0)
    return min(0.999, share**size + (1 - share) ** size) if 0 < share < 1 else 1.0


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
