"""Decide whether the two endpoints differ, before any search.

Welch's t test is repeated after every run. Once NEW looks worse, the search may begin: runs of mixes say as much about
the two levels as further runs of the endpoints do, and the posterior includes the doubt about the difference
(``posterior.py``). "No regression" is decided here once a relevant drop is excluded, because a search would find a
cause of nothing.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from itertools import count, takewhile
from statistics import fmean
from typing import Literal

from contexta.analysis.metrics.stats import pooled_spread, student_cdf, student_quantile, welch_error
from contexta.bisect.inference.observations import ObservedTrials
from contexta.bisect.tuning import TUNING

_BETTER = "NEW is better than OLD"


@dataclass(frozen=True)
class Endpoints:
    """The difference between the endpoints, from the runs of both."""

    state: Literal["worse", "same", "open"]
    """``worse``: NEW looks worse; ``same``: it is not worse; ``open``: more runs are needed."""
    why: str
    drop: float | None = None
    """mean(OLD) - mean(NEW), oriented so that worse is positive."""
    repeats: int | None = None
    """The estimated runs per endpoint that would show the difference; None if shown already or if unknown."""
    is_certain: bool = False
    """Whether the endpoints alone show the difference; if NEW is not worse, that it is better."""
    p_value: float | None = None
    """The chance that equal endpoints lie this far apart, where NEW looks worse in noise."""

    def with_repeats(self, why: str) -> str:
        """A reason why the result is open, with the runs that would decide."""
        return why if self.repeats is None else f"{why}; about {self.repeats} runs of each endpoint would decide"


def judge_endpoints(observations: ObservedTrials) -> Endpoints:
    """Whether NEW looks worse than OLD, from the runs of both endpoints."""
    old, new = observations.samples(0), observations.samples(observations.new)
    fewest = min(len(old), len(new))
    if observations.seedless:
        return _constant(fmean(old) - fmean(new))
    if fewest < 2 or observations.run_count(0) < 3:
        return Endpoints("open", "too few runs yet")
    drop, standard_error, freedom = welch_error(new, old)
    is_rounding = observations.is_rounding(standard_error)
    values = {*old, *new}
    if fewest == 2 and _is_clearly_better(drop, standard_error, freedom, is_rounding=is_rounding, values=values):
        return Endpoints("same", _BETTER, drop, is_certain=True)
    # trajectories already show that something differs, so the search may begin with one seed less
    least = 2 if observations.has_early_verdicts else 3
    if fewest < least or (is_rounding and fewest < 5):
        return Endpoints("open", "too few runs yet", drop)
    if is_rounding:
        if observations.is_rounding(abs(drop)):
            return Endpoints("same", f"OLD and NEW give the same value at each of {fewest} seeds", 0.0)
        return _constant(drop)
    spread, p_value = pooled_spread(old, new), student_cdf(-drop / standard_error, freedom)
    if p_value < TUNING.looks_worse:
        is_certain = p_value < TUNING.endpoints_differ
        repeats = None if is_certain else _repeats(drop, spread, fewest)
        why = f"the endpoints differ by {drop / standard_error:.1f} standard errors"
        return Endpoints("worse", why, drop, repeats, is_certain, p_value)
    upper = drop + student_quantile(TUNING.no_drop_confidence, freedom) * standard_error
    if upper < TUNING.least_drop * spread:
        if p_value > 1 - TUNING.endpoints_differ:
            return Endpoints("same", _BETTER, drop, is_certain=True)
        why = f"a regression of more than {TUNING.least_drop:g} standard deviations of the noise is excluded"
        return Endpoints("same", f"{why}{_at_some_seeds(observations)}", drop)
    if observations.repeatable and not observations.fingerprints and fewest >= 4:
        return Endpoints("same", f"OLD and NEW give the same value at each of {fewest} seeds", drop)
    why = "the noise still hides whether the endpoints differ"
    return Endpoints("open", why, drop, _repeats(drop, spread, fewest))


def _is_clearly_better(
    drop: float, standard_error: float, freedom: float, *, is_rounding: bool, values: AbstractSet[float]
) -> bool:
    """Whether NEW is better already at two seeds: most likely OLD and NEW are swapped.

    Values of 0 and 1 (exit codes, thresholds) do not show the noise and wait for a third seed.
    """
    if drop >= 0 or values <= {0.0, 1.0}:
        return False
    return is_rounding or student_cdf(drop / standard_error, freedom) < TUNING.endpoints_differ_at_two_seeds


def next_endpoint_run(observations: ObservedTrials, mix: int | None = None) -> tuple[int, int]:
    """(mix, seed) of the most informative run of an endpoint, or of this one.

    OLD runs twice at the first seed, which shows whether values repeat. Then both alternate, each at the same new
    seeds. A run without a value is followed by another seed, because its seed may be the reason. Each such seed is
    tried once more after the next value.
    """
    seeds = {
        endpoint: [r.seed for r in observations.results if r.mix == endpoint and r.value is not None]
        for endpoint in (0, observations.new)
    }
    if mix is None:
        is_unrepeated = len(seeds[0]) == 1 and bool(seeds[observations.new])
        fewer_of_old = len({*seeds[0]}) <= len({*seeds[observations.new]})
        mix = 0 if is_unrepeated or fewer_of_old else observations.new
    if mix == 0 and len(seeds[0]) == 1:
        return mix, seeds[0][0]
    results = [result for result in observations.results if result.mix == mix]
    failed = Counter(result.seed for result in results if result.value is None)
    excluded = {*seeds[mix], *(seed for seed, times in failed.items() if times > 1)}
    excluded.update(result.seed for result in takewhile(lambda result: result.value is None, reversed(results)))
    return mix, next(seed for seed in count() if seed not in excluded)


def _at_some_seeds(observations: ObservedTrials) -> str:
    """A remark if NEW repeats OLD's values at most seeds, as with a change that acts at some of them only."""
    differing = list(observations.fingerprints)
    shared = sum({0, observations.new} <= column.keys() for column in observations.by_seed)
    if not differing or len(differing) >= shared / 2:
        return ""
    names = ", ".join(map(str, differing))
    return f"; but the endpoints differ at {'seed' if len(differing) == 1 else 'seeds'} {names}, and at no other"


def _constant(drop: float) -> Endpoints:
    if drop > 0:
        return Endpoints("worse", "NEW is worse by the same amount at every seed", drop, is_certain=True)
    if drop == 0:
        return Endpoints("same", "the endpoints are identical", drop)
    return Endpoints("same", _BETTER, drop, is_certain=True)


def _repeats(drop: float, spread: float, present: int) -> int | None:
    """The runs per endpoint that show a difference of this estimated size in nine of ten cases."""
    effect = drop / spread
    if effect < 0.2:
        return None
    z = student_quantile(1 - TUNING.endpoints_differ, 1e6) + student_quantile(0.9, 1e6)
    return max(present + 1, math.ceil(2 * (z / effect) ** 2))
