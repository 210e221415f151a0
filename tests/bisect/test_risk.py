from __future__ import annotations

from contexta.bisect.risk import learn


def test_a_failed_mix_makes_its_pairs_suspect() -> None:
    risk = learn(3, failed=[0b001], ran=[0b000, 0b111])
    assert set(risk.pairs()) == {(0, 1), (0, 2)}
    assert risk.of(0b001) == 1.0
    assert 0 < risk.of(0b101) < 1
    assert risk.of(0b110) == 0.0


def test_a_pair_that_ran_is_cleared() -> None:
    risk = learn(3, failed=[0b001], ran=[0b101])
    assert set(risk.pairs()) == {(0, 2)}
    assert 0.5 < risk.of(0b011) < 1
    assert risk.failures_of(0, 2) == 1


def test_the_pair_that_several_failures_share_is_suspected_most() -> None:
    risk = learn(4, failed=[0b0001, 0b0101, 0b1001], ran=[])
    assert max(risk.pairs(), key=risk.pairs().__getitem__) == (0, 1)


def test_without_failures_nothing_is_risky() -> None:
    assert learn(5, failed=[], ran=[0b1]).of(0b01010) == 0.0


def test_a_pair_that_many_failures_share_becomes_a_rule_and_the_others_do_not() -> None:
    failed = [0b0001, 0b0101, 0b1001, 0b1101]
    risk = learn(4, failed=failed, ran=[0b0000, 0b0010, 0b1111])
    assert risk.rules == ((0, 1),)
    assert risk.of(0b0011) < 0.2
    assert learn(4, failed=failed[:2], ran=[]).rules == ()
