"""Distinguish mixes that cannot run from a training that crashes at random.

Most failures are due to the mix: it fails at import, and would fail again. So while no mix both failed and gave a
value, one failure is final: another try of each would cost a run for nothing. Once a mix did both, and the endpoints
run often, the training is *flaky*: it crashes at about the same rate whatever it runs on. Then a mix counts as unable
to run only if its failures would be unlikely at that rate.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from itertools import count, takewhile

from contexta.bisect.tuning import TUNING

Outcomes = Sequence[str | None]
"""For each run of one mix, in order: the reason why it gave no value; None if it gave one."""


def cannot_run(outcomes: Mapping[int, Outcomes], endpoints: Collection[int] = ()) -> dict[int, str]:
    """Mix -> the reason of its last failure, for the mixes that count as failed."""
    rate = flakiness(outcomes)
    reasons: dict[int, str] = {}
    for mix, of_mix in outcomes.items():
        last = of_mix[-1]
        if last is None:
            continue
        in_a_row = sum(1 for _ in takewhile(lambda reason: reason is not None, reversed(of_mix)))
        if in_a_row < len(of_mix):
            enough = max(TUNING.least_failures_in_a_row, _tries(rate or 0.0, TUNING.lost_mix))
        elif rate is None:
            enough = TUNING.endpoint_tries if mix in endpoints else 1
        else:
            enough = max(2, _tries(rate, TUNING.unlikely_failures))
        if in_a_row >= enough:
            reasons[mix] = last
    return reasons


def flakiness(outcomes: Mapping[int, Outcomes]) -> float | None:
    """The share of runs in which the training crashes at random; None while no mix both failed and gave a value."""
    crashes = len(random_crashes(outcomes))
    runs = sum(len(of_mix) for of_mix in outcomes.values() if None in of_mix)
    return (crashes + 1) / (runs + 2) if crashes else None  # Laplace's rule, for few runs


def random_crashes(outcomes: Mapping[int, Outcomes]) -> list[str]:
    """The reasons of the failures of mixes that gave a value in another run."""
    return [reason for of_mix in outcomes.values() if None in of_mix for reason in of_mix if reason is not None]


def _tries(rate: float, unlikely: float) -> int:
    """The number of failures in a row that is this unlikely at this rate."""
    return next(tries for tries in count(1) if tries == TUNING.most_tries or rate**tries < unlikely)
