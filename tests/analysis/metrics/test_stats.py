"""Published values and worked examples: what scipy or R print for the same numbers stands in the comments."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contexta.analysis.metrics.stats import (
    cautious,
    constant_p,
    effect_size,
    holm,
    one_more,
    permutation_p,
    pooled_spread,
    repeats_needed,
    scatter,
    smallest_seen,
    student_cdf,
    student_quantile,
    welch,
)

GROUP = st.lists(st.floats(-100, 100).map(lambda value: round(value, 3)), min_size=4, max_size=6)


@pytest.mark.parametrize(
    ("t", "freedom", "expected"),
    [  # two-sided tables of Student's t: 2.228 leaves 5 % at 10 degrees, 63.657 leaves 1 % at one degree
        (0.0, 5, 0.5),
        (2.228139, 10, 0.975),
        (-2.228139, 10, 0.025),
        (63.656741, 1, 0.995),
        (4.302653, 2, 0.975),
        (1.959964, 1e7, 0.975),
    ],
)
def test_students_t_agrees_with_the_tables(t: float, freedom: float, expected: float) -> None:
    assert student_cdf(t, freedom) == pytest.approx(expected, abs=1e-6)


@given(st.floats(0.001, 0.999), st.floats(1, 200))
def test_the_quantile_undoes_the_distribution(share: float, freedom: float) -> None:
    assert student_cdf(student_quantile(share, freedom), freedom) == pytest.approx(share, abs=1e-6)


def test_welch_agrees_with_a_published_example() -> None:
    # Student's own sleep data (1908), unpaired: t = 1.8608, 17.776 degrees, p = 0.07939, interval -3.3655 to 0.2055
    one = [0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0]
    two = [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4]
    found = welch(one, two)
    assert found.change / found.error == pytest.approx(1.8608, abs=1e-4)
    assert found.freedom == pytest.approx(17.776, abs=1e-3)
    assert found.p == pytest.approx(0.07939, abs=1e-5)
    assert found.low == pytest.approx(-0.205483, abs=1e-5)
    assert found.high == pytest.approx(3.365483, abs=1e-5)


def test_exact_permutation_counts_every_sharing_out() -> None:
    assert permutation_p([1, 2, 3, 4], [11, 12, 13, 14]) == pytest.approx(2 / 70)
    assert permutation_p([1, 2, 3, 4], [1, 2, 3, 4]) == 1.0
    assert permutation_p([1, 2, 3], [11, 12, 13]) is None  # 2 of 20 is the least there could be
    assert permutation_p(range(40), range(40)) is None  # too many to enumerate


@given(GROUP, GROUP, st.floats(-50, 50))
def test_a_common_shift_changes_no_test(old: list[float], new: list[float], shift: float) -> None:
    moved = [value + shift for value in old], [value + shift for value in new]
    assert welch(*moved).p == pytest.approx(welch(old, new).p, abs=1e-6)
    assert permutation_p(*moved) == pytest.approx(permutation_p(old, new))


@given(GROUP, GROUP)
def test_swapping_the_sides_only_turns_the_sign(old: list[float], new: list[float]) -> None:
    there, back = welch(old, new), welch(new, old)
    assert there.change == pytest.approx(-back.change)
    assert there.low == pytest.approx(-back.high)
    assert there.p == pytest.approx(back.p)
    assert permutation_p(old, new) == pytest.approx(permutation_p(new, old))


def test_no_test_calls_more_than_one_null_in_twenty_a_difference() -> None:
    draws = random.Random(1)
    wrong = {"cautious 2": 0, "cautious 4": 0, "permutation": 0, "one more": 0}
    for _ in range(500):
        values = [draws.gauss(0, 1) for _ in range(10)]
        wrong["cautious 2"] += cautious(values[:2], values[2:6]).p <= 0.05
        wrong["cautious 4"] += cautious(values[:4], values[4:7]).p <= 0.05
        exact = permutation_p(values[:5], values[5:])
        wrong["permutation"] += exact is not None and exact <= 0.05
        wrong["one more"] += one_more(values[:5], values[5]).p <= 0.05
    assert all(count <= 0.075 * 500 for count in wrong.values()), wrong


def test_two_sides_that_do_not_vary_are_no_luck_from_six_values_on() -> None:
    assert constant_p(3, 3) == pytest.approx(2 * 0.5**6)  # a fair coin
    assert constant_p(2, 2) > 0.05
    assert constant_p(1, 5) > 0.05


def test_a_single_value_is_judged_by_the_prediction_interval() -> None:
    # mean 2, sd 1, n 3: 95 % of further values lie within 4.302653 * sqrt(4 / 3) = 4.968 of the mean
    found = one_more([1.0, 2.0, 3.0], 7.0)
    assert found.low == pytest.approx(5 - 4.96828, abs=1e-4)
    assert found.high == pytest.approx(5 + 4.96828, abs=1e-4)
    assert found.p == pytest.approx(0.0494, abs=5e-4)


def test_effect_size_is_in_standard_deviations_and_small_groups_are_corrected() -> None:
    assert effect_size([0.0, 2.0], [2.0, 4.0]) == pytest.approx(2 / math.sqrt(2) * (1 - 3 / 7))
    assert effect_size([1.0, 1.0], [2.0, 2.0]) is None


def test_repeats_needed_sees_the_difference_as_often_as_promised() -> None:
    # the textbook figure: one standard deviation, 5 %, power 80 % takes 17 a side
    assert repeats_needed(1.0, 1.0) == pytest.approx(17, abs=1)
    assert repeats_needed(0.001, 1.0) is None
    assert repeats_needed(100.0, 1.0) == 3
    draws, seen = random.Random(2), 0
    count = repeats_needed(1.5, 1.0)
    assert count is not None
    for _ in range(300):
        seen += welch([draws.gauss(0, 1) for _ in range(count)], [draws.gauss(1.5, 1) for _ in range(count)]).p < 0.05
    assert 0.72 <= seen / 300 <= 0.92
    assert smallest_seen(math.sqrt(2 / 17), 32) == pytest.approx(1.0, abs=0.02)


def test_holm_agrees_with_a_worked_example() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([]) == []


def test_the_spread_inside_groups_ignores_the_distance_between_them() -> None:
    assert pooled_spread([1.0, 3.0], [101.0, 103.0])[0] == pytest.approx(math.sqrt(2))
    assert pooled_spread([1.0, 3.0], [101.0, 103.0])[1] == 2
    assert pooled_spread([1.0], [5.0]) == (0.0, 0)


def test_the_scatter_of_a_series_hardly_notices_its_steps() -> None:
    draws = random.Random(3)
    flat = [draws.gauss(0, 0.01) for _ in range(60)]
    stepped = [value - (0.5 if number >= 30 else 0) for number, value in enumerate(flat)]
    assert scatter(flat) == pytest.approx(0.01, rel=0.3)
    assert scatter(stepped) == pytest.approx(scatter(flat), rel=0.1)
    assert scatter([1.0, 1.0, 1.0, 2.0, 2.0]) == 0.0
    assert scatter([1.0]) == 0.0
