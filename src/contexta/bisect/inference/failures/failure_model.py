"""Estimate which mixes fail. A mix that does not build, import or run is never bad, but shows which mixes to avoid.

The usual reason is a rule that no metadata states: this package at NEW fails with that one at OLD (a wheel compiled
against another ABI). So every pair (one at NEW, the other at OLD) in a failed mix is suspect, unless a mix with the
same pair ran. Or the mix fails for a reason of its own, which says nothing about other mixes; the rate of such failures
is estimated as well. The risk of a mix follows from its suspect pairs and from this rate. Pairs with the same failures
are equally suspect and form one entry: a failure among 300 changes suspects 20 000 pairs in a few entries.

Or many changes run only together, and no metadata says so. Then hardly any mix in the middle runs, but those close to
an endpoint do. So several failures without a success raise the risk of the mixes in the middle.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from contexta.bisect.space.lattice import groups_of
from contexta.bisect.tuning import TUNING


@dataclass(frozen=True)
class Suspects:
    """Pairs of change groups with the same failures."""

    partners: dict[int, int]
    """Change group at NEW -> the groups at OLD that it may fail with, as a mix."""
    chance: float
    """The probability that one of these pairs is incompatible."""
    failures: int
    """The number of failed mixes with such a pair."""

    @property
    def pairs(self) -> Iterator[tuple[int, int]]:
        return ((group, other) for group, others in self.partners.items() for other in groups_of(others))


@dataclass(frozen=True)
class Risk:
    """The failures so far, and the risk of untested mixes."""

    suspects: tuple[Suspects, ...]
    failed: frozenset[int]
    ran: frozenset[int] = frozenset()
    itself: float = 0.0
    """The probability that a mix fails for a reason of its own, once one failed."""
    count: int = 0
    """The number of change groups."""
    blocks: tuple[tuple[int, float], ...] = ()
    """(number of groups that run only together, its probability); () while there is no sign of that."""

    def of(self, mix: int) -> float:
        """The probability that a mix fails; 1 for one that failed."""
        if mix in self.failed:
            return 1.0
        if mix in self.ran:
            return 0.0
        log_runs = math.log1p(-self.itself)
        if self.blocks:
            whole = sum(chance * _whole(size, mix, self.count) for size, chance in self.blocks)
            log_runs += math.log(1 - sum(chance for _, chance in self.blocks) + whole)
        for suspects in self.suspects:
            pairs = sum((others & ~mix).bit_count() for group, others in suspects.partners.items() if mix >> group & 1)
            # of equally suspect pairs, usually one is incompatible
            log_runs += math.log1p(-min(TUNING.most_failure_probability, pairs * suspects.chance))
        return -math.expm1(log_runs)

    @property
    def rules(self) -> tuple[tuple[int, int], ...]:
        """(a, b) if a at NEW failed with b at OLD so often that "a needs b" counts as a rule."""
        certain = (
            suspects
            for suspects in self.suspects
            if suspects.chance > TUNING.rule_confidence and suspects.failures >= TUNING.rule_failures
        )
        return tuple(pair for suspects in certain for pair in suspects.pairs)

    def failures_of(self, group: int, other: int) -> int:
        """The number of failed mixes with ``group`` at NEW and ``other`` at OLD."""
        return sum(mix >> group & 1 and not mix >> other & 1 for mix in self.failed)


def learn(count: int, failed: Iterable[int], ran: Iterable[int]) -> Risk:
    """The risk of mixes of ``count`` change groups. O(count * failures) as a rule.

    The blame for each failure is divided between its pairs and the mix itself, in proportion to what the other failures
    suggest, until the shares converge. So a single failure stays in doubt, and a pair in several failures comes to
    explain them.
    """
    mixes, alive = tuple(failed), tuple(ran)
    pairs = _pairs_by_failures(count, mixes, alive)
    sizes = {key: sum(map(int.bit_count, partners.values())) for key, partners in pairs.items()}
    prior = TUNING.failing_pairs / max(1, count * (count - 1))
    blame = [{key: 0.0 for key in pairs if key >> number & 1} for number in range(len(mixes))]
    itself = [0.0] * len(mixes)
    total = dict.fromkeys(pairs, 0.0)
    trials = TUNING.prior_failed + TUNING.prior_ran + len(alive) + len(mixes)
    for _ in range(TUNING.failure_rounds):
        for number, shares in enumerate(blame):
            weights = {key: sizes[key] * prior + total[key] - share for key, share in shares.items()}
            alone = (TUNING.prior_failed + sum(itself) - itself[number]) / (trials - 1)
            whole = alone + sum(weights.values())
            itself[number] = alone / whole
            for key, weight in weights.items():
                total[key] += weight / whole - shares[key]
                shares[key] = weight / whole
    suspects = (
        Suspects(partners, min(TUNING.most_certain_failure, total[key] / sizes[key] / key.bit_count()), key.bit_count())
        for key, partners in pairs.items()
    )
    rate = (TUNING.prior_failed + sum(itself)) / trials if mixes else 0.0
    return Risk(tuple(suspects), frozenset(mixes), frozenset(alive), rate, count, _blocks(count, mixes, alive))


def _blocks(count: int, failed: tuple[int, ...], ran: tuple[int, ...]) -> tuple[tuple[int, float], ...]:
    """(size, probability) of a block of groups that run only together, by Bayes' rule; () after few failures."""
    if len(failed) < TUNING.block_failures:
        return ()
    sizes = [size for size in TUNING.block_sizes if size <= count]
    weights = [TUNING.prior_no_block * TUNING.failure_rate_without_block ** len(failed)]
    weights[0] *= (1 - TUNING.failure_rate_without_block) ** sum(mix not in (0, (1 << count) - 1) for mix in ran)
    for size in sizes:
        split = math.prod(1 - _whole(size, mix, count) for mix in failed)
        weights.append(
            (1 - TUNING.prior_no_block) / len(sizes) * split * math.prod(_whole(size, mix, count) for mix in ran)
        )
    return tuple(zip(sizes, (weight / sum(weights) for weight in weights[1:]), strict=True))


def _whole(size: int, mix: int, count: int) -> float:
    """The probability that a mix contains all or nothing of an unknown block of this size."""
    share = min(max(mix.bit_count() / count, 0.0), 1.0)
    return min(0.999, share**size + (1 - share) ** size) if 0 < share < 1 else 1.0


def _pairs_by_failures(count: int, failed: tuple[int, ...], ran: Iterable[int]) -> dict[int, dict[int, int]]:
    """The failures of a pair, as bits in their order -> the pairs with just these, as in ``Suspects.partners``."""
    everything = (1 << count) - 1
    cleared = [0] * count  # per group: the groups that were at OLD in a mix that ran with it at NEW
    for mix in ran:
        for group in groups_of(mix):
            cleared[group] |= everything & ~mix
    pairs: dict[int, dict[int, int]] = {}
    for group in range(count):
        split = {0: everything & ~cleared[group]}
        for number, mix in enumerate(failed):
            if mix >> group & 1:
                split = {
                    failures | is_split << number: part
                    for failures, others in split.items()
                    for is_split, part in ((0, others & mix), (1, others & ~mix))
                    if part
                }
        for failures, others in split.items():
            if failures:
                pairs.setdefault(failures, {})[group] = others
    return pairs
