from __future__ import annotations

import pytest

from contexta.bisect.inference.failures.failure_model import learn
from contexta.bisect.inference.posterior import Posterior
from contexta.bisect.search.acquisition import most_informative
from contexta.bisect.space.lattice import Mixes

NOTHING = (0.0,) * 20
EVEN = Posterior((1 / 20,) * 20, (NOTHING,) * 20, (NOTHING,) * 20, 0.0, 0.0)
MIXES = Mixes.of(20)
HALF = (1 << 10) - 1


def test_half_of_the_suspects_is_most_informative() -> None:
    choice = most_informative(EVEN, MIXES, learn(20, failed=[], ran=[0, MIXES.full]))
    assert choice is not None
    assert (choice.bad, choice.bits) == pytest.approx((0.5, 1.0))


def test_a_mix_that_ran_is_preferred_if_others_may_fail() -> None:
    risk = learn(20, failed=[0b11 << shift for shift in range(0, 20, 2)], ran=[0, HALF, MIXES.full])
    choice = most_informative(EVEN, MIXES, risk)
    assert choice is not None
    assert choice.mix == HALF
    assert choice.bits == 1.0


def test_a_settled_mix_is_not_chosen() -> None:
    risk = learn(20, failed=[0b11 << shift for shift in range(0, 20, 2)], ran=[0, HALF, MIXES.full])
    choice = most_informative(EVEN, MIXES, risk, settled=[HALF])
    assert choice is not None
    assert choice.mix != HALF
    assert choice.bits < 1.0


def test_no_mix_is_informative_about_a_certain_cause() -> None:
    sure = Posterior((1.0, 0.0), ((0.0, 0.0),) * 2, ((0.0, 0.0),) * 2, 0.0, 0.0)
    assert most_informative(sure, Mixes.of(2), learn(2, failed=[], ran=[0, 3])) is None
