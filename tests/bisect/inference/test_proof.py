"""What the facts of a proof of several culprits must show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from contexta.bisect.inference.failures.failure_model import learn
from contexta.bisect.inference.mix_evidence import MixEvidence
from contexta.bisect.inference.observations import Observation, ObservedTrials
from contexta.bisect.inference.proof import Fact, Proof, Strength, prove
from contexta.bisect.space.lattice import Mixes

NEW = 0b1111
MIXES = Mixes.of(4)


def evidence(values: Mapping[int, Sequence[float | None]]) -> MixEvidence:
    return MixEvidence(
        ObservedTrials(
            tuple(Observation(mix, n, value) for mix, of_mix in values.items() for n, value in enumerate(of_mix)), NEW
        )
    )


def proof_of(culprits: int, trials: MixEvidence) -> Proof:
    risk = learn(MIXES.count, trials.observations.failures, (0, NEW, *trials.observations.probed))
    return prove(trials, MIXES, risk, culprits, Strength())


def the_fact(proof: Proof, mix: int) -> Fact:
    return next(fact for fact in proof.facts if fact.mix == mix)


def test_other_mixes_never_outweigh_the_endpoints_in_the_proof_of_a_pair() -> None:
    values = {0: (0.0, 0.0, -0.1), NEW: (-1.2, -1.2, -1.2), 0b0111: (-0.6, -0.3, -0.4), 0b0011: (-0.6, -0.6)}
    trials = evidence(values)
    good, bad, _ = trials.log_densities[0b0011]
    assert 1.1 < good - bad < 2.3  # the odds of good are three to ten to one
    assert trials.state(0b0011, 10.0, 2, culprits=0b0011) == "bad"  # with the mixes that would be bad as well
    assert the_fact(proof_of(0b0011, trials), 0b0011).state == "open"


def test_a_fact_about_a_single_change_is_compared_with_other_bad_mixes() -> None:
    values = {0: (0.0, 0.0, -0.1), NEW: (-1.2, -1.2, -1.2), 0b0111: (-0.6, -0.3, -0.4), 0b0001: (-0.6, -0.6)}
    assert the_fact(proof_of(0b0001, evidence(values)), 0b0001).state == "bad"


def test_the_changes_beside_a_pair_stay_when_one_of_it_is_left_out() -> None:
    """Change 0 acts with 2, which is in the mix that shows 0 and 1: change 1 was needed nowhere."""
    good, bad = (0.0, 0.01), (-1.0, -1.01)
    values: dict[int, Sequence[float | None]] = {0: (0.0, 0.01, -0.01), NEW: (-1.0, -1.01, -0.99), 0b0011: (None, None)}
    values |= {0b0111: bad, 0b0100: good, 0b1100: good, 0b0001: good, 0b0010: good}
    proof = proof_of(0b0011, evidence(values))
    assert not proof.complete
    assert the_fact(proof, 0b0101).role == "all but one"
    assert proof_of(0b0011, evidence({**values, 0b0101: bad, 0b1110: good})).needless == 0b0010
    assert proof_of(0b0011, evidence({**values, 0b0101: good, 0b0110: good})).complete
