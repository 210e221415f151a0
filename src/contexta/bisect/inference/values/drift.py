"""Detect drift of the machine or the data during a study, from late runs of both endpoints.

Endpoints run early and mixes late. If the machine changes its speed or moves the metric in between, every mix looks bad
or good, and whatever the late mixes share is blamed. So before a proof counts, OLD and NEW run once more after its
mixes, each at a seed that it ran at early. A test compares late with early runs. If the endpoints moved, earlier trials
no longer count, and the study starts again with the late runs.
"""

from __future__ import annotations

import math
from statistics import fmean

from contexta.analysis.metrics.stats import pooled_spread, student_cdf
from contexta.bisect.inference.mix_evidence import MixEvidence
from contexta.bisect.inference.observations import ObservedTrials
from contexta.bisect.inference.proof import Proof
from contexta.bisect.tuning import TUNING


def first_counted(observations: ObservedTrials) -> int:
    """The number of the first result that counts: 0 without drift, else that of the first late run of an endpoint."""
    first = _first_late(observations)
    if first is None:
        return 0
    p_value, late = _test_for_drift(observations, first)
    return first if p_value < (TUNING.moved if late < TUNING.most_late_runs else TUNING.moved_at_last) else 0


def next_late_run(evidence: MixEvidence, proof: Proof) -> tuple[int, int] | None:
    """(endpoint, seed) to run before this proof counts; None if there are enough late runs.

    None as well if each mix of the proof gave the identical value of an endpoint at its seed: then nothing moved.
    """
    observations = evidence.observations
    mixes = [fact.mix for fact in proof.facts if fact.mix not in (0, observations.new)]
    if (
        observations.repeatable
        and evidence.values.identifies
        and all(any(evidence.values.matches[mix]) for mix in mixes)
    ):
        return None
    begun = max((_second_run(observations, mix) for mix in mixes), default=0)
    late = {mix: sum(1 for n in _with_value(observations, mix) if n > begun) for mix in (0, observations.new)}
    endpoint = min(late, key=lambda mix: late[mix])
    first = _first_late(observations)
    if late[endpoint] and first is not None:
        p_value, count = _test_for_drift(observations, first)
        if p_value >= TUNING.move_suspected or count >= TUNING.most_late_runs:
            return None
    return endpoint, _early_seed(observations, endpoint)


def _with_value(observations: ObservedTrials, mix: int) -> list[int]:
    return [n for n, result in enumerate(observations.results) if result.mix == mix and result.value is not None]


def _second_run(observations: ObservedTrials, mix: int) -> int:
    """The number of a mix's second run with a value, from which on the proof relies on it."""
    return (_with_value(observations, mix) or [0])[:2][-1]


def _first_late(observations: ObservedTrials) -> int | None:
    """The number of the first run of an endpoint at a seed that it had already run at, once a mix has run."""
    ran: set[tuple[int, int]] = set()
    mix_has_run = False
    for number, result in enumerate(observations.results):
        key = result.mix, result.seed
        is_endpoint = result.mix in (0, observations.new)
        if is_endpoint and mix_has_run and key in ran:
            return number
        mix_has_run = mix_has_run or not is_endpoint
        if result.value is not None:
            ran.add(key)
    return None


def _early_seed(observations: ObservedTrials, endpoint: int) -> int:
    """The seed at which the endpoint ran least often, of those that it ran at."""
    seeds = [observations.results[n].seed for n in _with_value(observations, endpoint)]
    return min(dict.fromkeys(seeds), key=lambda seed: (seeds.count(seed), seeds.index(seed)))


def _test_for_drift(observations: ObservedTrials, first: int) -> tuple[float, int]:
    """(p value of no drift between early and late runs of both endpoints, late runs of the endpoint with fewer).

    Student's t test of the mean move of both endpoints; the noise is that within their early and late runs.
    """
    phases: list[tuple[list[float], list[float]]] = []
    for endpoint in (0, observations.new):
        values = observations.timed(endpoint)
        phases.append(([v for n, v in values if n < first], [v for n, v in values if n >= first]))
    late = min(len(after) for _, after in phases)
    both = [(before, after) for before, after in phases if before and after]
    if not both:
        return 1.0, late
    moved = fmean(fmean(after) - fmean(before) for before, after in both)
    samples = [sample for pair in both for sample in pair]
    freedom = float(sum(len(sample) - 1 for sample in samples))
    spread = pooled_spread(*samples)
    if observations.is_rounding(spread) or freedom < 1:
        return (1.0 if observations.is_rounding(abs(moved)) else 0.0), late
    error = spread * math.sqrt(sum(1 / len(b) + 1 / len(a) for b, a in both)) / len(both)
    return 2 * student_cdf(-abs(moved) / error, freedom), late
