"""Early verdicts: trials that were stopped because they logged exactly what an endpoint logged.

Such a trial counts as if it had the value of the endpoint at that seed, but this value was not measured. So every trial
that runs to its end tests the rule: if it followed an endpoint and ends with another value, or without a value, no
early verdict counts. A proof also needs measured values (``unmeasured_fact``).
"""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from itertools import chain, count

from contexta.bisect.inference.mix_evidence import MixEvidence
from contexta.bisect.inference.observations import Observation
from contexta.bisect.inference.proof import Proof, Strength
from contexta.bisect.inference.values.outliers import usable_observations

_CONTRADICTING_ODDS = 20.0  # between good and bad, to one, by measured values alone


def is_contradicted(results: Sequence[Observation]) -> bool:
    """Whether a trial that ran to its end shows that equal trajectories do not mean equal values.

    It followed an endpoint and has another value, or none because it crashed or diverged; or a mix gave two values at
    one seed.
    """
    values: dict[tuple[int, int], float] = {}
    for result in results:
        if not result.is_measured:
            continue
        if result.predicted not in (None, result.value):
            return True
        if result.value is None:
            continue
        if values.setdefault((result.mix, result.seed), result.value) != result.value:
            return True
    return False


def counted(results: Sequence[Observation]) -> list[int]:
    """The numbers of the results that count.

    After a contradiction these are the measured ones. A verdict that was measured later does not count twice.
    """
    if is_contradicted(results):
        return [number for number, result in enumerate(results) if result.is_measured]
    numbers = []
    measured: set[tuple[int, int]] = set()
    for number, result in reversed(list(enumerate(results))):
        key = result.mix, result.seed
        if result.is_measured and result.value is not None:
            measured.add(key)
        if result.is_measured or key not in measured:
            numbers.append(number)
    return numbers[::-1]


def lost_repeat(results: Sequence[Observation]) -> int | None:
    """The seed at which OLD must repeat to its end, because its repeat was an early verdict that no longer counts."""
    if not is_contradicted(results):
        return None
    seed = next((result.seed for result in results if result.mix == 0 and not result.is_measured), None)
    complete = sum(result.mix == 0 and result.seed == seed and result.is_measured for result in results)
    return seed if complete < 2 else None


def must_be_measured(results: Sequence[Observation], mix: int, seed: int, new: int) -> bool:
    """Whether the next trial of a mix at a seed must run to its end, whatever it logs.

    The second run of OLD only shows whether OLD repeats. Everything else that runs again is in doubt: a late run of OLD
    tells whether the machine has changed, and would compare a copy with itself if it were stopped.
    """
    if mix == 0:
        seeds = [result.seed for result in results if result.mix == 0 and result.value is not None]
        return seeds != [seed] or any(result.mix not in (0, new) for result in results)
    return mix == new or any((result.mix, result.seed) == (mix, seed) for result in results)


def unmeasured_fact(
    results: Sequence[Observation], proof: Proof, new: int, strength: Strength
) -> tuple[int, int] | None:
    """(mix, seed) of the first fact of a proof that measured values alone do not show; None if they show all.

    Each mix of the proof must have a measured value, and one of them at a seed at which both endpoints were measured:
    only there it can contradict the rule.
    """
    if all(result.is_measured for result in results):
        return None
    ends, measured = (0, new), _measured(results, new)
    seeds = {mix: {r.seed for r in results if r.mix == mix and r.is_measured and r.value is not None} for mix in ends}
    testing = seeds[0] & seeds[new]
    facts = [fact for fact in proof.facts if fact.mix not in ends]
    mixes = [fact.mix for fact in facts]
    if mixes and testing and not any(r.mix in mixes and r.seed in testing and r.is_measured for r in results):
        return mixes[0], min(testing)
    for fact in facts:
        culprits = 0 if fact.expected is None else proof.culprits
        if measured.state(fact.mix, strength.odds, 1, culprits) != fact.state:
            return fact.mix, _open_seed(results, fact.mix, testing)
    return None


def _open_seed(results: Sequence[Observation], mix: int, testing: AbstractSet[int]) -> int:
    """The seed at which a mix runs to its end: of its early verdicts, else of the endpoints, else a new one."""
    ran = [result for result in results if result.mix == mix]
    early = [result.seed for result in ran if not result.is_measured]
    unused = count(max((result.seed for result in results), default=-1) + 1)
    return next(chain(early, sorted(testing - {result.seed for result in ran}), unused))


def doubtful_verdict(results: Sequence[Observation], new: int) -> tuple[int, int] | None:
    """(mix, seed) of an early verdict that the measured values of the mix at other seeds contradict; None without one.

    It must be measured at once: everything that follows from a wrong rule costs trials.
    """
    measured_mixes = {result.mix for result in results if result.is_measured and result.value is not None}
    early = [r for r in results if not r.is_measured and r.mix in measured_mixes and r.mix not in (0, new)]
    if not early:
        return None
    measured = _measured(results, new)
    for result in early:
        is_good = any(r.value == result.value for r in results if (r.mix, r.seed) == (0, result.seed))
        state = measured.state(result.mix, _CONTRADICTING_ODDS)
        if state == ("bad" if is_good else "good"):
            return result.mix, result.seed
    return None


def _measured(results: Sequence[Observation], new: int) -> MixEvidence:
    """The evidence of the measured values. The repeat of OLD counts: without it no value is a fingerprint."""
    return MixEvidence(usable_observations([r for r in results if r.is_measured or r.mix in (0, new)], new))
