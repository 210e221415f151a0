from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contexta.bisect.noise import drop_test, one_level, pooled_spread

VALUES = st.lists(st.floats(-100, 100), min_size=1, max_size=8)


def test_welch_agrees_with_a_worked_example() -> None:
    drop, error, freedom = drop_test([3.0, 4.0, 5.0], [1.0, 1.0, 4.0])
    assert drop == pytest.approx(2.0)
    assert error == pytest.approx(math.sqrt(1 / 3 + 3 / 3))
    assert freedom == pytest.approx((4 / 3) ** 2 / ((1 / 3) ** 2 / 2 + 1 / 2))


@given(VALUES, st.permutations(range(8)))
def test_the_order_of_values_does_not_matter(values: list[float], order: list[int]) -> None:
    shuffled = [values[n] for n in order if n < len(values)]
    assert one_level(shuffled, 1.0) == pytest.approx(one_level(values, 1.0), abs=1e-9)


def test_the_predictive_density_of_a_further_value_integrates_to_one() -> None:
    seen, step = [0.1, -0.3, 0.4], 0.01
    densities = [math.exp(one_level([*seen, n * step], 0.5) - one_level(seen, 0.5)) for n in range(-6000, 6000)]
    assert sum(densities) * step == pytest.approx(1.0, abs=1e-3)


def test_values_of_one_level_are_likelier_together_than_values_of_two() -> None:
    together = one_level([1.0, 1.1, 0.9, 1.0], 0.1)
    apart = one_level([1.0, 1.1, 3.9, 4.0], 0.1)
    assert together > apart + 5


def test_the_spread_inside_groups_ignores_the_distance_between_them() -> None:
    assert pooled_spread([1.0, 3.0], [101.0, 103.0]) == pytest.approx(math.sqrt(2))
    assert pooled_spread([1.0], [5.0]) == 0.0
