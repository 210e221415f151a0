"""Find outliers: trials whose value is far from all others, such as a diverged training.

One such value makes the noise look so large that it hides any drop. So it counts as a run without a value. A run of an
endpoint is compared with the other runs of this endpoint. A run of a mix is compared with both endpoints, and is an
outlier only if another run of the same mix is not as far away: the level of that mix may be far from both endpoints.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from statistics import fmean

from contexta.analysis.metrics.grain import grain
from contexta.analysis.metrics.stats import pooled_spread, student_cdf
from contexta.bisect.inference.observations import Observation, ObservedTrials
from contexta.bisect.inference.values.drift import first_counted
from contexta.bisect.inference.values.scale import Scale
from contexta.bisect.tuning import TUNING

OUTLIER = "its value is like none of the others"

Runs = Mapping[int, Sequence[tuple[int, float]]]
"""Mix -> (seed, value) of each of its runs; a value that repeats at a seed is listed once."""


def usable_observations(results: Sequence[Observation], new: int) -> ObservedTrials:
    """The results of a study without the values of outliers, and without the trials before a drift (``drift.py``).

    new: the mix that is NEW; OLD is 0. An outlier has no value, for the reason ``OUTLIER``. If a seed gives an outlier
    at both endpoints, the seed causes it, and both values count. A worse value that NEW repeats at its seed counts too:
    it is no accident but the drop in question.
    """
    results = [_finite(result) for result in results]
    if not new:  # OLD and NEW differ in nothing, and nothing ran
        return ObservedTrials(tuple(results), new)
    distinct: dict[int, dict[tuple[int, float], None]] = {0: {}, new: {}}
    for result in results:
        if result.value is not None:
            distinct.setdefault(result.mix, {})[result.seed, result.value] = None
    runs = {mix: list(of_mix) for mix, of_mix in distinct.items()}
    repeats = Counter((result.mix, result.seed, result.value) for result in results)
    outliers = {*_of_endpoints(runs, new, repeats)}
    outliers.update(_of_mixes(runs, new, outliers))
    counted = (replace(r, value=None, reason=OUTLIER) if (r.mix, r.value) in outliers else r for r in results)
    observations = ObservedTrials(tuple(counted), new)
    first = first_counted(observations)
    return observations if first == 0 else usable_observations(results[first:], new)


def _of_endpoints(
    runs: Runs, new: int, repeats: Mapping[tuple[int, int, float | None], int]
) -> Iterator[tuple[int, float]]:
    """(endpoint, value) of each outlier of OLD and NEW. repeats: (mix, seed, value) -> how often it occurred."""
    of_old, of_new, *mixes = ([value for _, value in of_mix] for of_mix in runs.values())
    scale = Scale.of([value for values in (of_old, of_new, *mixes) for value in values])
    outliers = {}
    for endpoint, own, other in ((0, of_old, of_new), (new, of_new, of_old)):
        farthest = outlier(*([scale(value) for value in values] for values in (own, other, *mixes)))
        outliers[endpoint] = next((value for value in own if scale(value) == farthest), None)
    if any(repeats[new, seed, value] > 1 for seed, value in runs[new] if value == outliers[new] == min(of_new)):
        outliers[new] = None
    seeds = [{seed for seed, value in runs[endpoint] if value == outliers[endpoint]} for endpoint in (0, new)]
    if not seeds[0] & seeds[1]:
        yield from ((endpoint, value) for endpoint, value in outliers.items() if value is not None)


def _of_mixes(runs: Runs, new: int, outliers: Collection[tuple[int, float]]) -> Iterator[tuple[int, float]]:
    """(mix, value) of each outlier of a mix; none once a mix has two, which is no accident.

    outliers: those of the endpoints, which do not limit where mixes may lie.
    """
    values_of_endpoints = [
        value for endpoint in (0, new) for _, value in runs[endpoint] if (endpoint, value) not in outliers
    ]
    low, high = min(values_of_endpoints, default=0.0), max(values_of_endpoints, default=0.0)
    if min(len(runs[0]), len(runs[new])) < 2 or low == high:
        return
    reach = TUNING.wild_value * (high / 2 - low / 2)  # of halves: the whole may be too large for a float
    far = {
        mix: [value for _, value in of_mix if value / 2 - high / 2 > reach or low / 2 - value / 2 > reach]
        for mix, of_mix in runs.items()
        if mix not in (0, new)
    }
    if all(len(values) < 2 for values in far.values()):
        yield from ((mix, value) for mix, values in far.items() for value in values)


def _finite(result: Observation) -> Observation:
    if result.value is None or math.isfinite(result.value):
        return result
    return replace(result, value=None, reason=f"its value is {result.value}")


def mix_with_unique_values(observations: ObservedTrials) -> tuple[int, int] | None:
    """(mix, seed) to run again if mixes gave several values that no other mix gave: do values repeat there?

    A change may remove what makes OLD repeat, in NEW or in some mixes only. None once such a mix has run twice.
    """
    if not observations.fingerprints or observations.seedless:
        return None
    runs = Counter((result.mix, result.seed) for result in observations.results)
    values = {(r.mix, r.seed): r.value for r in observations.results if r.value is not None}
    mixes_with = Counter((seed, value) for (_, seed), value in values.items())
    alone = [mix for mix in observations.probed if observations.indistinguishable(mix) == {mix}]
    unique = [
        (mix, seed)
        for of_mix in alone
        for (mix, seed), value in values.items()
        if mix == of_mix and mixes_with[seed, value] == 1
    ]
    if len(unique) < TUNING.odd_values or any(runs[key] > 1 for key in unique):
        return None
    return unique[-1]


def unconfirmed_outlier(observations: ObservedTrials) -> int | None:
    """A mix whose only run was an outlier: another run shows whether its level is there."""
    endpoints = 0, observations.new
    return next(
        (mix for mix, outcomes in observations.outcomes.items() if mix not in endpoints and outcomes == [OUTLIER]), None
    )


def outlier_to_repeat(observations: ObservedTrials) -> tuple[int, int] | None:
    """(mix, seed) of an outlier of NEW that occurred once, if values repeat: an accident, or NEW's value there?"""
    if not observations.repeatable:
        return None
    runs = Counter((result.mix, result.seed) for result in observations.results)
    of_new = (r for r in observations.results if r.mix == observations.new and r.reason == OUTLIER)
    return next(((r.mix, r.seed) for r in of_new if runs[r.mix, r.seed] == 1), None)


