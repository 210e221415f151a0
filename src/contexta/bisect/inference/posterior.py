"""The posterior: a probability for every hypothesis about the cause, given the trials.

Hypotheses: each single change group; each pair that acts only together; each pair of parts that add up; "several",
which predicts nothing about any mix; and "none". A hypothesis divides the probed mixes, so its likelihood is that of
levels (``likelihood.py``): all good values scatter around one, all bad values around another, and the two parts of a
sum are at the same distance from one as from the other. Hypotheses with the same division are equally likely, so there
are few likelihoods to compute for any number of pairs.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from operator import itemgetter

from contexta.bisect.inference.likelihood import Pool, either
from contexta.bisect.inference.mix_evidence import MixEvidence
from contexta.bisect.inference.ties import Ties
from contexta.bisect.space.lattice import Mixes, groups_of
from contexta.bisect.tuning import TUNING

_PRIOR_SINGLE = (
    1 - TUNING.prior_together - TUNING.prior_parts - TUNING.prior_several - TUNING.prior_none - TUNING.prior_two_optima
)

Row = tuple[float, ...]
Division = tuple[int, int, int]
"""The probed mixes, as bits in their order, that are bad, that hold one of two parts, and that hold the other part."""


@dataclass(frozen=True)
class Posterior:
    """Probabilities that sum to 1."""

    singles: Row
    """Per change group."""
    together: tuple[Row, ...]
    """Per pair of groups that act only together; symmetric."""
    parts: tuple[Row, ...]
    """Per pair of groups that each cause a part; symmetric."""
    several: float
    none: float

    def leader(self, inseparable: Callable[[int], int] = lambda group: 1 << group) -> tuple[int, float]:
        """(the groups of the most probable single or pair, as a mix; its probability).

        inseparable: group -> itself and those that no mix separates from it; they lead as one unit.
        """
        units = list(dict.fromkeys(map(inseparable, range(len(self.singles)))))
        members = [tuple(groups_of(unit)) for unit in units]
        leader, probability = 0, -1.0
        for number, unit in enumerate(units):
            alone = sum(self.singles[group] for group in members[number])
            if alone > probability:
                leader, probability = unit, alone
            for other in range(number):
                both = sum(self.pair(a, b) for a in members[number] for b in members[other])
                if both > probability:
                    leader, probability = unit | units[other], both
        return leader, probability

    def pair(self, group: int, other: int) -> float:
        """The probability that these two are the cause, together or as parts."""
        return self.together[group][other] + self.parts[group][other]

    def with_parts_of(self, leader: int) -> float:
        """The probability that the leader, a single unit, causes only a part of the drop; 0 for a pair."""
        groups = list(groups_of(leader))
        if len(groups) > 1 and any(self.pair(a, b) > 0 for a in groups for b in groups):
            return 0.0
        return sum(sum(self.parts[group]) for group in groups)

    def apart_from_parts_of(self, leader: int) -> Posterior:
        """The posterior on condition that the leader causes all of the drop or nothing of it.

        The posterior itself if that is impossible.
        """
        left = 1 - self.with_parts_of(leader)
        if not 0 < left < 1:
            return self
        parts = tuple(
            tuple(0.0 if (leader >> group | leader >> other) & 1 else p / left for other, p in enumerate(row))
            for group, row in enumerate(self.parts)
        )
        return Posterior(
            singles=tuple(p / left for p in self.singles),
            together=tuple(tuple(p / left for p in row) for row in self.together),
            parts=parts,
            several=self.several / left,
            none=self.none / left,
        )

    @cached_property
    def marginals(self) -> Row:
        """The probability of each group to be one of the causes."""
        return tuple(
            single + sum(together) + sum(parts)
            for single, together, parts in zip(self.singles, self.together, self.parts, strict=True)
        )

    def outcome_probabilities(self, steps: Sequence[int]) -> list[tuple[float, float]]:
        """For each mix of a growing chain: the probability that it is (bad, a part), if one or two groups are the
        cause."""
        total = 1 - self.several - self.none
        if total <= 0:
            return [(0.5, 0.0)] * len(steps)
        groups: list[int] = []
        bad, part, before, probabilities = 0.0, 0.0, 0, []
        for mix in steps:
            added = mix & ~before
            while added:
                group = (added & -added).bit_length() - 1
                added &= added - 1
                parts, together = self.parts[group], self.together[group]
                sums = sum(parts[other] for other in groups)
                bad += self.singles[group] + sum(together[other] for other in groups) + sums
                part += self._in_parts[group] - 2 * sums
                groups.append(group)
            before = mix
            probabilities.append((min(1.0, bad / total), min(1.0, max(0.0, part / total))))
        return probabilities

    @cached_property
    def _in_parts(self) -> Row:
        return tuple(map(sum, self.parts))


def infer_posterior(evidence: MixEvidence, mixes: Mixes, weights: Sequence[float]) -> Posterior:
    """The posterior after the trials. O(count^2 * trials).

    weights: the prior of each change group, > 0, in any unit.
    """
    total = sum(weights)
    prior = [weight / total for weight in weights]
    probed = list(enumerate(evidence.observations.probed))
    signatures = [sum(1 << number for number, mix in probed if mix >> group & 1) for group in range(mixes.count)]
    likelihoods = _Likelihoods(evidence, Ties(evidence, mixes))
    likelihoods.compute(_divisions(signatures, mixes, prior))
    log_single, log_pair = math.log(_PRIOR_SINGLE), math.log(_pair_normalisation(prior))
    logs = [math.log(p) for p in prior]
    singles = [log_single + logs[group] + likelihoods.bad(signatures[group]) for group in range(mixes.count)]
    together, parts = ([[-math.inf] * mixes.count for _ in prior] for _ in range(2))
    for group in range(mixes.count):
        for other in range(group):
            if mixes.comparable(group, other):
                continue  # if one needs the other, the pair is the single that needs: no hypothesis of its own
            log_prior, a, b = log_pair + logs[group] + logs[other], signatures[group], signatures[other]
            together[group][other] = together[other][group] = (
                math.log(TUNING.prior_together) + log_prior + likelihoods.bad(a & b)
            )
            parts[group][other] = parts[other][group] = (
                math.log(TUNING.prior_parts) + log_prior + likelihoods.parts(a, b)
            )
    several = math.log(TUNING.prior_several) + likelihoods.several()
    none = either(
        math.log(TUNING.prior_none) + likelihoods.none(zip(logs, signatures, strict=True)),
        math.log(TUNING.prior_two_optima) + likelihoods.two_optima(),
    )
    if evidence.observations.fingerprints:
        # without an RNG-perturbing change, the endpoints of a null are identical, and no search begins
        none -= likelihoods.ties.log_prior_of_perturbing
    top = max(several, none, *singles, *map(max, together), *map(max, parts))

    def scaled(row: Sequence[float]) -> list[float]:
        return [math.exp(value - top) for value in row]

    all_singles, all_together, all_parts = scaled(singles), list(map(scaled, together)), list(map(scaled, parts))
    rest = scaled([several, none])
    whole = sum(all_singles) + sum(map(sum, all_together + all_parts)) / 2 + sum(rest)
    return Posterior(
        singles=tuple(p / whole for p in all_singles),
        together=tuple(tuple(p / whole for p in row) for row in all_together),
        parts=tuple(tuple(p / whole for p in row) for row in all_parts),
        several=rest[0] / whole,
        none=rest[1] / whole,
    )


def _pair_normalisation(prior: Sequence[float]) -> float:
    """The factor that makes the products of two priors a distribution over pairs."""
    return 2 / (1 - sum(p * p for p in prior) or 1.0)


def _divisions(signatures: Sequence[int], mixes: Mixes, prior: Sequence[float]) -> dict[Division, float]:
    """How each single and each pair divides the mixes -> the prior of all hypotheses with this division. O(count^2).

    signatures: the mixes with each change group.
    """
    divisions: dict[Division, float] = {}
    for a, p in zip(signatures, prior, strict=True):
        divisions[a, 0, 0] = divisions.get((a, 0, 0), 0.0) + _PRIOR_SINGLE * p
    normalisation = _pair_normalisation(prior)
    for group, a in enumerate(signatures):
        for other, b in enumerate(signatures[:group]):
            if not mixes.comparable(group, other):
                weight = normalisation * prior[group] * prior[other]
                together, parts = (a & b, 0, 0), (a & b, a & ~b, b & ~a)
                divisions[together] = divisions.get(together, 0.0) + TUNING.prior_together * weight
                divisions[parts] = divisions.get(parts, 0.0) + TUNING.prior_parts * weight
    return divisions


class _Likelihoods:
    """Log likelihoods of all values, by how a hypothesis divides the probed mixes (bits in their order)."""

    def __init__(self, evidence: MixEvidence, ties: Ties) -> None:
        self.values = evidence.values
        self.evidence = evidence
        self.ties = ties
        self._of_division: dict[Division, float] = {}

    def bad(self, bad: int) -> float:
        """Exactly these mixes are bad."""
        return self._of_division[bad, 0, 0]

    def parts(self, first: int, second: int) -> float:
        """These mixes hold one of two parts that add up, those the other."""
        return self._of_division[first & second, first & ~second, second & ~first]

    def compute(self, priors: Mapping[Division, float]) -> None:
        """Compute the likelihoods of these divisions, the most promising first.

        An upper bound is enough for those that cannot come near the most probable. priors: division -> prior.
        """
        candidates = []
        for division, probability in priors.items():
            bad, first, second = division
            separated = self.ties.separated_by(bad | first) | self.ties.separated_by(bad | second)
            levels, prior = self._levels(bad, first, second), math.log(probability)
            candidates.append((prior + levels + self.ties.at_most(separated), prior, levels, separated, division))
        best = -math.inf
        for bound, prior, levels, separated, division in sorted(candidates, reverse=True):
            floor = best - TUNING.negligible_hypothesis
            if bound < floor:
                self._of_division[division] = bound - prior
                continue
            self._of_division[division] = levels + self.ties.log_likelihood(separated, floor - prior - levels)
            best = max(best, prior + self._of_division[division])

    def _levels(self, bad: int, first: int, second: int) -> float:
        """The log likelihood of the values alone, without their ties."""
        good_pool, bad_pool = self._pools(~(bad | first | second), bad)
        if not (first or second):
            looking_good = [value for value, mixes in self._looking_good if mixes & bad]
            return self.values.log_likelihood(good_pool, bad_pool, looking_good)
        of_first, of_second = ([value for value, mixes in self._unmatched if mixes & part] for part in (first, second))
        correction = 0.0
        if of_first or of_second:
            count = len(of_first) + len(of_second)
            size = (sum(of_first) + sum(1 - value for value in of_second)) / count
            size = min(max(size, TUNING.least_part), 1 - TUNING.least_part)
            # the size of the part is unknown: Laplace's approximation of the integral over it
            correction = min(0.0, math.log(math.sqrt(2 * math.pi / count) * self.values.spread))
            for value in of_first:
                good_pool = good_pool.plus(value - size)
            for value in of_second:
                bad_pool = bad_pool.plus(value + size)
        return self.values.levels.dropped(good_pool, bad_pool) + correction

    @cached_property
    def _unmatched(self) -> list[tuple[float, int]]:
        """(value, the mixes that gave it) of the values that neither endpoint gave."""
        return [(shared.value, shared.mixes) for shared in self.values.shared_values if shared.endpoint is None]

    @cached_property
    def _looking_good(self) -> list[tuple[float, int]]:
        """(value, the mixes that gave it) of the values among OLD's, if some of NEW's are."""
        if not self.values.good_values_of_new:
            return []
        return [(value, mixes) for value, mixes in self._unmatched if self.values.looks_good(value)]

    def _pools(self, good: int, bad: int) -> tuple[Pool, Pool]:
        """OLD's values with those of the good mixes, and NEW's with those of the bad ones.

        A value identical to that of an endpoint counts there only.
        """
        good_pool, bad_pool = self.values.old_pool, self.values.new_pool
        for value, mixes in self._unmatched:
            if mixes & good:
                good_pool = good_pool.plus(value)
            if mixes & bad:
                bad_pool = bad_pool.plus(value)
        return good_pool, bad_pool

    def several(self) -> float:
        """Every mix may be good, bad or at a level of its own.

        Call it last: it predicts no ties, so it gets the best likelihood of ties of all other hypotheses.
        """
        total = self.ties.best + self.values.log_likelihood(self.values.old_pool, self.values.new_pool, ())
        for good, bad, other in self.evidence.log_densities.values():
            top = max(good, bad, other)
            # the density of a level of its own includes its prior (``mix_evidence.py``)
            total += top + math.log(0.4 * math.exp(good - top) + 0.4 * math.exp(bad - top) + math.exp(other - top))
        return total

    def none(self, singles: Iterable[tuple[float, int]]) -> float:
        """All values have one level, and one of the changes may increase or decrease the noise.

        singles: (log prior, signature) of each change group.
        """
        levels = self.values.levels
        same_noise = levels.density(Pool.of(self._all_values)) + self.ties.log_likelihood_of_none
        total = math.log(1 - TUNING.prior_other_noise) + same_noise
        for signature, members in groupby(sorted(singles, key=itemgetter(1)), key=itemgetter(1)):
            other_noise = levels.unlike_noise(*self._pools(~signature, signature))
            prior = math.log(TUNING.prior_other_noise * sum(math.exp(log) for log, _ in members))
            ties = self.ties.log_likelihood(self.ties.separated_by(signature))
            total = either(total, prior + other_noise + ties)
        return total

    def two_optima(self) -> float:
        """Every run reaches one of two levels by chance, whatever it runs.

        Impossible if values never vary. For a metric of two values, one level already covers the nulls.
        """
        if self.evidence.observations.seedless or len(set(self._all_values)) <= 2:
            return -math.inf
        # an RNG-perturbing change acts at every seed
        identical = self.values.identical * self.evidence.observations.identical_endpoints
        return self.values.levels.two_optima(self._all_values) + self.ties.log_likelihood_of_none - identical

    @cached_property
    def _all_values(self) -> list[float]:
        """All values, those that mixes share with an endpoint once."""
        return [*self.values.old_values, *self.values.new_values, *(value for value, _ in self._unmatched)]
