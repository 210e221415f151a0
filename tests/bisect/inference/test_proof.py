"""What the facts of a proof of several culprits have to show, on results made for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from contexta.bisect.inference.failure_model import learn
from contexta.bisect.inference.observations import Observation, Readings
from contexta.bisect.inference.proof import Fact, Proof, Strength, prove
from contexta.bisect.space.lattice import Mixes

NEW = 0b1111
MIXES = Mixes.of(4)


def readings(values: Mapping[int, Sequence[float | None]]) -> Readings:
    return Readings(
        tuple(Observation(mix, n, value) for mix, of_mix in values.items() for n, value in enumerate(of_mix)), NEW
    )


def proof_of(culprits: int, found: Readings) -> Proof:
    risk = learn(MIXES.count, found.failures, (0, NEW, *found.probed))
    return prove(found, MIXES, risk, culprits, Strength())


def the_fact(proof: Proof, mix: int) -> Fact:
    return next(fact for fact in proof.facts if fact.mix == mix)


def test_other_mixes_show_no_fact_about_a_pair_that_the_ends_alone_lean_against() -> None:
    values = {0: (0.0, 0.0, -0.1), NEW: (-1.2, -1.2, -1.2), 0b0111: (-0.6, -0.3, -0.4), 0b0011: (-0.6, -0.6)}
    found = readings(values)
    good, bad, _ = found.log_densities[0b0011]
    assert 1.1 < good - bad < 2.3  # three to ten times likelier good
    assert found.state(0b0011, 10.0, 2, culprits=0b0011) == "bad"  # beside what else would be bad
    assert the_fact(proof_of(0b0011, found), 0b0011).state == "open"


def test_a_fact_about_a_single_change_is_held_against_what_else_would_be_bad() -> None:
    values = {0: (0.0, 0.0, -0.1), NEW: (-1.2, -1.2, -1.2), 0b0111: (-0.6, -0.3, -0.4), 0b0001: (-0.6, -0.6)}
    assert the_fact(proof_of(0b0001, readings(values)), 0b0001).state == "bad"


def test_what_stays_beside_a_pair_stays_in_when_one_of_it_is_left_out() -> None:
    """0 acts with 2, which stands beside 0 and 1 where these were shown: 1 alone was nowhere needed."""
    good, bad = (0.0, 0.01), (-1.0, -1.01)
    values: dict[int, Sequence[float | None]] = {0: (0.0, 0.01, -0.01), NEW: (-1.0, -1.01, -0.99), 0b0011: (None, None)}
    values |= {0b0111: bad, 0b0100: good, 0b1100: good, 0b0001: good, 0b0010: good}
    proof = proof_of(0b0011, readings(values))
    assert not proof.complete
    assert the_fact(proof, 0b0101).role == "all but one"
    assert proof_of(0b0011, readings({**values, 0b0101: bad, 0b1110: good})).needless == 0b0010
    assert proof_of(0b0011, readings({**values, 0b0101: good, 0b0110: good})).complete
