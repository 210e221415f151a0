"""The posterior: a probability for every hypothesis about the cause, given the trials.

Hypotheses: each single atom; each pair that works only together; each pair of parts that add up; "several", which
predicts nothing in particular of any mix; and "none". A hypothesis sorts the probed mixes, so its likelihood is that
of levels (``likelihood.py``): all good values scatter around one, all bad values around another, and the parts of a sum
lie as far from one as from the other. Hypotheses that sort alike are equally likely, so there are few likelihoods to
compute however many pairs there are.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from operator import itemgetter

from contexta.bisect.inference.likelihood import Pool, either
from contexta.bisect.inference.observations import Readings
from contexta.bisect.inference.ties import Alike
from contexta.bisect.inference.tuning import TUNING
from contexta.bisect.space.lattice import Mixes, atoms_of

_LONE = (
    1 - TUNING.prior_together - TUNING.prior_parts - TUNING.prior_several - TUNING.prior_none - TUNING.prior_two_optima
)

Row = tuple[float, ...]
Sorting = tuple[int, int, int]
"""The probed mixes, as bits by their order, that are bad, that hold one of two parts, and that hold the other."""


@dataclass(frozen=True)
class Belief:
    """Probabilities that sum to 1. singles[i]; together[i][j] and parts[i][j] (symmetric, of pairs); several; none."""

    singles: Row
    together: tuple[Row, ...]
    parts: tuple[Row, ...]
    several: float
    none: float

    def leader(self, twins: Callable[[int], int] = lambda atom: 1 << atom) -> tuple[int, float]:
        """(the atoms of the likeliest single or pair, as a mix; its probability).

        twins: atom -> those that nothing can tell from it, itself among them; they lead as one.
        """
        groups = list(dict.fromkeys(map(twins, range(len(self.singles)))))
        members = [tuple(atoms_of(group)) for group in groups]
        found, probability = 0, -1.0
        for one, group in enumerate(groups):
            alone = sum(self.singles[atom] for atom in members[one])
            if alone > probability:
                found, probability = group, alone
            for other in range(one):
                both = sum(self.pair(a, b) for a in members[one] for b in members[other])
                if both > probability:
                    found, probability = group | groups[other], both
        return found, probability

    def pair(self, one: int, other: int) -> float:
        """The probability that these two did it, one way or the other."""
        return self.together[one][other] + self.parts[one][other]

    def with_parts_of(self, leader: int) -> float:
        """The probability that the leader, a single or twins, makes only a part of the drop; 0 for a pair."""
        inside = list(atoms_of(leader))
        if len(inside) > 1 and any(self.pair(a, b) > 0 for a in inside for b in inside):
            return 0.0
        return sum(sum(self.parts[atom]) for atom in inside)

    def apart_from_parts_of(self, leader: int) -> Belief:
        """What is believed if the leader makes all of the drop or has no hand in it; itself where that says all."""
        left = 1 - self.with_parts_of(leader)
        if not 0 < left < 1:
            return self
        parts = tuple(
            tuple(0.0 if (leader >> one | leader >> other) & 1 else p / left for other, p in enumerate(row))
            for one, row in enumerate(self.parts)
        )
        return Belief(
            singles=tuple(p / left for p in self.singles),
            together=tuple(tuple(p / left for p in row) for row in self.together),
            parts=parts,
            several=self.several / left,
            none=self.none / left,
        )

    @cached_property
    def marginals(self) -> Row:
        """How likely each atom is to have a hand in it."""
        return tuple(
            single + sum(together) + sum(parts)
            for single, together, parts in zip(self.singles, self.together, self.parts, strict=True)
        )

    def outlook(self, steps: Sequence[int]) -> list[tuple[float, float]]:
        """For each mix of a growing chain: the probability that it is (bad, a part), given one or two atoms did it."""
        total = 1 - self.several - self.none
        if total <= 0:
            return [(0.5, 0.0)] * len(steps)
        inside: list[int] = []
        bad, part, before, found = 0.0, 0.0, 0, []
        for mix in steps:
            added = mix & ~before
            while added:
                atom = (added & -added).bit_length() - 1
                added &= added - 1
                parts, together = self.parts[atom], self.together[atom]
                sums = sum(parts[other] for other in inside)
                bad += self.singles[atom] + sum(together[other] for other in inside) + sums
                part += self._in_parts[atom] - 2 * sums
                inside.append(atom)
            before = mix
            found.append((min(1.0, bad / total), min(1.0, max(0.0, part / total))))
        return found

    @cached_property
    def _in_parts(self) -> Row:
        return tuple(map(sum, self.parts))


def believe(readings: Readings, mixes: Mixes, weights: Sequence[float]) -> Belief:
    """The posterior after the trials. weights: prior of each atom, > 0, any scale. O(count^2 * readings)."""
    total = sum(weights)
    prior = [weight / total for weight in weights]
    probed = list(enumerate(readings.probed))
    signatures = [sum(1 << number for number, mix in probed if mix >> atom & 1) for atom in range(mixes.count)]
    likelihoods = _Likelihoods(readings, Alike(readings, mixes))
    likelihoods.weigh(_sorted_alike(signatures, mixes, prior))
    lone, both = math.log(_LONE), math.log(_of_pairs(prior))
    logs = [math.log(p) for p in prior]
    singles = [lone + logs[atom] + likelihoods.bad(signatures[atom]) for atom in range(mixes.count)]
    together, parts = ([[-math.inf] * mixes.count for _ in prior] for _ in range(2))
    for one in range(mixes.count):
        for other in range(one):
            if mixes.comparable(one, other):
                continue  # where one needs the other, the pair is the one that needs: no hypothesis of its own
            before, a, b = both + logs[one] + logs[other], signatures[one], signatures[other]
            together[one][other] = together[other][one] = (
                math.log(TUNING.prior_together) + before + likelihoods.bad(a & b)
            )
            parts[one][other] = parts[other][one] = math.log(TUNING.prior_parts) + before + likelihoods.parts(a, b)
    several = math.log(TUNING.prior_several) + likelihoods.several()
    none = either(
        math.log(TUNING.prior_none) + likelihoods.none(zip(logs, signatures, strict=True)),
        math.log(TUNING.prior_two_optima) + likelihoods.two_optima(),
    )
    if readings.fingerprints:  # a null where nothing stirs has identical ends and never gets here
        none -= likelihoods.alike.log_some_stir
    top = max(several, none, *singles, *map(max, together), *map(max, parts))

    def shares(row: Sequence[float]) -> list[float]:
        return [math.exp(value - top) for value in row]

    all_singles, all_together, all_parts = shares(singles), list(map(shares, together)), list(map(shares, parts))
    rest = shares([several, none])
    whole = sum(all_singles) + sum(map(sum, all_together + all_parts)) / 2 + sum(rest)
    return Belief(
        singles=tuple(p / whole for p in all_singles),
        together=tuple(tuple(p / whole for p in row) for row in all_together),
        parts=tuple(tuple(p / whole for p in row) for row in all_parts),
        several=rest[0] / whole,
        none=rest[1] / whole,
    )


def _of_pairs(prior: Sequence[float]) -> float:
    """What makes the products of two priors a distribution over pairs."""
    return 2 / (1 - sum(p * p for p in prior) or 1.0)


def _sorted_alike(signatures: Sequence[int], mixes: Mixes, prior: Sequence[float]) -> dict[Sorting, float]:
    """How each single and each pair sorts the mixes -> the prior of all that sort them so. O(count^2).

    signatures: the mixes with each change.
    """
    found: dict[Sorting, float] = {}
    for a, p in zip(signatures, prior, strict=True):
        found[a, 0, 0] = found.get((a, 0, 0), 0.0) + _LONE * p
    both = _of_pairs(prior)
    for one, a in enumerate(signatures):
        for other, b in enumerate(signatures[:one]):
            if not mixes.comparable(one, other):
                weight = both * prior[one] * prior[other]
                together, parts = (a & b, 0, 0), (a & b, a & ~b, b & ~a)
                found[together] = found.get(together, 0.0) + TUNING.prior_together * weight
                found[parts] = found.get(parts, 0.0) + TUNING.prior_parts * weight
    return found


class _Likelihoods:
    """Log likelihoods of what was read, by how a hypothesis sorts the probed mixes (bits by their order)."""

    def __init__(self, readings: Readings, alike: Alike) -> None:
        self.readings = readings
        self.alike = alike
        self._known: dict[Sorting, float] = {}

    def bad(self, bad: int) -> float:
        """Exactly these mixes are bad."""
        return self._known[bad, 0, 0]

    def parts(self, one: int, other: int) -> float:
        """These mixes hold one of two parts that add up, those the other."""
        return self._known[one & other, one & ~other, other & ~one]

    def weigh(self, priors: Mapping[Sorting, float]) -> None:
        """Work out what is asked for, the most promising first: of what cannot come near the most probable, what it
        could be at most is enough.

        priors: how mixes are sorted -> how probable that was beforehand.
        """
        most = []
        for key, probability in priors.items():
            bad, first, second = key
            separated = self.alike.separated_by(bad | first) | self.alike.separated_by(bad | second)
            level, prior = self._levels(bad, first, second), math.log(probability)
            most.append((prior + level + self.alike.at_most(separated), prior, level, separated, key))
        likeliest = -math.inf
        for bound, prior, level, separated, key in sorted(most, reverse=True):
            floor = likeliest - TUNING.negligible_hypothesis
            if bound < floor:
                self._known[key] = bound - prior
                continue
            self._known[key] = level + self.alike.log_likelihood(separated, floor - prior - level)
            if prior + self._known[key] > likeliest:
                likeliest = prior + self._known[key]

    def _levels(self, bad: int, one: int, other: int) -> float:
        """The log likelihood of the values alone, without which of them are identical."""
        levels = self.readings.levels
        good_pool, bad_pool = self._pools(~(bad | one | other), bad)
        if not (one or other):
            looking_good = [value for value, mixes in self._looking_good if mixes & bad]
            return self.readings.log_likelihood(good_pool, bad_pool, looking_good)
        firsts, others = (
            [p.value for p in self.readings.prints if p.end is None and p.mixes & part] for part in (one, other)
        )
        guess = 0.0
        if firsts or others:
            count = len(firsts) + len(others)
            size = (sum(firsts) + sum(1 - value for value in others)) / count
            size = min(max(size, TUNING.least_part), 1 - TUNING.least_part)
            # the size of the part is unknown: Laplace's approximation of the integral over it
            guess = min(0.0, math.log(math.sqrt(2 * math.pi / count) * self.readings.spread))
            for value in firsts:
                good_pool = good_pool.plus(value - size)
            for value in others:
                bad_pool = bad_pool.plus(value + size)
        return levels.dropped(good_pool, bad_pool) + guess

    @cached_property
    def _looking_good(self) -> list[tuple[float, int]]:
        """(value, the mixes that gave it) of the values among OLD's, if some of NEW's are."""
        if not self.readings.good_of_new:
            return []
        return [(p.value, p.mixes) for p in self.readings.prints if p.end is None and self.readings.looks_good(p.value)]

    def _pools(self, good: int, bad: int) -> tuple[Pool, Pool]:
        """OLD's values and those of the good mixes, NEW's and those of the bad ones. What is identical to an end's
        counts there."""
        good_pool, bad_pool = self.readings.good_end, self.readings.bad_end
        for p in self.readings.prints:
            if p.end is None and p.mixes & good:
                good_pool = good_pool.plus(p.value)
            if p.end is None and p.mixes & bad:
                bad_pool = bad_pool.plus(p.value)
        return good_pool, bad_pool

    def several(self) -> float:
        """Every mix is good, bad or at a level of its own, for all anybody knows.

        To be asked last: it says nothing of which mixes are alike, so it gains nothing there on the best of the others.
        """
        found = self.alike.best + self.readings.log_likelihood(self.readings.good_end, self.readings.bad_end, ())
        for good, bad, other in self.readings.log_densities.values():
            top = max(good, bad, other)
            # the level of its own carries its prior already (readings.py)
            found += top + math.log(0.4 * math.exp(good - top) + 0.4 * math.exp(bad - top) + math.exp(other - top))
        return found

    def none(self, singles: Iterable[tuple[float, int]]) -> float:
        """All values have one level, and one of the changes may increase or decrease the noise.

        singles: (log prior, signature) of each change.
        """
        level = self.readings.levels.density(Pool.of(self._values))
        total = math.log(1 - TUNING.prior_other_noise) + level + self.alike.log_likelihood_of_none
        for signature, shared in groupby(sorted(singles, key=itemgetter(1)), key=itemgetter(1)):
            scatters = self.readings.levels.unlike_noise(*self._pools(~signature, signature))
            prior = math.log(TUNING.prior_other_noise * sum(math.exp(log) for log, _ in shared))
            apart = self.alike.log_likelihood(self.alike.separated_by(signature))
            total = either(total, prior + scatters + apart)
        return total

    def two_optima(self) -> float:
        """Every run reaches one of two levels by chance, whatever it runs.

        Impossible if values never vary. A metric of two values is no such training: one level covers its nulls.
        """
        if self.readings.seedless or len(set(self._values)) <= 2:
            return -math.inf
        # a change that perturbs the random numbers does so at every seed
        identical = self.readings.identical * self.readings.identical_endpoints
        return self.readings.levels.two_optima(self._values) + self.alike.log_likelihood_of_none - identical

    @cached_property
    def _values(self) -> list[float]:
        """All scaled values, without those of mixes that are identical to an endpoint's."""
        of_mixes = [p.value for p in self.readings.prints if p.end is None]
        return [*self.readings.good_values, *self.readings.bad_values, *of_mixes]
