"""Find mixes with identical values, and infer from them which changes perturb the random number generator.

If values repeat, the value of a mix at a seed depends on two things only: on its level, and on the RNG-perturbing
changes in it, harmless ones after which a training draws different random numbers (10 of 414 that were tried). So two
mixes with the same value at the same seed agree in both, and two with different values differ in one of them. This
holds without any noise, and says much more than the sizes of the values do.

A hypothesis says which pairs of mixes differ in their level. ``Ties.log_likelihood`` compares that with the pairs that
are tied or not, summed over the sets of RNG-perturbing changes that explain them.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from functools import cached_property
from itertools import combinations

from contexta.bisect.inference.mix_evidence import MixEvidence
from contexta.bisect.space.lattice import Mixes
from contexta.bisect.tuning import TUNING


class Ties:
    """The pairs of mixes that ran at the same seed, as bits. OLD and NEW are among the mixes."""

    def __init__(self, evidence: MixEvidence, mixes: Mixes) -> None:
        self._evidence = evidence
        self._columns = (*evidence.observations.probed, 0, mixes.full)
        self._groups = mixes.count
        equal, different = self._pairs()
        # pairs that differ in few changes come first: few sets of RNG-perturbing changes explain them
        self._pairs_seen = sorted({*equal, *different}, key=lambda pair: ((pair[0] ^ pair[1]).bit_count(), pair))
        is_different = set(different)
        ties = [equal.count(pair) for pair in self._pairs_seen]
        self._equal = [_bits(count > layer for count in ties) for layer in range(max(ties, default=0))]
        self._different = _bits(pair in is_different for pair in self._pairs_seen)
        self._likelihoods: dict[int, tuple[float, float]] = {}
        self._costs: dict[int, tuple[float, int]] = {}
        self._of_pair: dict[int, list[tuple[float, int, int]]] = {}

    def _pairs(self) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
        """(pairs with the same value at every seed, pairs with different ones); of several ties, each with the first.

        A pair with the same value at one seed only differs in a change that acts at some seeds.
        """
        equal, different = [], []
        for column in self._evidence.observations.by_seed:
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
        """The pairs with one mix in ``together`` and one outside, as bits."""
        inside = set(together)
        return _bits((first in inside) != (second in inside) for first, second in self._pairs_seen)

    def separated_by(self, bits: int) -> int:
        """The same for NEW and the mixes of these bits, in the order of ``ObservedTrials.probed``."""
        pairs = self._of_new
        for number, of_column in enumerate(self._of_column):
            if bits >> number & 1:
                pairs ^= of_column
        return pairs

    @cached_property
    def _of_column(self) -> list[int]:
        return [self._with(mix) for mix in self._evidence.observations.probed]

    @cached_property
    def _of_new(self) -> int:
        return self._with(self._columns[-1])

    def _with(self, mix: int) -> int:
        return _bits(mix in pair for pair in self._pairs_seen)

    def log_likelihood(self, separated: int, floor: float = -math.inf) -> float:
        """Of the ties and differences if exactly these pairs differ in their level; 0 if values do not repeat.

        floor: below it, an upper bound that is not above the floor may be returned instead.
        """
        if not self._pairs_seen:
            return 0.0
        likelihood, exact_above = self._likelihoods.get(separated, (0.0, math.inf))
        if exact_above > floor and not likelihood > exact_above:
            likelihood = self._summed(separated, floor)
            self._likelihoods[separated] = likelihood, floor
        return likelihood

    def at_most(self, separated: int) -> float:
        """An upper bound of ``log_likelihood``: the cost of the ties between mixes at different levels."""
        return -self._by_chance(separated) + TUNING.most_gained_by_many_sets

    @cached_property
    def log_likelihood_of_none(self) -> float:
        """The log likelihood if no mix is bad, so RNG-perturbing changes have to explain every difference."""
        return self._summed(0, -math.inf, TUNING.unexplained_difference_without_cause) if self._pairs_seen else 0.0

    @property
    def log_prior_of_perturbing(self) -> float:
        """The log probability, before any trial, that at least one change perturbs the random numbers."""
        return math.log(-math.expm1(self._groups * math.log1p(-TUNING.rng_perturbing_share)))

    @property
    def best(self) -> float:
        """The highest log likelihood computed so far; 0 before that."""
        return max((likelihood for likelihood, _ in self._likelihoods.values()), default=0.0)

    def _summed(self, separated: int, floor: float, contradiction: float = TUNING.unexplained_difference) -> float:
        """The sum over the sets of RNG-perturbing changes that explain the differences, depth first.

        The next unexplained difference is explained by one of the possible changes, or stays a contradiction. So the
        sets grow difference by difference; differences with few possible changes come first. Each choice excludes the
        changes of the choices before it, so no set occurs twice.
        """
        chance = self._by_chance(separated)
        if chance > TUNING.hopeless_set or -chance < floor:
            return -chance
        terms: list[float] = []
        best, least = -math.inf, floor
        open_sets = [(-chance, 0.0, self._different & ~separated, separated, 0)]
        for _ in range(TUNING.most_perturbing_sets):
            if not open_sets:
                break
            likelihood, prior, unexplained, apart, without = open_sets.pop()
            if likelihood < least:
                continue
            if not unexplained:
                terms.append(likelihood)
                best = max(best, likelihood)
                least = max(floor, best - TUNING.negligible_set)
                continue
            pair = unexplained & -unexplained
            left_over = unexplained & ~pair
            choices = [(likelihood - contradiction, prior - contradiction, left_over, apart, without)]
            for odds, mask, others in self._explaining(pair):
                prior_with = prior + odds
                # an upper bound: separated pairs cost nothing more, and the others cost at least one change
                if prior_with - chance < least:
                    break
                if without & others:
                    continue
                without |= others
                left_over = unexplained & ~mask
                bound = prior_with - self._by_chance(apart | mask)
                if bound + self._at_best(left_over) >= least:
                    choices.append((bound, prior_with, left_over, apart | mask, without))
            open_sets += sorted(choices)
        terms += [likelihood + self._at_best(unexplained) for likelihood, _, unexplained, _, _ in open_sets]
        if not terms:
            return max(-TUNING.hopeless_set, floor)
        best = max(terms)
        return best + math.log(sum(math.exp(term - best) for term in terms))

    def _explaining(self, pair: int) -> list[tuple[float, int, int]]:
        """(log prior odds, pairs that it separates, itself as a bit) of each possible RNG-perturbing change that
        separates a pair, the most probable first."""
        if pair not in self._of_pair:
            self._of_pair[pair] = [
                (odds, mask, 1 << number) for number, (odds, mask) in enumerate(self._perturbing) if mask & pair
            ]
        return self._of_pair[pair]

    def _at_best(self, unexplained: int) -> float:
        """An upper bound of the log prior of explaining these pairs: pairs without a common change cost one each."""
        bound = 0.0
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
            bound += cost
            unexplained &= left
        return bound

    def _by_chance(self, separated: int) -> float:
        """The cost of the identical values of pairs at different levels."""
        ties = sum((layer & separated).bit_count() for layer in self._equal)
        return self._evidence.values.identical * ties

    @cached_property
    def _perturbing(self) -> list[tuple[float, int]]:
        """(log prior odds, pairs that it separates) of each change that may perturb the random numbers.

        Changes on the same side in all mixes count as one.
        """
        counts: dict[int, int] = {}
        for group in range(self._groups):
            mask = self.separated(mix for mix in self._columns if mix >> group & 1)
            counts[mask] = counts.get(mask, 0) + 1
        odds = math.log(TUNING.rng_perturbing_share / (1 - TUNING.rng_perturbing_share))
        possible = {mask: count for mask, count in counts.items() if self._by_chance(mask) <= TUNING.hopeless_set / 2}
        return sorted(((math.log(count) + odds, mask) for mask, count in possible.items()), reverse=True)


def _bits(flags: Iterable[bool]) -> int:
    return sum(1 << number for number, flag in enumerate(flags) if flag)
