from __future__ import annotations

import math
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contexta.bisect.inference.likelihood import Levels, Pool, either

VALUES = st.lists(st.floats(-100, 100), min_size=1, max_size=8)
NOISE = Levels(1.0, 3.0)


def scattered(level: float, spread: float, count: int, seed: int) -> Pool:
    random = Random(seed)
    return Pool.of(random.gauss(level, spread) for _ in range(count))


@given(VALUES, VALUES)
def test_joined_pools_equal_the_pool_of_all_values(one: list[float], other: list[float]) -> None:
    joined = Pool.of(one).joined(Pool.of(other))
    assert joined == pytest.approx(Pool.of([*one, *other]))


def test_the_predictive_density_of_a_further_value_integrates_to_one() -> None:
    levels, before, step = Levels(0.5, 3.0), Pool.of([0.1, -0.3, 0.4]), 0.01
    further = (levels.density(before.plus(n * step)) for n in range(-6000, 6000))
    assert sum(math.exp(density - levels.density(before)) for density in further) * step == pytest.approx(1.0, abs=1e-3)


def test_values_of_one_level_are_more_likely_in_one_pool_than_in_two() -> None:
    levels = Levels(0.1, 3.0)
    assert levels.density(Pool.of([1.0, 1.1, 0.9, 1.0])) > levels.density(Pool.of([1.0, 1.1, 3.9, 4.0])) + 5


def test_two_levels_are_a_drop_and_one_level_is_none() -> None:
    old, far, near = Pool.of([-1.0, 0.0, 1.0] * 4), Pool.of([2.0, 3.0, 4.0] * 4), Pool.of([-0.9, 0.1, 1.1] * 4)
    assert NOISE.dropped(old, far) > NOISE.density(old.joined(far)) + 5
    assert NOISE.dropped(old, near) < NOISE.density(old.joined(near)) - 2


@pytest.mark.parametrize("size", [2.0, 4.0, 30.0])
def test_a_large_drop_is_more_likely_than_a_small_one_with_the_same_fit(size: float) -> None:
    """What rules a wrong sort of the values out: it needs a small drop."""

    def surprise(drop: float) -> float:
        old, new = Pool.of([-1.0, 0.0, 1.0] * 5), Pool.of([drop - 1, drop, drop + 1] * 5)
        return NOISE.density(old, new) - NOISE.dropped(old, new)

    assert surprise(0.5) > surprise(size) - math.log(size) + 2


def test_a_rise_is_no_drop() -> None:
    old, better = scattered(0.0, 1.0, 8, 1), scattered(-4.0, 1.0, 8, 2)
    assert NOISE.dropped(old, better) < NOISE.density(old, better) - 15


def known(level: float) -> Pool:
    """So many values that their level is known, and the spread, which is 1."""
    return Pool.of([level - 1, level + 1] * 20_000)


def test_a_drop_of_any_size_up_to_thirty_spreads_has_a_prior_that_integrates_to_one() -> None:
    """Of what is known to be a drop, ``dropped`` is the density of any two levels times that prior."""
    levels, step = Levels(1.0, 1e7), 0.1
    sizes = [step * (n + 0.5) for n in range(300)]
    priors = [math.exp(levels.dropped(known(0), known(size)) - levels.density(known(0), known(size))) for size in sizes]
    assert sum(priors) * step == pytest.approx(1.0, abs=0.05)
    assert priors[4] < 0.05 * priors[14]  # half a spread against one and a half


def test_the_size_of_the_drop_is_averaged_over_its_uncertainty() -> None:
    """Four values whose means are hardly apart may still come from levels that are; four thousand may not."""

    def surprise(many: int) -> float:
        old, new = Pool.of([-1.0, 1.0] * many), Pool.of([-0.4, 1.6] * many)
        return NOISE.density(old, new) - NOISE.dropped(old, new)

    assert surprise(2) + 2 < surprise(2000)


@pytest.mark.parametrize("size", [1e-60, 1e60, 1e80, 1e120])
def test_values_far_beyond_the_noise_do_not_overflow(size: float) -> None:
    old, wild = Pool.of([0.0, 0.1]), Pool.of([size, 1.1 * size])
    for one, other in ((old, wild), (wild, old)):
        assert math.isfinite(NOISE.dropped(one, other))
        assert math.isfinite(NOISE.unlike_noise(one, other))


@pytest.mark.parametrize("calm", [0, 1])
def test_unequal_noise_does_not_hide_a_drop(calm: int) -> None:
    """Pooled, the larger noise would hide what the calm values show."""
    spreads = (0.1, 2.0) if calm == 0 else (2.0, 0.1)
    levels = Levels(math.hypot(*spreads) / math.sqrt(2), 3.0)
    old, new = scattered(0.0, spreads[0], 20, 1), scattered(4.0, spreads[1], 20, 2)
    assert levels.dropped(old, new) > levels.unlike_noise(old, new) + 5


def test_noise_alone_is_no_drop() -> None:
    """NEW scatters ten times as much about the same level."""
    wins = 0
    for seed in range(20):
        old, new = scattered(0.0, 0.3, 12, seed), scattered(0.0, 3.0, 12, 100 + seed)
        levels = Levels(2.0, 3.0)
        wins += levels.unlike_noise(old, new) > levels.dropped(old, new)
    assert wins >= 18


def test_the_density_without_a_difference_equals_that_of_one_level_at_equal_noise() -> None:
    """Savage and Dickey's ratio, against the same worked out directly: many values, so the spreads are known."""
    old, new = scattered(0.0, 1.0, 4000, 1), scattered(0.0, 1.0, 4000, 2)
    levels = Levels(1.0, 1e6)
    assert levels.unlike_noise(old, new) == pytest.approx(levels.density(old.joined(new)), abs=0.05)


@given(st.floats(-50, 50), st.floats(-50, 50))
def test_the_log_of_a_sum_is_that_of_the_sum(one: float, other: float) -> None:
    assert either(one, other) == pytest.approx(math.log(math.exp(one) + math.exp(other)))


def test_two_optima_are_more_likely_than_one_only_for_two_distant_levels() -> None:
    random = Random(1)
    noise = [random.gauss(0, 1) for _ in range(20)]
    bimodal = [value + 8 * (number % 3 == 0) for number, value in enumerate(noise)]
    assert NOISE.two_optima(bimodal) > NOISE.density(Pool.of(bimodal)) + 5
    assert NOISE.two_optima(noise) < NOISE.density(Pool.of(noise))
