"""Find mixes with identical values, and infer from them which changes perturb the random number generator.

Where values repeat, a mix's value at a seed depends on two things only: how bad the mix is, and which *stirring*
changes are in it: harmless ones that make the random numbers come out otherwise (a measured 10 of 414). So two mixes
with the same value at the same seed have the same of both, and two with different values differ in one of them. That
holds without any noise, and says much more than the sizes of the values do.

A hypothesis says which pairs of mixes differ in how bad they are. ``Alike.log_likelihood`` weighs that against the
pairs that are seen to be alike or not, over the sets of stirring changes that explain them.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from functools import cached_property
from itertools import combinations

from contexta.bisect.inference.observations import Readings
from contexta.bisect.inference.tuning import TUNING
from contexta.bisect.space.lattice import Mixes


class Alike:
    """The pairs of mixes that ran at one seed, as bits. OLD and NEW are among the mixes."""

    def __init__(self, readings: Readings, mixes: Mixes) -> None:
        self._readings = readings
        self._columns = (*readings.probed, 0, mixes.full)
        self._atoms = mixes.count
        equal, different = self._pairs()
        # what differs in few changes comes first: few sets of stirring changes explain it
        self._pairs_seen = sorted({*equal, *different}, key=lambda pair: ((pair[0] ^ pair[1]).bit_count(), pair))
        apart = set(different)
        times = [equal.count(pair) for pair in self._pairs_seen]
        self._equal = [_bits(many > layer for many in times) for layer in range(max(times, default=0))]
        self._different = _bits(pair in apart for pair in self._pairs_seen)
        self._known: dict[int, tuple[float, float]] = {}
        self._costs: dict[int, tuple[float, int]] = {}
        self._of_pair: dict[int, list[tuple[float, int, int]]] = {}

    def _pairs(self) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
        """(pairs with the same value at every seed, pairs with different ones); of many alike, each with the first.

        The same value at one seed and another at the next: they differ in something that acts at some seeds only.
        """
        equal, different = [], []
        for column in self._readings.by_seed:
            first: dict[float, int] = {}
            for mix in self._columns:
                if mix in column:
                    if column[mix] in first:
                        equal.append((first[column[mix]], mix))
                    else:
                        first[column[mix]] = mix
            different += list(combinations(first.values(), 2))
        apart = set(different)
        return [pair for pair in equal if pair not in apart], different

    def separated(self, together: Iterable[int]) -> int:
        """The pairs of which one mix is in ``together`` and the other is not, as bits."""
        inside = set(together)
        return _bits((one in inside) != (other in inside) for one, other in self._pairs_seen)

    def separated_by(self, bits: int) -> int:
        """The same, the mixes given as bits in the order of ``Readings.probed``; NEW is always among them, OLD not."""
        found = self._of_new
        for number, of_column in enumerate(self._of_column):
            if bits >> number & 1:
                found ^= of_column
        return found

    @cached_property
    def _of_column(self) -> list[int]:
        return [self._with(mix) for mix in self._readings.probed]

    @cached_property
    def _of_new(self) -> int:
        return self._with(self._columns[-1])

    def _with(self, mix: int) -> int:
        return _bits(mix in pair for pair in self._pairs_seen)

    def log_likelihood(self, separated: int, floor: float = -math.inf) -> float:
        """Of what was seen alike and not, were exactly these pairs differently bad. 0 where values do not repeat.

        floor: where the value is below it, an upper bound no higher than the floor may be returned instead.
        """
        if not self._pairs_seen:
            return 0.0
        found, above = self._known.get(separated, (0.0, math.inf))
        if above > floor and not found > above:
            found = self._summed(separated, floor)
            self._known[separated] = found, floor
        return found

    def at_most(self, separated: int) -> float:
        """An upper bound of ``log_likelihood``: what it costs that pairs which differ have the same value."""
        return -self._by_chance(separated) + TUNING.most_gained_by_many_sets

    @cached_property
    def log_likelihood_of_none(self) -> float:
        """The log likelihood if no mix is bad, so RNG-perturbing changes have to explain every difference."""
        return self._summed(0, -math.inf, TUNING.unexplained_difference_without_cause) if self._pairs_seen else 0.0

    @property
    def log_some_stir(self) -> float:
        """The log probability, before any trial, that at least one change stirs."""
        return math.log(-math.expm1(self._atoms * math.log1p(-TUNING.rng_perturbing_share)))

    @property
    def best(self) -> float:
        """The log likelihood of the best of all that was asked about; 0 before that."""
        return max((found for found, _ in self._known.values()), default=0.0)

    def _summed(self, separated: int, floor: float, contradiction: float = TUNING.unexplained_difference) -> float:
        """Over the sets of stirring changes that explain the differences, each of them once, depth first.

        A difference that nothing explains yet is explained by one of the changes that would, or stays a contradiction:
        so the sets grow difference by difference, those first that few changes explain. Which changes came before in a
        choice is kept, and the later ones do without them, so no set is met twice.
        """
        chance = self._by_chance(separated)
        if chance > TUNING.hopeless_set or -chance < floor:
            return -chance
        found: list[float] = []
        best, least = -math.inf, floor
        open_sets = [(-chance, 0.0, self._different & ~separated, separated, 0)]
        for _ in range(TUNING.most_perturbing_sets):
            if not open_sets:
                break
            likelihood, prior, unexplained, apart, without = open_sets.pop()
            if likelihood < least:
                continue
            if not unexplained:
                found.append(likelihood)
                best = max(best, likelihood)
                least = max(floor, best - TUNING.negligible_set)
                continue
            pair = unexplained & -unexplained
            left_over = unexplained & ~pair
            choices = [(likelihood - contradiction, prior - contradiction, left_over, apart, without)]
            for odds, mask, others in self._explaining(pair):
                then = prior + odds
                # what is separated costs nothing more and what is left costs a change at least: an upper bound
                if then - chance < least:
                    break
                if without & others:
                    continue
                without |= others
                left_over = unexplained & ~mask
                worth = then - self._by_chance(apart | mask)
                if worth + self._at_best(left_over) >= least:
                    choices.append((worth, then, left_over, apart | mask, without))
            open_sets += sorted(choices)
        found += [worth + self._at_best(unexplained) for worth, _, unexplained, _, _ in open_sets]
        if not found:
            return max(-TUNING.hopeless_set, floor)
        best = max(found)
        return best + math.log(sum(math.exp(value - best) for value in found))

    def _explaining(self, pair: int) -> list[tuple[float, int, int]]:
        """(log prior odds, pairs it separates, itself as a bit) of each stirring change that separates a pair, the
        likeliest first."""
        if pair not in self._of_pair:
            self._of_pair[pair] = [
                (odds, mask, 1 << number) for number, (odds, mask) in enumerate(self._stirring) if mask & pair
            ]
        return self._of_pair[pair]

    def _at_best(self, unexplained: int) -> float:
        """The most that explaining these pairs can leave, as a log: pairs that no one change explains cost one each."""
        found = 0.0
        while unexplained:
            pair = unexplained & -unexplained
            if pair not in self._costs:
                explaining = self._explaining(pair)
                reached = pair
                for _, mask, _ in explaining:
                    reached |= mask
                self._costs[pair] = (
                    max([-TUNING.unexplained_difference, *(odds for odds, _, _ in explaining[:1])]),
                    ~reached,
                )
            cost, left = self._costs[pair]
            found += cost
            unexplained &= left
        return found

    def _by_chance(self, separated: int) -> float:
        """What it costs that pairs which differ have the same value, each time."""
        many = 0
        for layer in self._equal:
            many += (layer & separated).bit_count()
        return self._readings.identical * many

    @cached_property
    def _stirring(self) -> list[tuple[float, int]]:
        """(log prior odds, pairs it separates) of each change that may stir; those always run together count as one."""
        groups: dict[int, int] = {}
        for atom in range(self._atoms):
            mask = self.separated(mix for mix in self._columns if mix >> atom & 1)
            groups[mask] = groups.get(mask, 0) + 1
        odds = math.log(TUNING.rng_perturbing_share / (1 - TUNING.rng_perturbing_share))
        possible = {mask: many for mask, many in groups.items() if self._by_chance(mask) <= TUNING.hopeless_set / 2}
        return sorted(((math.log(many) + odds, mask) for mask, many in possible.items()), reverse=True)


def _bits(flags: Iterable[bool]) -> int:
    return sum(1 << number for number, flag in enumerate(flags) if flag)
