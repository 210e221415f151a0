"""Search and prove a minimal set of culprits, if no single change and no pair explains the trials."""

from __future__ import annotations

from contexta.bisect.inference.proof import prove
from contexta.bisect.search.delta_debugging import Judged, Unknown, minimal_cause
from contexta.bisect.search.problem import Probe, Verdict
from contexta.bisect.search.situation import Situation
from contexta.bisect.search.trials import run_mix
from contexta.bisect.search.verdicts import proved


def search_minimal_set(situation: Situation) -> Probe | Verdict:
    """The next step of delta debugging, then of the proof of the set that it finds."""
    evidence, settings = situation.evidence, situation.settings

    def judge(mix: int) -> Judged:
        if mix in situation.observations.failures:
            return "failed"
        state = evidence.state(mix, settings.search_odds)
        if state == "open":
            raise Unknown(mix)
        return state

    try:  # the order of the changes must not depend on results: each result would restart the search elsewhere
        culprits = minimal_cause(judge, situation.mixes, situation.problem.weights.__getitem__)
    except Unknown as unknown:
        return run_mix(evidence, unknown.mix, "search", "no single change explains the trials")
    if culprits is None:
        return situation.verdict("not_proved", "failing mixes hide which changes belong to the cause")
    return prove_set(situation, culprits)


def prove_set(situation: Situation, culprits: int) -> Probe | Verdict:
    """The next step of the proof of a set without a hypothesis, by its facts alone.

    A culprit whose omission changes nothing is left out, and the proof of the others starts again.
    """
    evidence, mixes, strength = situation.evidence, situation.mixes, situation.settings.strength
    proof = prove(evidence, mixes, situation.risk, culprits, strength)
    while proof.needless:
        proof = prove(evidence, mixes, situation.risk, proof.culprits & ~proof.needless, strength)
    if proof.complete:
        return proved(situation, proof)
    if proof.missing is None and not proof.refuted and proof.next_mix is not None:
        why = "these changes form a minimal set, and this fact of their proof is open"
        return run_mix(evidence, proof.next_mix, "proof", why)
    return situation.verdict("not_proved", proof.missing or "a fact of the proof was refuted", proof.culprits, proof)
