"""Summarise the trials so far, independent of any hypothesis about the cause.

Two kinds of metric meet here. Where a rerun at the same seed gives the identical value, and the two ends differ at
that seed, one value is a *fingerprint*: it says at once whether a mix behaves like OLD or like NEW. Everything else,
and every third value, is *statistics*: values scatter around levels. ``Readings`` recognises by itself which holds,
and gives up the fingerprint at the first mix that gives two values at one seed.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from statistics import fmean, median_high
from typing import Literal

from contexta.analysis.metrics.stats import pooled_spread, student_quantile
from contexta.bisect.inference.failure_counts import cannot_run
from contexta.bisect.inference.likelihood import Levels, Pool, either, log_share
from contexta.bisect.inference.noise import grain, shared_by_seed
from contexta.bisect.inference.scale import Scale
from contexta.bisect.inference.shares import is_a_part, may_be_a_part, paired_share, shares_by_seed
from contexta.bisect.inference.tuning import TUNING
from contexta.bisect.space.lattice import mix_of

State = Literal["good", "bad", "between", "open"]

_WIDTH = math.sqrt(2 * math.pi)  # standard deviations over which noise spreads a value


@dataclass(frozen=True)
class Observation:
    """One finished trial. value: oriented so that higher is better; None when it could not be had, for ``reason``."""

    mix: int
    seed: int
    value: float | None
    reason: str = ""
    seconds: float = 0.0


@dataclass(frozen=True)
class Print:
    """One value at one seed, and who gave it.

    value: in units of the drop. mixes: bits by the order of ``Readings.probed``. end: whose value it is besides.
    """

    value: float
    mixes: int
    end: Literal["old", "new"] | None


@dataclass(frozen=True)
class Readings:
    """All results of a study. new: the mix that is NEW; OLD is 0. Everything else is derived."""

    results: tuple[Observation, ...]
    new: int

    @cached_property
    def told(self) -> dict[int, list[str | None]]:
        """How the runs of each mix ended: why without a value; None for those with one."""
        told: dict[int, list[str | None]] = {}
        for result in self.results:
            told.setdefault(result.mix, []).append(result.reason if result.value is None else None)
        return told

    @cached_property
    def failures(self) -> dict[int, str]:
        """Mix -> reason, of those that cannot run as far as anybody can tell (``failure_counts.py``)."""
        return cannot_run(self.told, (0, self.new))

    @cached_property
    def _scale(self) -> Scale:
        return Scale.of([result.value for result in self.results if result.value is not None])

    @cached_property
    def _runs(self) -> dict[int, list[tuple[int, float]]]:
        """Mix -> (seed, value) of each run that gave one, on the study's own scale (``scale.py``)."""
        runs: dict[int, list[tuple[int, float]]] = {}
        for result in self.results:
            if result.value is not None:
                runs.setdefault(result.mix, []).append((result.seed, self._scale(result.value)))
        return runs

    @cached_property
    def repeatable(self) -> bool:
        """Whether OLD gave the identical value again at one seed, and nothing ever gave two."""
        seen: dict[tuple[int, int], float] = {}
        runs = [(mix, seed, value) for mix, runs in self._runs.items() for seed, value in runs]
        if any(seen.setdefault((mix, seed), value) != value for mix, seed, value in runs):
            return False
        return len(self._runs.get(0, ())) > len(dict(self._runs.get(0, ())))

    @cached_property
    def seedless(self) -> bool:
        """Whether values do not even depend on the seed: each end gave one value at three seeds or more, no mix two.

        So it is where nothing in a training is random, and where it ignores the seed it is given. Values cannot tell.
        """
        return (
            self.repeatable
            and all(len(dict(self._runs[end])) > 2 for end in (0, self.new))
            and all(len({value for _, value in runs}) == 1 for runs in self._runs.values())
        )

    @cached_property
    def seed_effects(self) -> dict[int, float]:
        """What a seed adds to every value: the data it splits, the start it draws. {} where that does not show."""
        if self.seedless:
            return {}
        return shared_by_seed(dict(self._runs.get(0, ())), dict(self._runs.get(self.new, ())))

    def samples(self, mix: int) -> list[float]:
        """The values that count: all of them, or one a seed where a repeat says nothing new, or each just once.

        Less what their seeds add to all. That is known from the ends, so it fits them too well: their scatter about
        their mean is widened to what other mixes show.
        """
        runs = self._runs.get(mix, [])
        if self.seedless:
            return sorted({value for _, value in runs})
        counted, effects = dict(runs).items() if self.repeatable else runs, self.seed_effects
        if effects and mix in (0, self.new):
            values = [value - effects[seed] for seed, value in counted if seed in effects]
            mean = fmean(values)
            return [mean + TUNING.paired_noise_factor * (value - mean) for value in values]
        return [value - effects.get(seed, 0.0) for seed, value in counted]

    def timed(self, mix: int) -> list[tuple[int, float]]:
        """(number of the result, value) of each run of a mix that gave one, in their order; less what its seed adds."""
        numbers = (n for n, result in enumerate(self.results) if result.mix == mix and result.value is not None)
        runs = zip(numbers, self._runs.get(mix, ()), strict=True)
        return [(number, value - self.seed_effects.get(seed, 0.0)) for number, (seed, value) in runs]

    def seeds(self, mix: int) -> set[int]:
        """The seeds this mix has a result at."""
        return {result.seed for result in self.results if result.mix == mix}

    def ran_at(self, seed: int) -> set[int]:
        """The mixes that have a result at this seed."""
        return {result.mix for result in self.results if result.seed == seed}

    def run_count(self, mix: int) -> int:
        return len(self._runs.get(mix, ()))

    @cached_property
    def probed(self) -> tuple[int, ...]:
        """The mixes besides the ends that gave values, in the order they were first tried."""
        return tuple(mix for mix in self._runs if mix not in (0, self.new) and mix not in self.failures)

    @cached_property
    def fingerprints(self) -> dict[int, tuple[float, float]]:
        """Seed -> (OLD's value, NEW's value) where they differ; empty when values do not repeat."""
        if not self.repeatable:
            return {}
        old, new = dict(self._runs[0]), dict(self._runs[self.new])
        return {seed: (old[seed], new[seed]) for seed in sorted({*old} & {*new}) if old[seed] != new[seed]}

    @cached_property
    def by_seed(self) -> tuple[dict[int, float], ...]:
        """Mix -> value, for each seed; one for all of them where the seed changes nothing; () where nothing repeats."""
        if not self.repeatable:
            return ()
        columns: dict[int, dict[int, float]] = {}
        for mix, runs in self._runs.items():
            for seed, value in runs:
                columns.setdefault(0 if self.seedless else seed, {})[mix] = value
        return tuple(columns.values())

    def alike(self, mix: int) -> set[int]:
        """The mixes, itself among them, that gave the same value wherever both ran at one seed; they did somewhere."""
        mine = [column for column in self.by_seed if mix in column]
        others = {other for column in mine for other in column}
        return {mix} | {
            other for other in others if all(column[other] == column[mix] for column in mine if other in column)
        }

    # -------------------------------------------------------------------- levels, in units of the drop: OLD 0, NEW 1

    @cached_property
    def old_level(self) -> float:
        return fmean(self.samples(0))

    @cached_property
    def drop(self) -> float:
        """How far NEW lies below OLD; > 0 once NEW looks worse."""
        return self.old_level - fmean(self.samples(self.new))

    def _scaled(self, values: Iterable[float]) -> list[float]:
        return [(self.old_level - value) / self.drop for value in values]

    @cached_property
    def noise(self) -> float:
        """The standard deviation of runs alike, from the ends; where these do not vary, and some mix does, from all."""
        of_ends = pooled_spread(self.samples(0), self.samples(self.new))
        if self.seedless or self.seed_effects or not self.is_rounding(of_ends):
            return of_ends
        return pooled_spread(*map(self.samples, (0, self.new, *self.probed)))

    @cached_property
    def spread(self) -> float:
        """The noise in units of the drop."""
        return max(self.noise / abs(self.drop), TUNING.least_noise)

    @cached_property
    def levels(self) -> Levels:
        """How likely scaled values are at levels of their own."""
        return Levels(self.spread, TUNING.noise_prior_values_if_exact if self.seedless else TUNING.noise_prior_values)

    @cached_property
    def good_values(self) -> list[float]:
        return self._scaled(self.samples(0))

    @cached_property
    def bad_values(self) -> list[float]:
        return self._scaled(self.samples(self.new))

    @cached_property
    def good_end(self) -> Pool:
        return Pool.of(self.good_values)

    @cached_property
    def bad_end(self) -> Pool:
        return Pool.of(self.bad_values)

    @cached_property
    def prints(self) -> tuple[Print, ...]:
        """What the probed mixes gave, each value at each seed once, however many mixes gave it.

        Where values repeat, mixes that share one at the same seed behave alike and drew the same noise: that counts
        once. A value that both ends give at its seed says nothing and is left out.
        """
        found: dict[tuple[object, float, float], list[int]] = {}
        for number, mix in enumerate(self.probed):
            for turn, (seed, value) in enumerate(self._runs[mix]):
                key: object = (mix, turn) if not self.repeatable else None if self.seedless else seed
                found.setdefault((key, value, value - self.seed_effects.get(seed, 0.0)), []).append(number)
        return tuple(
            Print(self._scaled([less])[0], mix_of(numbers), end)
            for (seed, value, less), numbers in found.items()
            if (end := self._whose(seed, value)) != "both"
        )

    def _whose(self, seed: object, value: float) -> Literal["old", "new", "both"] | None:
        if not self.repeatable:
            return None
        old, new = (
            any(value == given and seed in (at, None) for at, given in self._runs[end]) for end in (0, self.new)
        )
        return "both" if old and new else "old" if old else "new" if new else None

    def is_rounding(self, noise: float) -> bool:
        """Whether a spread of values is none: what is left of a drop that is the same at every seed."""
        ends = [result.value for result in self.results if result.mix in (0, self.new) and result.value is not None]
        return noise <= self._scale.length(TUNING.rounding * median_high(map(math.ulp, ends)))

    @cached_property
    def identical(self) -> float:
        """Log odds that a value identical to another at its seed is so because the mixes behave alike.

        Metrics of few possible values, an accuracy on thirty samples say, are often equal by chance.
        """
        if self.seedless or self.is_rounding(self.noise):
            return TUNING.identical_value
        step = grain(value for runs in self._runs.values() for _, value in runs)
        by_chance = step / (2 * math.sqrt(math.pi) * self.noise)
        return -math.log(min(0.9, by_chance + math.exp(-TUNING.identical_value)))

    @cached_property
    def good_of_new(self) -> tuple[float, ...]:
        """NEW's scaled values that lie among OLD's: a training that fails to converge only now and then.

        NEW's values identical to OLD's at their seeds do not count.
        """
        values = [value for value in self._scaled(self.samples(self.new)) if self.looks_good(value)]
        return tuple(values[: max(0, len(values) - self.identical_endpoints)])

    @cached_property
    def identical_endpoints(self) -> int:
        """The number of seeds at which both endpoints give the identical value, if values repeat."""
        return len({*self._runs[0]} & {*self._runs[self.new]}) if self.repeatable else 0

    def log_likelihood(self, good: Pool, bad: Pool, looking_good: Iterable[float]) -> float:
        """The log likelihood of values at two levels.

        If some of NEW's runs look good, a bad mix may reach OLD's level in an unknown share of its runs, as NEW does.
        looking_good: the values of mixes in ``bad`` that look good.
        """
        always, reached = self.levels.dropped(good, bad), Pool.of((*self.good_of_new, *looking_good))
        if not self.good_of_new or reached.size == bad.size:
            return always
        rest = bad.less(reached)
        sometimes = self.levels.dropped(good.joined(reached), rest) + log_share(reached.size, rest.size)
        prior = TUNING.prior_sometimes
        return either(math.log(1 - prior) + always, math.log(prior) + sometimes)

    def looks_good(self, value: float) -> bool:
        """Whether a scaled value lies among OLD's, half their range counted in, and far from NEW's mean."""
        return value < self._looks_good

    @cached_property
    def _looks_good(self) -> float:
        values = self._scaled(self.samples(0))
        return min(TUNING.looks_good, max(values) + (max(values) - min(values)) / 2)

    @cached_property
    def loose(self) -> dict[int, list[float]]:
        """Probed mix -> its scaled values that are neither end's."""
        return {
            mix: [p.value for p in self.prints if p.mixes >> number & 1 and p.end is None]
            for number, mix in enumerate(self.probed)
        }

    @cached_property
    def matches(self) -> dict[int, tuple[int, int]]:
        """Probed mix -> at how many seeds it gave (OLD's, NEW's) value."""
        ends = {mix: [p.end for p in self.prints if p.mixes >> number & 1] for number, mix in enumerate(self.probed)}
        return {mix: (given.count("old"), given.count("new")) for mix, given in ends.items()}

    # ------------------------------------------------------------------------------------------------- one mix alone

    def densities(self, mix: int, culprits: int = 0) -> tuple[float, float, float]:
        """The log density of a mix's values were it (good, bad, at a level of its own).

        culprits: when given, every other probed mix counts to the level it has if these are to blame; else only the
        ends do.
        """
        me = 1 << self.probed.index(mix)
        known_good = known_bad = 0
        for number, other in enumerate(self.probed if culprits else ()):
            if other & culprits == culprits:
                known_bad |= 1 << number
            elif not other & culprits or culprits.bit_count() == 1:
                known_good |= 1 << number
        own, good, bad = Pool(), self.good_end, self.bad_end
        looking_good: list[float] = []
        unlike_good = unlike_bad = unlike_both = 0
        for p in self.prints:
            as_good, as_bad = bool(p.mixes & known_good & ~me), bool(p.mixes & known_bad & ~me)
            if p.mixes & me:
                unlike_good += p.end == "new" or (p.end is None and as_bad)
                unlike_bad += p.end == "old" or (p.end is None and as_good)
                unlike_both += p.end is not None
            if p.end is None and p.mixes & me:
                own = own.plus(p.value)
            elif p.end is None:
                good, bad = good.plus(p.value) if as_good else good, bad.plus(p.value) if as_bad else bad
                looking_good += [p.value] if as_bad and self.looks_good(p.value) else []
        own_looking_good = [*looking_good, *filter(self.looks_good, self.loose[mix])]
        before = self.log_likelihood(good, bad, looking_good)
        if_good = self.log_likelihood(good.joined(own), bad, looking_good)
        if_bad = self.log_likelihood(good, bad.joined(own), own_looking_good)
        if_neither = self.levels.dropped(good, bad, own) - self.levels.dropped(good, bad)
        at_own = math.log(TUNING.prior_own_level / (2 + _WIDTH * self.spread)) if own.size else -math.inf
        return (
            if_good - before - self.identical * unlike_good,
            if_bad - before - self.identical * unlike_bad,
            if_neither + at_own - self.identical * unlike_both,
        )

    def log_odds_of_a_part(self, shown: int, kept: int | None) -> float:
        """Log odds that a culprit makes only a part of the drop, against all of it.

        shown: a mix with the culprit at NEW, at level w if it makes the share w of the drop; kept: NEW without it, at
        level 1 - w, or None where more than the culprit was left out. w is flat over 0.1 .. 0.9. A value identical to
        an end's settles it.
        """
        shares = [w / 20 for w in range(2, 19)]
        whole, parts = 0.0, [0.0] * len(shares)
        for mix, pool, places in (
            (shown, self.bad_end, [w - 1 for w in shares]),
            (kept, self.good_end, [1 - w for w in shares]),
        ):
            if mix is None or mix not in self.loose:
                continue
            own, base = self.loose[mix], self.levels.density(pool)
            whole += self.levels.density(pool.joined(Pool.of(own))) - base
            identical = self.identical * sum(self.matches[mix])
            parts = [
                so_far + self.levels.density(pool.joined(Pool.of(value - place for value in own))) - base - identical
                for so_far, place in zip(parts, places, strict=True)
            ]
        top = max(parts)
        return top + math.log(sum(math.exp(value - top) for value in parts) / len(parts)) - whole

    @cached_property
    def log_densities(self) -> dict[int, tuple[float, float, float]]:
        """Probed mix -> its densities by the ends alone."""
        return {mix: self.densities(mix) for mix in self.probed}

    def level(self, mix: int) -> float:
        """Where a mix lies: 0 is OLD's level, 1 is NEW's."""
        return fmean(self._scaled(self.samples(mix)))

    def share(self, shown: int, beside: int) -> tuple[float, float, float]:
        """(estimate, low, high): how much of the drop lies between two mixes; the interval holds 99 %.

        1 is all of it. The noise is that of all mixes together. The drop is known no better than the ends are, so the
        error is that of a ratio (the delta method). Values identical to both ends' at their seeds leave nothing to
        estimate. Where no value depends on its seed, the interval is all there is: how the share scatters from seed to
        seed was never seen. Where seeds move the values, mixes are compared seed by seed (``shares.py``).
        """
        if self.seedless:
            rise = self.level(shown) - self.level(beside)
            return rise, -math.inf, math.inf
        if self._identical(shown, 1) and self._identical(beside, 0):
            return 1.0, 1.0, 1.0
        rise, error, freedom = self._unpaired(shown, beside)
        reach = student_quantile(0.995, freedom) * error
        return self._paired(shown, beside, moving=self.shows_a_part) or (rise, rise - reach, rise + reach)

    def _unpaired(self, shown: int, beside: int) -> tuple[float, float, float]:
        """(share, its standard error, degrees of freedom), whatever the seeds."""
        before, after = self._scaled(self.samples(beside)), self._scaled(self.samples(shown))
        rise = fmean(after) - fmean(before)
        groups = [self._scaled(self.samples(mix)) for mix in (0, self.new, *self.probed)]
        of_ends = rise**2 * (1 / len(groups[0]) + 1 / len(groups[1]))
        error = pooled_spread(*groups) * math.sqrt(1 / len(before) + 1 / len(after) + of_ends)
        freedom = max(1.0, sum(len(group) - 1 for group in groups))
        return rise, error, freedom

    def _paired(self, shown: int, beside: int = 0, *, moving: bool) -> tuple[float, float, float] | None:
        """(share, low, high) by the seeds that both mixes and both ends ran at; None where that tells no more.

        moving: whether it is known that seeds move the values.
        """
        shares = self._by_pairs(shown, beside, moving=moving)
        return paired_share(shares, self._unpaired(shown, beside)[1]) if shares else None

    def _by_pairs(self, shown: int, beside: int = 0, *, moving: bool) -> list[float]:
        if self.seedless or self._repeats_an_end(shown):
            return []
        return shares_by_seed(*map(self._values_by_seed, (0, self.new, beside, shown)), moving=moving)

    def _repeats_an_end(self, mix: int) -> bool:
        """Whether a mix gave the very value of OLD or of NEW at a seed: then pairs tell no more of it than that."""
        return self.repeatable and self.identical > TUNING.surely_identical and any(self.matches.get(mix, ()))

    def _values_by_seed(self, mix: int) -> dict[int, float]:
        """Seed -> value of a mix; where values repeat, of all that behave like it."""
        sure = self.repeatable and self.identical > TUNING.surely_identical
        like = [*(self.alike(mix) if sure else ()), mix]
        return {seed: value for each in like for seed, value in self._runs.get(each, ())}

    def asks_for_pairs(self, mix: int) -> bool:
        """Whether a mix may hold a part of the drop that shows only seed by seed."""
        shares = self._by_pairs(mix, moving=self.shows_a_part)
        return bool(shares) and may_be_a_part(shares, self._unpaired(mix, 0)[1], parts=self.shows_a_part)

    @cached_property
    def shows_a_part(self) -> bool:
        """Whether some mix is known to hold a part of the drop, seed by seed: pooled values know less than that."""
        return any((share := self._paired(mix, moving=False)) is not None and is_a_part(share) for mix in self.probed)

    @cached_property
    def seeds_move(self) -> bool:
        """Whether some mix is known better seed by seed than by all of its values."""
        return any(self._paired(mix, moving=False) for mix in self.probed)

    def _identical(self, mix: int, side: int) -> bool:
        end = (0, self.new)[side]
        return mix == end or (
            end in self.alike(mix) and (self.identical > TUNING.surely_identical or not self.loose[mix])
        )

    def state(self, mix: int, odds: float, runs: int = 1, culprits: int = 0) -> State:
        """What the values of a mix say.

        odds: how many to one the better of good and bad must lead. runs: at least so many values.
        culprits: see ``densities``. ``between``: a level of its own, well away from both.
        """
        if mix == 0 or mix == self.new:
            return "good" if mix == 0 else "bad"
        if self.run_count(mix) < runs or mix not in self.log_densities:
            return "open"
        paired = self._paired(mix, moving=self.shows_a_part)
        if paired and is_a_part(paired):
            return "between"
        if not paired and self.asks_for_pairs(mix):
            return "open"
        good, bad, other = self.densities(mix, culprits)
        need, position = math.log(odds), self.level(mix)
        if other - max(good, bad) > min(need, 3.0):
            if 0.2 < position < 0.8:
                return "between"
            values = self._scaled(self.samples(mix))
            if len(values) > 1 and max(values) < TUNING.better_than_old:
                return "good"  # and not bad, however far from OLD
        if abs(good - bad) < need:
            return "open"
        if (
            not self.seedless
            and not culprits
            and other > max(good, bad) - 1
            and self.run_count(mix) < TUNING.most_runs_until_assigned
        ):
            return "open"  # near an end or between them? a few more runs tell
        return "good" if good > bad else "bad"