def may_hide_a_drop(observations: ObservedTrials) -> bool:
    """Whether "no drop" may be due to a value that looks like an outlier, with too few others to be sure."""
    endpoints = observations.samples(0), observations.samples(observations.new)
    mixes = [observations.samples(mix) for mix in observations.probed]
    return any(
        outlier(own, other, *mixes, p_value=TUNING.suspect_chance) is not None
        for own, other in (endpoints, endpoints[::-1])
    )


def outlier(
    own: Sequence[float], other: Sequence[float], *mixes: Sequence[float], p_value: float = TUNING.outlier_chance
) -> float | None:
    """The one value of an endpoint that is far from all its others; None if there is none.

    own, other: the two endpoints; with the mixes, samples with the same noise at any levels.

    Student's t test of the farthest value against the rest, where each endpoint is taken without its farthest value.
    The value must also be farther away than the endpoints are from each other: otherwise it hides nothing. Two such
    values are no outliers: they may be what the training does.
    """
    if min(len(own), len(other)) < TUNING.outlier_least_values:
        return None
    rest, other_rest = _without_farthest(own), _without_farthest(other)
    farthest = next((Counter(own) - Counter(rest)).elements())
    distance = abs(farthest - fmean(rest))
    if distance <= abs(fmean(rest) - fmean(other_rest)):
        return None
    samples = (rest, other_rest, *mixes)
    # without the value in question, which would make the step between values as large as it is itself
    spread = max(pooled_spread(rest), pooled_spread(*samples), grain([*rest, *other_rest]))
    freedom = float(sum(len(sample) - 1 for sample in samples))
    if spread == 0:  # what is left of rounding values near the smallest float
        return None
    chance = 2 * student_cdf(-distance / (spread * math.sqrt(1 + 1 / len(rest))), freedom)
    return farthest if chance * len(own) < p_value else None


def _without_farthest(values: Sequence[float]) -> list[float]:
    rest = sorted(values)
    middle = rest[len(rest) // 2]
    rest.remove(max(rest, key=lambda value: abs(value - middle)))
    return rest
