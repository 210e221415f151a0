"""Distinguish mixes that cannot run from a training that crashes at random. Pure.

Most failures are of the mix: it dies at import, and would again. So where no mix ever both failed and gave a value, one
failure is final: to try each again would cost a run for nothing. Once some mix did both, and the ends run often, the
training is *flaky*: it dies at about the same rate whatever it runs on, and a mix counts as one that cannot run only
when so many failures of it would be unlikely at that rate.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from itertools import count, takewhile

from contexta.bisect.inference.tuning import TUNING

Told = Sequence[str | None]
"""How the runs of one mix ended, in their order: why there was no value; None where there was one."""


def cannot_run(told: Mapping[int, Told], ends: Collection[int] = ()) -> dict[int, str]:
    """Mix -> the reason of its last failure, for those that count as failed."""
    rate = flakiness(told)
    found: dict[int, str] = {}
    for mix, outcomes in told.items():
        last = outcomes[-1]
        if last is None:
            continue
        in_a_row = sum(1 for _ in takewhile(lambda why: why is not None, reversed(outcomes)))
        if in_a_row < len(outcomes):
            most = max(TUNING.least_failures_in_a_row, _tries(rate or 0.0, TUNING.lost_mix))
        elif rate is None:
            most = TUNING.endpoint_tries if mix in ends else 1
        else:
            most = max(2, _tries(rate, TUNING.unlikely_failures))
        if in_a_row >= most:
            found[mix] = last
    return found


def flakiness(told: Mapping[int, Told]) -> float | None:
    """The share of its runs that the training dies in by itself; None while no mix both failed and gave a value."""
    died = len(died_although_it_runs(told))
    runs = sum(len(outcomes) for outcomes in told.values() if None in outcomes)
    return (died + 1) / (runs + 2) if died else None  # Laplace's rule: of a few runs nobody knows it well


def died_although_it_runs(told: Mapping[int, Told]) -> list[str]:
    """The reasons of the failures of mixes that gave a value in another run."""
    return [why for outcomes in told.values() if None in outcomes for why in outcomes if why is not None]


def _tries(rate: float, unlikely: float) -> int:
    """How many failures in a row are that unlikely where each has this chance."""
    return next(many for many in count(1) if many == TUNING.most_tries or rate**many < unlikely)
