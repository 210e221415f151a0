from __future__ import annotations

import math
from random import Random
from statistics import fmean

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contexta.bisect.levels import Levels, Pool, either

VALUES = st.lists(st.floats(-100, 100), min_size=1, max_size=8)
NOISE = Levels(1.0, 3.0)


def scattered(level: float, spread: float, count: int, seed: int) -> Pool:
    random = Random(seed)
    return Pool.of(random.gauss(level, spread) for _ in range(count))


@given(VALUES, st.permutations(range(8)))
def test_the_order_of_values_does_not_matter(values: list[float], order: list[int]) -> None:
    shuffled = [values[n] for n in order if n < len(values)]
    assert NOISE.apart(Pool.of(shuffled)) == pytest.approx(NOISE.apart(Pool.of(values)), abs=1e-9)


@given(VALUES, VALUES)
def test_pools_joined_are_the_pool_of_all_values(one: list[float], other: list[float]) -> None:
    joined = Pool.of(one).joined(Pool.of(other))
    assert joined == pytest.approx(Pool.of([*one, *other]))


def test_the_predictive_density_of_a_further_value_integrates_to_one() -> None:
    levels, before, step = Levels(0.5, 3.0), Pool.of([0.1, -0.3, 0.4]), 0.01
    further = (levels.apart(before.plus(n * step)) for n in range(-6000, 6000))
    assert sum(math.exp(density - levels.apart(before)) for density in further) * step == pytest.approx(1.0, abs=1e-3)


def test_values_of_one_level_are_likelier_together_than_values_of_two() -> None:
    levels = Levels(0.1, 3.0)
    assert levels.apart(Pool.of([1.0, 1.1, 0.9, 1.0])) > levels.apart(Pool.of([1.0, 1.1, 3.9, 4.0])) + 5


def test_values_at_two_levels_are_a_drop_and_values_at_one_are_none() -> None:
    old, far, near = Pool.of([-1.0, 0.0, 1.0] * 4), Pool.of([2.0, 3.0, 4.0] * 4), Pool.of([-0.9, 0.1, 1.1] * 4)
    assert NOISE.dropped(old, far) > NOISE.apart(old.joined(far)) + 5
    assert NOISE.dropped(old, near) < NOISE.apart(old.joined(near)) - 2


@pytest.mark.parametrize("size", [2.0, 4.0, 30.0])
def test_a_drop_beyond_the_noise_is_likelier_than_a_small_one_that_fits_as_well(size: float) -> None:
    """What rules a wrong sort of the values out: it needs a small drop."""

    def surprise(drop: float) -> float:
        old, new = Pool.of([-1.0, 0.0, 1.0] * 5), Pool.of([drop - 1, drop, drop + 1] * 5)
        return NOISE.apart(old, new) - NOISE.dropped(old, new)

    assert surprise(0.5) > surprise(size) - math.log(size) + 2


def test_a_rise_is_no_drop() -> None:
    old, better = scattered(0.0, 1.0, 8, 1), scattered(-4.0, 1.0, 8, 2)
    assert NOISE.dropped(old, better) < NOISE.apart(old, better) - 15


def test_values_far_beyond_the_noise_are_weighed_without_an_overflow() -> None:
    old, wild = Pool.of([0.0, 0.1]), Pool.of([1e60, 1.1e60])
    assert math.isfinite(NOISE.dropped(old, wild))
    assert math.isfinite(NOISE.dropped(wild, old))


@pytest.mark.parametrize("calm", [0, 1])
def test_noise_of_two_sizes_hides_a_drop_no_longer_than_it_must(calm: int) -> None:
    """Pooled, the larger noise would hide what the calm values show."""
    spreads = (0.1, 2.0) if calm == 0 else (2.0, 0.1)
    levels = Levels(math.hypot(*spreads) / math.sqrt(2), 3.0)
    old, new = scattered(0.0, spreads[0], 20, 1), scattered(4.0, spreads[1], 20, 2)
    assert levels.dropped(old, new) > levels.noisier(old, new) + 5


def test_noise_alone_is_no_drop() -> None:
    """NEW scatters ten times as much about the same level."""
    wins = 0
    for seed in range(20):
        old, new = scattered(0.0, 0.3, 12, seed), scattered(0.0, 3.0, 12, 100 + seed)
        levels = Levels(2.0, 3.0)
        wins += levels.noisier(old, new) > levels.dropped(old, new)
    assert wins >= 18


def test_the_density_of_no_difference_is_that_of_one_level_when_the_noise_is_the_same() -> None:
    """Savage and Dickey's ratio, against the same worked out directly: many values, so the spreads are known."""
    old, new = scattered(0.0, 1.0, 4000, 1), scattered(0.0, 1.0, 4000, 2)
    levels = Levels(1.0, 1e6)
    assert levels.noisier(old, new) == pytest.approx(levels.apart(old.joined(new)), abs=0.05)


@given(st.floats(-50, 50), st.floats(-50, 50))
def test_the_log_of_a_sum_is_that_of_the_sum(one: float, other: float) -> None:
    assert either(one, other) == pytest.approx(math.log(math.exp(one) + math.exp(other)))


def test_the_mean_of_a_pool_is_that_of_its_values() -> None:
    assert Pool.of([1.0, 2.5, 4.0]).mean == fmean([1.0, 2.5, 4.0])
