"""Predict the next trials while others still run. Pure.

Only what ``decide`` asks for ever counts, in the order it asks; what was run ahead is at hand when it does. So however
many workers there are, the verdict is the one of a single worker.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from contexta.bisect.inference.observations import Observation
from contexta.bisect.inference.tuning import TUNING
from contexta.bisect.search.search import Probe, Problem, decide

Slot = tuple[int, int, int]
"""(mix, seed, how many trials of both came before)"""


def slot_of(step: Probe, results: Sequence[Observation]) -> Slot:
    return step.mix, step.seed, sum((each.mix, each.seed) == (step.mix, step.seed) for each in results)


def ahead(problem: Problem, results: Sequence[Observation], step: Probe, many: int) -> list[tuple[Slot, Probe]]:
    """The step itself, then those that follow it were its outcome as imagined, good and bad; at most ``many``."""
    found = {slot_of(step, results): step}
    futures = [(list(results), step)]
    for _ in range(TUNING.most_speculated):
        if len(found) >= many or not futures:
            break
        known, asked = futures.pop(0)
        for value in _imagined(known, asked, problem.mixes.full):
            then = [*known, Observation(asked.mix, asked.seed, value)]
            follows = decide(problem, then)
            if isinstance(follows, Probe):
                found.setdefault(slot_of(follows, then), follows)
                futures.append((then, follows))
    return list(found.items())[:many]


def _imagined(known: Sequence[Observation], step: Probe, new: int) -> Iterator[float]:
    """What the trial may give: what its mix gave before, else what the ends gave, at this seed if they did."""
    for mix in (step.mix,) if step.mix in (0, new) else (0, new):
        values = [(each.seed, each.value) for each in known if each.mix == mix and each.value is not None]
        yield dict(values).get(step.seed, values[-1][1] if values else float(mix == 0))
