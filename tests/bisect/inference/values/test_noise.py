from __future__ import annotations

import math
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contexta.analysis.metrics.grain import grain
from contexta.bisect.inference.values.noise import shared_by_seed


@given(st.integers(2, 500), st.lists(st.integers(0, 500), min_size=2, max_size=8, unique=True))
def test_the_grain_of_multiples_of_1_over_n_divides_every_difference(n: int, hits: list[int]) -> None:
    step = grain(hit / n for hit in hits)
    assert step == pytest.approx(math.gcd(*(hit - hits[0] for hit in hits)) / n)


def test_values_without_a_common_step_have_almost_no_grain() -> None:
    assert grain([math.sqrt(n) for n in range(2, 8)]) < 1e-6
    assert grain([0.5, 0.5]) == 0


def test_an_effect_of_seeds_on_both_endpoints_is_estimated_and_noise_is_not() -> None:
    common = [0.10, -0.20, 0.05, 0.15, -0.10]
    own = [0.004, -0.003, 0.001, -0.002, 0.003]
    old = {seed: 0.9 + both + one for seed, (both, one) in enumerate(zip(common, own, strict=True))}
    new = {seed: 0.8 + both - one for seed, (both, one) in enumerate(zip(common, own, strict=True))}
    found = shared_by_seed(old, new)
    assert [found[seed] for seed in range(5)] == pytest.approx(common, abs=0.01)
    assert shared_by_seed(old, {seed: 0.8 + own[seed] for seed in range(5)}) == {}


def test_three_shared_seeds_show_no_seed_effect() -> None:
    same = {0: 0.1, 1: 0.5, 2: 0.9, 3: 0.3}
    assert shared_by_seed(same, same) == pytest.approx({0: -0.35, 1: 0.05, 2: 0.45, 3: -0.15})
    assert shared_by_seed(same, {seed: same[seed] for seed in range(3)}) == {}
    assert shared_by_seed(same, dict.fromkeys(same, 0.5)) == {}


@given(st.integers(0, 10_000))
def test_independent_values_rarely_show_a_seed_effect(number: int) -> None:
    chance = Random(number)
    groups = [
        ({seed: chance.gauss() for seed in range(6)}, {seed: chance.gauss() for seed in range(6)}) for _ in range(100)
    ]
    assert sum(bool(shared_by_seed(*pair)) for pair in groups) <= 16
