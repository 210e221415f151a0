"""Predict the next trials while others still run.

Only the trials that ``decide`` requests count, in the order of its requests. A trial that ran ahead is ready when it is
requested. So the verdict does not depend on the number of workers.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from contexta.bisect.inference.observations import Observation
from contexta.bisect.search.problem import Probe, Problem
from contexta.bisect.search.search import decide
from contexta.bisect.tuning import TUNING

Slot = tuple[int, int, int]
"""(mix, seed, number of earlier trials with both)"""


def slot_of(step: Probe, results: Sequence[Observation]) -> Slot:
    earlier = sum((result.mix, result.seed) == (step.mix, step.seed) for result in results)
    return step.mix, step.seed, earlier


def speculate(problem: Problem, results: Sequence[Observation], step: Probe, most: int) -> list[tuple[Slot, Probe]]:
    """At most ``most`` trials: the step itself, then those that follow its possible outcomes."""
    trials = {slot_of(step, results): step}
    futures = [(list(results), step)]
    for _ in range(TUNING.most_speculated):
        if len(trials) >= most or not futures:
            break
        before, trial = futures.pop(0)
        for value in _possible_values(before, trial, problem.mixes.full):
            after = [*before, Observation(trial.mix, trial.seed, value)]
            following = decide(problem, after)
            if isinstance(following, Probe):
                trials.setdefault(slot_of(following, after), following)
                futures.append((after, following))
    return list(trials.items())[:most]


def _possible_values(results: Sequence[Observation], step: Probe, new: int) -> Iterator[float]:
    """The values that a trial may give: that of its mix, or else those of the endpoints, at its seed if possible."""
    for mix in (step.mix,) if step.mix in (0, new) else (0, new):
        values = [(result.seed, result.value) for result in results if result.mix == mix and result.value is not None]
        yield dict(values).get(step.seed, values[-1][1] if values else float(mix == 0))
