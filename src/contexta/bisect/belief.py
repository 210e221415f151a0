"""Which change did it, as far as the trials say: a probability for every hypothesis.

Hypotheses: each single atom; each pair that works only together (a tenth of the mass at the start); "several", which
predicts nothing in particular of any mix; and "none". A hypothesis sorts the probed mixes into good and bad ones, so
its likelihood is that of two levels: all good values scatter around one, all bad values around the other (Student-t,
both levels and spreads unknown). Hypotheses that sort alike are equally likely, so there are few likelihoods to
compute however many pairs there are.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from contexta.bisect.mixes import Mixes
from contexta.bisect.readings import FINGERPRINT, Readings

PAIRS = 0.1
SEVERAL = 0.02
NONE = 0.01


@dataclass(frozen=True)
class Belief:
    """singles[i], pairs[i][j] (symmetric), several, none: probabilities that sum to 1."""

    singles: tuple[float, ...]
    pairs: tuple[tuple[float, ...], ...]
    several: float
    none: float

    def leader(self) -> tuple[int, float]:
        """(the atoms of the likeliest single or pair, as a mix; its probability)."""
        count = len(self.singles)
        best = max(range(count), key=lambda atom: self.singles[atom])
        found, probability = 1 << best, self.singles[best]
        for one in range(count):
            other = max(range(count), key=lambda atom: self.pairs[one][atom])
            if self.pairs[one][other] > probability:
                found, probability = 1 << one | 1 << other, self.pairs[one][other]
        return found, probability

    def badness(self, steps: Sequence[int]) -> list[float]:
        """For each mix of a growing chain: the probability that it is bad, given a single or a pair did it."""
        total = 1 - self.several - self.none
        if total <= 0:
            return [0.5] * len(steps)
        inside: list[int] = []
        mass, before, found = 0.0, 0, []
        for mix in steps:
            added = mix & ~before
            while added:
                atom = (added & -added).bit_length() - 1
                added &= added - 1
                row = self.pairs[atom]
                mass += self.singles[atom] + sum(row[other] for other in inside)
                inside.append(atom)
            before = mix
            found.append(min(1.0, mass / total))
        return found


def believe(readings: Readings, mixes: Mixes, weights: Sequence[float]) -> Belief:
    """The posterior after the trials. weights: prior of each atom, > 0, any scale. O(count^2 + signatures * probes)."""
    probed = readings.probed
    total = sum(weights)
    prior = [weight / total for weight in weights]
    signatures = [sum(1 << n for n, mix in enumerate(probed) if mix >> atom & 1) for atom in range(mixes.count)]
    known: dict[int, float] = {}

    def likelihood(signature: int) -> float:
        if signature not in known:
            known[signature] = _two_levels(readings, signature)
        return known[signature]

    several = math.log(SEVERAL) + _several(readings)
    none = math.log(NONE) + readings.joint(
        readings.good_end + readings.bad_end + [v for values in readings.loose.values() for v in values]
    )
    for one in set(signatures):
        for other in set(signatures):
            likelihood(one & other)
    top = max(several, none, *(known.values()))
    share = {signature: math.exp(value - top) for signature, value in known.items()}
    lone = 1 - PAIRS - SEVERAL - NONE
    singles = [lone * prior[atom] * share[signatures[atom]] for atom in range(mixes.count)]
    # a pair of atoms that never move the other way round is the one that needs the other: no hypothesis of its own
    together = 1 - sum(p * p for p in prior) or 1.0
    pairs = [
        [
            0.0
            if one == other or mixes.comparable(one, other)
            else 2 * PAIRS * prior[one] * prior[other] / together * share[signatures[one] & signatures[other]]
            for other in range(mixes.count)
        ]
        for one in range(mixes.count)
    ]
    rest = math.exp(several - top), math.exp(none - top)
    whole = sum(singles) + sum(map(sum, pairs)) / 2 + sum(rest)
    return Belief(
        singles=tuple(p / whole for p in singles),
        pairs=tuple(tuple(p / whole for p in row) for row in pairs),
        several=rest[0] / whole,
        none=rest[1] / whole,
    )


def _two_levels(readings: Readings, bad: int) -> float:
    """Log likelihood when exactly the probed mixes in ``bad`` (bits by their order) are bad."""
    lows, highs, penalty = list(readings.good_end), list(readings.bad_end), 0
    for number, mix in enumerate(readings.probed):
        as_old, as_new = readings.matches[mix]
        if bad >> number & 1:
            highs += readings.loose[mix]
            penalty += as_old
        else:
            lows += readings.loose[mix]
            penalty += as_new
    return readings.joint(lows) + readings.joint(highs) - FINGERPRINT * penalty


def _several(readings: Readings) -> float:
    """Log likelihood when every mix is good, bad or at a level of its own, for all anybody knows."""
    found = readings.joint(readings.good_end) + readings.joint(readings.bad_end)
    for good, bad, other in readings.log_densities.values():
        top = max(good, bad, other)
        # the level of its own carries its prior already (readings.py)
        found += top + math.log(0.4 * math.exp(good - top) + 0.4 * math.exp(bad - top) + math.exp(other - top))
    return found
