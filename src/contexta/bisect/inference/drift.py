"""Detect drift of the machine or the data during a study, from late runs of both endpoints. Pure.

Ends run early and mixes late. A machine that changes its speed, or moves a metric, between the two makes every mix look
bad, or good, and the blame falls on whatever the late mixes share. So before a proof counts, OLD and NEW run once more
after its mixes, each at a seed that it ran at early, and late is tested against early. Where they moved, nothing that
ran before counts any more: the study begins again with the late runs.
"""

from __future__ import annotations

import math
from statistics import fmean

from contexta.analysis.metrics.stats import pooled_spread, student_cdf
from contexta.bisect.inference.observations import Readings
from contexta.bisect.inference.proof import Proof
from contexta.bisect.inference.tuning import TUNING


def since(readings: Readings) -> int:
    """The number of the first result that counts: 0 where nothing moved, else that of the first late run of an end."""
    first = _first_late(readings)
    if first is None:
        return 0
    chance, late = _by_chance(readings, first)
    return first if chance < (TUNING.moved if late < TUNING.most_late_runs else TUNING.moved_at_last) else 0


def next_late_run(readings: Readings, proof: Proof) -> tuple[int, int] | None:
    """(end, seed) to run before this proof counts; None where enough is known.

    Nothing is to be run where a mix of the proof gave an end's very value at its seed: then nothing moved.
    """
    mixes = [fact.mix for fact in proof.facts if fact.mix not in (0, readings.new)]
    if (
        readings.repeatable
        and readings.identical > TUNING.surely_identical
        and all(any(readings.matches[mix]) for mix in mixes)
    ):
        return None
    begun = max((_second_run(readings, mix) for mix in mixes), default=0)
    late = {end: sum(1 for n in _valued(readings, end) if n > begun) for end in (0, readings.new)}
    lacking = min(late, key=lambda end: late[end])
    first = _first_late(readings)
    if late[lacking] and first is not None:
        chance, many = _by_chance(readings, first)
        if chance >= TUNING.move_suspected or many >= TUNING.most_late_runs:
            return None
    return lacking, _early_seed(readings, lacking)


def _valued(readings: Readings, mix: int) -> list[int]:
    return [n for n, result in enumerate(readings.results) if result.mix == mix and result.value is not None]


def _second_run(readings: Readings, mix: int) -> int:
    """The number of a mix's second run with a value: by then the proof relies on it."""
    return (_valued(readings, mix) or [0])[:2][-1]


def _first_late(readings: Readings) -> int | None:
    """The number of the first run of an end at a seed that it had run at before, once a mix has run."""
    ran: set[tuple[int, int]] = set()
    mixes = False
    for number, result in enumerate(readings.results):
        key = result.mix, result.seed
        is_end = result.mix in (0, readings.new)
        if is_end and mixes and key in ran:
            return number
        mixes = mixes or not is_end
        if result.value is not None:
            ran.add(key)
    return None


def _early_seed(readings: Readings, end: int) -> int:
    """The seed of an end to run at again: of those it ran at, the one it ran at least often."""
    seeds = [readings.results[n].seed for n in _valued(readings, end)]
    return min(dict.fromkeys(seeds), key=lambda seed: (seeds.count(seed), seeds.index(seed)))


def _by_chance(readings: Readings, first: int) -> tuple[float, int]:
    """(how likely late and early runs of both ends lie so far apart if nothing moved, late runs of the end with fewer).

    Student's t of what both ends moved by on average; the noise is that within the phases of both.
    """
    groups: list[tuple[list[float], list[float]]] = []
    for end in (0, readings.new):
        values = readings.timed(end)
        groups.append(([v for n, v in values if n < first], [v for n, v in values if n >= first]))
    late = min(len(after) for _, after in groups)
    both = [(before, after) for before, after in groups if before and after]
    if not both:
        return 1.0, late
    moved = fmean(fmean(after) - fmean(before) for before, after in both)
    flat = [group for pair in groups for group in pair]
    freedom = float(sum(len(group) - 1 for group in flat if group))
    spread = pooled_spread(*flat)
    if readings.is_rounding(spread) or freedom < 1:
        return (1.0 if readings.is_rounding(abs(moved)) else 0.0), late
    error = spread * math.sqrt(sum(1 / len(b) + 1 / len(a) for b, a in both)) / len(both)
    return 2 * student_cdf(-abs(moved) / error, freedom), late
