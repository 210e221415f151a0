"""Judge single mixes by their trials: good, bad, in between, or still open."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from contexta.bisect.inference.likelihood import Pool
from contexta.bisect.inference.observations import ObservedTrials
from contexta.bisect.inference.seed_pairs import SeedPairs, is_a_part
from contexta.bisect.inference.values.scaled_values import ScaledValues
from contexta.bisect.tuning import TUNING

State = Literal["good", "bad", "between", "open"]

_WIDTH = math.sqrt(2 * math.pi)  # standard deviations over which noise spreads a value


@dataclass(frozen=True)
class MixEvidence:
    """The trials of a study and everything derived from them. Every property is computed once."""

    observations: ObservedTrials

    @cached_property
    def values(self) -> ScaledValues:
        return ScaledValues(self.observations)

    @cached_property
    def pairs(self) -> SeedPairs:
        return SeedPairs(self.values)

    @cached_property
    def log_densities(self) -> dict[int, tuple[float, float, float]]:
        """Probed mix -> its densities, compared with the endpoints alone."""
        return {mix: self.densities(mix) for mix in self.observations.probed}

    def densities(self, mix: int, culprits: int = 0) -> tuple[float, float, float]:
        """The log density of a mix's values if it is (good, bad, at a level of its own).

        culprits: if given, every other probed mix adds its values to the level that it has if these are the cause;
        else only the endpoints count.
        """
        values, probed = self.values, self.observations.probed
        this = 1 << probed.index(mix)
        good_mixes = bad_mixes = 0
        for number, other in enumerate(probed if culprits else ()):
            if other & culprits == culprits:
                bad_mixes |= 1 << number
            elif not other & culprits or culprits.bit_count() == 1:
                good_mixes |= 1 << number
        own, good, bad = Pool(), values.old_pool, values.new_pool
        looking_good: list[float] = []
        unlike_good = unlike_bad = unlike_both = 0
        for shared in values.shared_values:
            as_good, as_bad = bool(shared.mixes & good_mixes & ~this), bool(shared.mixes & bad_mixes & ~this)
            if shared.mixes & this:
                unlike_good += shared.endpoint == "new" or (shared.endpoint is None and as_bad)
                unlike_bad += shared.endpoint == "old" or (shared.endpoint is None and as_good)
                unlike_both += shared.endpoint is not None
            if shared.endpoint is None and shared.mixes & this:
                own = own.plus(shared.value)
            elif shared.endpoint is None:
                good = good.plus(shared.value) if as_good else good
                bad = bad.plus(shared.value) if as_bad else bad
                looking_good += [shared.value] if as_bad and values.looks_good(shared.value) else []
        own_looking_good = [*looking_good, *filter(values.looks_good, values.unmatched[mix])]
        before = values.log_likelihood(good, bad, looking_good)
        if_good = values.log_likelihood(good.joined(own), bad, looking_good)
        if_bad = values.log_likelihood(good, bad.joined(own), own_looking_good)
        if_neither = values.levels.dropped(good, bad, own) - values.levels.dropped(good, bad)
        at_own = math.log(TUNING.prior_own_level / (2 + _WIDTH * values.spread)) if own.size else -math.inf
        return (
            if_good - before - values.identical * unlike_good,
            if_bad - before - values.identical * unlike_bad,
            if_neither + at_own - values.identical * unlike_both,
        )

    def log_odds_of_a_part(self, shown: int, kept: int | None) -> float:
        """Log odds that a culprit causes only a part of the drop, against all of it.

        shown: a mix with the culprit at NEW, at level w if it causes the share w of the drop; kept: NEW without it, at
        level 1 - w, or None if more than the culprit was left out. w is uniform over 0.1 .. 0.9. A value identical to
        that of an endpoint decides.
        """
        values = self.values
        shares = [w / 20 for w in range(2, 19)]
        whole, parts = 0.0, [0.0] * len(shares)
        for mix, pool, offsets in (
            (shown, values.new_pool, [w - 1 for w in shares]),
            (kept, values.old_pool, [1 - w for w in shares]),
        ):
            if mix is None or mix not in values.unmatched:
                continue
            own, base = values.unmatched[mix], values.levels.density(pool)
            whole += values.levels.density(pool.joined(Pool.of(own))) - base
            identical = values.identical * sum(values.matches[mix])
            parts = [
                so_far + values.levels.density(pool.joined(Pool.of(v - offset for v in own))) - base - identical
                for so_far, offset in zip(parts, offsets, strict=True)
            ]
        top = max(parts)
        return top + math.log(sum(math.exp(part - top) for part in parts) / len(parts)) - whole

    def state(self, mix: int, odds: float, runs: int = 1, culprits: int = 0) -> State:
        """The state of a mix by its values. ``between``: at a level of its own, far from both endpoints.

        odds: the better of good and bad must lead by this many to one. runs: the least number of values. culprits: see
        ``densities``.
        """
        observations = self.observations
        if mix == 0 or mix == observations.new:
            return "good" if mix == 0 else "bad"
        if observations.run_count(mix) < runs or mix not in observations.probed:
            return "open"
        paired = self.pairs.paired(mix, moving=self.pairs.shows_a_part)
        if paired and is_a_part(paired):
            return "between"
        if not paired and self.pairs.needs_pairs(mix):
            return "open"
        good, bad, other = self.densities(mix, culprits)
        least, position = math.log(odds), self.values.level(mix)
        if other - max(good, bad) > min(least, 3.0):
            if 0.2 < position < 0.8:
                return "between"
            values = self.values.of_mix(mix)
            if len(values) > 1 and max(values) < TUNING.better_than_old:
                return "good"  # not bad, however far it is from OLD
        if abs(good - bad) < least:
            return "open"
        may_be_between = not observations.seedless and not culprits and other > max(good, bad) - 1
        if may_be_between and observations.run_count(mix) < TUNING.most_runs_until_assigned:
            return "open"  # more runs will tell an endpoint's level from one in between
        return "good" if good > bad else "bad"
