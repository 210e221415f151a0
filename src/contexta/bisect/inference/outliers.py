"""Find outliers: trials whose value is far from all others, such as a diverged training. Pure.

Left in, one such value makes the noise look so large that it hides any drop. So it counts as a run without a value. A
run of an end is held against the other runs of its end. A run of a mix is held against both ends, and only counts as a
stray if another run of the same mix is not as wild: far away from both ends may be where that mix lies.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from statistics import fmean

from contexta.analysis.metrics.stats import pooled_spread, student_cdf
from contexta.bisect.inference.drift import since
from contexta.bisect.inference.noise import grain
from contexta.bisect.inference.observations import Observation, Readings
from contexta.bisect.inference.scale import Scale
from contexta.bisect.inference.tuning import TUNING

STRAY = "its value is like none of the others"

Runs = Mapping[int, Sequence[tuple[int, float]]]
"""Mix -> (seed, value) of each of its runs; a value that repeats at a seed once."""


def read(results: Sequence[Observation], new: int) -> Readings:
    """What a study's trials say; a stray has no value there, for the reason ``STRAY``.

    Where the machine changed meanwhile, only of the trials since then (``drift.py``).

    new: the mix that is NEW; OLD is 0. Where a seed gives a stray at both ends, that is what the seed does: both count.
    So does what NEW gives again at its seed and is worse: that is no accident, but what the study looks for.
    """
    results = [_finite(result) for result in results]
    if not new:  # OLD and NEW differ in nothing, and nothing ran
        return Readings(tuple(results), new)
    once: dict[int, dict[tuple[int, float], None]] = {0: {}, new: {}}
    for result in results:
        if result.value is not None:  # a value that repeats says once what it says
            once.setdefault(result.mix, {})[result.seed, result.value] = None
    runs = {mix: list(of_mix) for mix, of_mix in once.items()}
    came = Counter((result.mix, result.seed, result.value) for result in results)
    strays = {*_of_ends(runs, new, came)}
    strays.update(_of_mixes(runs, new, strays))
    counted = (replace(r, value=None, reason=STRAY) if (r.mix, r.value) in strays else r for r in results)
    readings = Readings(tuple(counted), new)
    moved = since(readings)
    return readings if moved == 0 else read(results[moved:], new)


def _of_ends(runs: Runs, new: int, came: Mapping[tuple[int, int, float | None], int]) -> Iterator[tuple[int, float]]:
    """(end, value) of each stray of OLD and NEW. came: how often a mix gave a value at a seed."""
    old, of_new, *mixes = ([value for _, value in of_mix] for of_mix in runs.values())
    scale = Scale.of([value for group in (old, of_new, *mixes) for value in group])
    found = {}
    for end, own, other in ((0, old, of_new), (new, of_new, old)):
        far = stray(*([scale(value) for value in group] for group in (own, other, *mixes)))
        found[end] = next((value for value in own if scale(value) == far), None)
    if any(came[new, seed, value] > 1 for seed, value in runs[new] if value == found[new] == min(of_new)):
        found[new] = None
    seeds = [{seed for seed, value in runs[end] if value == found[end]} for end in (0, new)]
    if not seeds[0] & seeds[1]:
        yield from ((end, value) for end, value in found.items() if value is not None)


def _of_mixes(runs: Runs, new: int, strays: Collection[tuple[int, float]]) -> Iterator[tuple[int, float]]:
    """(mix, value) of each wild run of a mix; none once a mix was wild twice, which is no accident any more.

    strays: those of the ends, which say nothing of where mixes may lie.
    """
    ends = [value for end in (0, new) for _, value in runs[end] if (end, value) not in strays]
    if min(len(runs[0]), len(runs[new])) < 2 or min(ends) == max(ends):
        return
    reach = TUNING.wild_value * (max(ends) / 2 - min(ends) / 2)  # of halves: the whole may be too large for a float
    wild = {
        mix: [value for _, value in of_mix if value / 2 - max(ends) / 2 > reach or min(ends) / 2 - value / 2 > reach]
        for mix, of_mix in runs.items()
        if mix not in (0, new)
    }
    if all(len(values) < 2 for values in wild.values()):
        yield from ((mix, value) for mix, values in wild.items() for value in values)


def odd_mix(readings: Readings) -> tuple[int, int] | None:
    """(mix, seed) to run once more, where mixes gave several values like no other's: do values repeat there at all?

    One change may take away what makes OLD repeat, in NEW or in some mixes only. None once such a mix was asked.
    """
    if not readings.fingerprints or readings.seedless:
        return None
    asked = Counter((result.mix, result.seed) for result in readings.results)
    once = {(r.mix, r.seed): r.value for r in readings.results if r.value is not None}
    given = Counter((seed, value) for (_, seed), value in once.items())
    odd = (mix for mix in readings.probed if readings.alike(mix) == {mix})
    mine = [key for mix in odd for key, value in once.items() if key[0] == mix and given[key[1], value] == 1]
    if len(mine) < TUNING.odd_values or any(asked[key] > 1 for key in mine):
        return None
    return mine[-1]


def unconfirmed(readings: Readings) -> int | None:
    """A mix whose only run was wild: an accident, or where it lies? Another run tells."""
    return next((mix for mix, told in readings.told.items() if mix not in (0, readings.new) and told == [STRAY]), None)


def _finite(result: Observation) -> Observation:
    if result.value is None or math.isfinite(result.value):
        return result
    return replace(result, value=None, reason=f"its value is {result.value}")


def to_repeat(readings: Readings) -> tuple[int, int] | None:
    """(mix, seed) of a stray of NEW that came once, where values repeat: an accident, or what NEW does at that seed?"""
    if not readings.repeatable:
        return None
    asked = Counter((result.mix, result.seed) for result in readings.results)
    once = (r for r in readings.results if r.mix == readings.new and r.reason == STRAY and asked[r.mix, r.seed] == 1)
    return next(((result.mix, result.seed) for result in once), None)


def may_hide_a_drop(readings: Readings) -> bool:
    """Whether an end has a value that looks like a stray, and too few others to be sure: "no drop" may be its doing."""
    ends = readings.samples(0), readings.samples(readings.new)
    mixes = [readings.samples(mix) for mix in readings.probed]
    return any(
        stray(own, other, *mixes, by_chance=TUNING.suspect_chance) is not None for own, other in (ends, ends[::-1])
    )


def stray(
    own: Sequence[float], other: Sequence[float], *mixes: Sequence[float], by_chance: float = TUNING.outlier_chance
) -> float | None:
    """The one value of an end that is like none of its others; None without any.

    own, other: the two ends; with the mixes, groups that scatter alike, wherever they lie. Student's t of the farthest
    value against the rest, where each end is taken without its farthest. And it lies farther out than the ends lie
    apart: else it hides nothing. Of two such values none is a stray: they may be what the training does.
    """
    if min(len(own), len(other)) < TUNING.outlier_least_values:
        return None
    rest, others = _without_farthest(own), _without_farthest(other)
    farthest = next((Counter(own) - Counter(rest)).elements())
    away = abs(farthest - fmean(rest))
    if away <= abs(fmean(rest) - fmean(others)):
        return None
    groups = (rest, others, *mixes)
    # without the value in question, which would make the step between values as large as it is itself
    spread = max(pooled_spread(rest), pooled_spread(*groups), grain([*rest, *others]))
    freedom = float(sum(len(group) - 1 for group in groups))
    if spread == 0:  # what is left of rounding values near the smallest there are
        return None
    this_far = 2 * student_cdf(-away / (spread * math.sqrt(1 + 1 / len(rest))), freedom)
    return farthest if this_far * len(own) < by_chance else None


def _without_farthest(values: Sequence[float]) -> list[float]:
    found = sorted(values)
    middle = found[len(found) // 2]
    found.remove(max(found, key=lambda value: abs(value - middle)))
    return found
