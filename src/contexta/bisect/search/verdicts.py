"""The last steps before a verdict: fewer companions, the share of the drop, and repeated failures."""

from __future__ import annotations

import math

from contexta.bisect.inference.mix_evidence import MixEvidence
from contexta.bisect.inference.proof import Proof, Strength, prove
from contexta.bisect.search.companions import enough_companions, known_needed, next_without_companions
from contexta.bisect.search.problem import Probe, Problem, Verdict
from contexta.bisect.search.situation import Situation, failure_risk
from contexta.bisect.search.trials import next_seed, run_endpoint, run_mix
from contexta.bisect.space.lattice import groups_of
from contexta.bisect.tuning import TUNING

_LIMIT_OF_EARLY_SEARCH = 0.25
"""Of the limit for "no difference": with early verdicts the search begins with fewer runs of the endpoints."""


def proved(situation: Situation, proof: Proof) -> Probe | Verdict:
    """The verdict of a complete proof, once NEW without the culprits alone has run and the endpoints surely differ."""
    evidence, mixes = situation.evidence, situation.mixes
    without_culprits = mixes.without(mixes.full, proof.culprits)
    if proof.without_mix != without_culprits and without_culprits not in situation.observations.outcomes:
        return run_mix(evidence, without_culprits, "proof", "is NEW without the culprits alone good?")
    if not _endpoints_differ(situation):
        return confirm_drop(evidence)
    companions_alone = next((fact.mix for fact in proof.facts if fact.role == "companions"), 0)
    share = evidence.pairs.share(proof.with_mix, companions_alone)
    return situation.verdict("proved", "shown in both directions", proof.culprits, proof, share)


def _endpoints_differ(situation: Situation) -> bool:
    """Whether "no difference" is excluded: by all trials, and by the endpoints themselves if an RNG-perturbing change
    may look like the cause. Such a change acts at every seed, so not if NEW repeats OLD at one."""
    observations, p_value = situation.observations, situation.endpoints.p_value
    limit = TUNING.none_excluded_if_repeatable if observations.repeatable else TUNING.none_excluded
    if observations.has_early_verdicts:
        limit *= _LIMIT_OF_EARLY_SEARCH
    by_themselves = not observations.repeatable or observations.identical_endpoints > 0
    by_themselves = by_themselves or p_value is None or p_value <= TUNING.endpoints_differ_in_proof
    return situation.posterior.none <= limit and by_themselves


def confirm_drop(evidence: MixEvidence) -> Probe:
    """Another run of an endpoint, if only the difference between the endpoints is in doubt."""
    return run_endpoint(evidence, "all facts are shown, but the endpoints may be equal")


def prove_with_fewer_companions(situation: Situation, proof: Proof, strength: Strength) -> Probe | Proof:
    """The proof with the fewest companions, or the next run towards it; the same proof if fewer are impossible."""
    evidence, mixes, risk = situation.evidence, situation.mixes, situation.risk
    if not proof.companions & ~mixes.closed(proof.culprits):
        return proof
    mix = next_without_companions(situation.observations, mixes, proof.culprits)
    if mix is not None:
        return run_mix(evidence, mix, "proof", "do the culprits need all of their companions?")
    enough = enough_companions(situation.observations, mixes, proof.culprits)
    smaller = prove(evidence, mixes, risk, proof.culprits, strength, enough)
    if smaller.missing is not None or smaller.refuted or any(fact.mix in risk.failed for fact in smaller.facts):
        return proof
    if smaller.next_mix is not None:
        return run_mix(evidence, smaller.next_mix, "proof", "the culprits need only these companions")
    return smaller


def log_odds_of_a_part(situation: Situation, proof: Proof) -> float:
    """Log odds that the culprit causes a part of the drop, against all of it, prior included."""
    mixes = situation.mixes
    without_culprits = mixes.without(mixes.full, proof.culprits)
    kept = without_culprits if proof.without_mix == without_culprits else None
    return situation.evidence.log_odds_of_a_part(proof.with_mix, kept) + math.log(TUNING.prior_part_odds)


def joint_cause_probability(situation: Situation, proof: Proof, failures: int) -> tuple[float, float]:
    """The probability that a culprit acts only together with a companion that it does not require.

    The first part can still be tested by trials, the second cannot.

    failures: a change without which the culprit failed this often counts as required, so that no trial can separate
    them, and the report names it as required. One failure is enough if that change alone was missing, and if several
    mixes failed and all of them hold the culprits.
    """
    observations, mixes = situation.observations, situation.mixes
    testable = untestable = 0.0
    closed = mixes.closed(proof.culprits)
    only_with_culprits = len(observations.failures) >= TUNING.requirement_failures and all(
        mix & closed == closed for mix in observations.failures
    )
    needed = known_needed(observations, mixes, proof.culprits) if only_with_culprits else closed
    for culprit in groups_of(proof.culprits):
        for other in groups_of(proof.with_mix & ~closed):
            if situation.risk.failures_of(culprit, other) < failures and not needed >> other & 1:
                testable += situation.posterior.together[culprit][other]
            else:
                untestable += situation.posterior.together[culprit][other]
    return testable, untestable


def repeat_failure(problem: Problem, evidence: MixEvidence, verdict: Verdict) -> Probe | None:
    """A second run of a mix whose only failure shaped the verdict; None if there is none.

    If it runs now, the training crashes at random, and the search continues. Such a failure excluded the mix that would
    show the culprits best, made a change a companion, tied changes together, or came first in a study without proof.
    """
    mixes, culprits, failures = problem.mixes, verdict.culprits, evidence.observations.failures
    shaping = [mixes.closed(culprits), mixes.without(mixes.full, culprits)] if culprits else []
    not_required = verdict.companions & ~mixes.closed(culprits)
    shaping += [mix for mix in failures if mix & culprits and not_required & ~mix]
    for one, other in failure_risk(problem, evidence.observations).rules:
        if culprits >> one & culprits >> other & 1:
            shaping += [mix for mix in failures if mix >> one & 1 and not mix >> other & 1]
    if verdict.kind == "not_proved":
        shaping += failures
    failed = [mix for mix in dict.fromkeys(shaping) if mix in failures][: TUNING.second_looks]
    once = next((mix for mix in failed if len(evidence.observations.outcomes[mix]) == 1), None)
    return None if once is None else Probe(once, next_seed(evidence, once), "proof", "does this mix fail again?")
