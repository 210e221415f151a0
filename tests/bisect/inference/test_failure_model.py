from __future__ import annotations

from contexta.bisect.inference.failures.failure_model import Risk, learn


def chances(risk: Risk) -> dict[tuple[int, int], float]:
    """(a, b) -> the chance that a at NEW dies beside b at OLD."""
    return {pair: group.chance for group in risk.suspects for pair in group.pairs}


def test_a_failed_mix_makes_its_pairs_suspect() -> None:
    risk = learn(3, failed=[0b001], ran=[0b000, 0b111])
    assert set(chances(risk)) == {(0, 1), (0, 2)}
    assert risk.of(0b001) == 1.0
    assert risk.itself < risk.of(0b101) < 1
    assert risk.of(0b110) == risk.itself < 0.1


def test_a_pair_that_ran_is_cleared() -> None:
    risk = learn(3, failed=[0b001], ran=[0b101])
    assert set(chances(risk)) == {(0, 2)}
    assert 0.5 < risk.of(0b011) < 1
    assert risk.failures_of(0, 2) == 1


def test_the_pair_in_most_failures_is_suspected_most() -> None:
    suspected = chances(learn(4, failed=[0b0001, 0b0101, 0b1001], ran=[]))
    assert max(suspected, key=suspected.__getitem__) == (0, 1)


def test_a_mix_that_ran_has_no_risk() -> None:
    risk = learn(3, failed=[0b001, 0b011], ran=[0b101])
    assert risk.of(0b101) == 0.0 < risk.itself <= risk.of(0b111)


def test_no_mix_has_a_risk_before_the_first_failure() -> None:
    assert learn(5, failed=[], ran=[0b1]).of(0b01010) == 0.0


def test_a_pair_in_many_failures_becomes_a_rule_and_other_pairs_do_not() -> None:
    failed = [0b0001, 0b0101, 0b1001, 0b1101]
    risk = learn(4, failed=failed, ran=[0b0000, 0b0010, 0b1111])
    assert risk.rules == ((0, 1),)
    assert risk.of(0b0011) < 0.2
    assert learn(4, failed=failed[:3], ran=[]).rules == ()


def test_a_single_failure_is_due_to_the_mix_or_to_a_pair_with_similar_probability() -> None:
    # one change alone fails: 29 of 870 pairs could be to blame, so its neighbours are worth a try
    risk = learn(30, failed=[0b1], ran=[0, (1 << 30) - 1, 0b1110, 0b1111 << 20])
    assert 0.2 < risk.of(0b11) < 0.8


def test_failures_without_a_common_pair_are_due_to_the_mixes() -> None:
    ran = [0, 0b11111111, *(0b11 << shift for shift in range(7))]
    own = learn(8, failed=[0b00000001, 0b00010000, 0b01111111, 0b11101111], ran=ran)
    shared = learn(8, failed=[0b00000001, 0b00010001, 0b01000001, 0b01010001], ran=ran)
    assert own.itself > 1.5 * shared.itself


def test_half_of_the_pairs_with_the_same_failures_have_half_the_risk() -> None:
    # group 0 at NEW died beside eleven at OLD, four times over
    everything = (1 << 12) - 1
    failed = [0b1, 0b1 | 1 << 11, 0b1 | 1 << 10, 0b1 | 1 << 9]
    ran = [0, everything, everything & ~0b1]
    risk = learn(12, failed, ran)
    assert risk.of(everything & ~(0b11111 << 1)) < risk.of(0b11) < 1
    assert risk.of(0b11) > 0.75
