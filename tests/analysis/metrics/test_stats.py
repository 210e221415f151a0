"""Every statistic agrees with scipy, or with a worked example where scipy has no counterpart."""

from __future__ import annotations

import math
import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats as scipy_stats

from contexta.analysis.metrics.stats import (
    cautious,
    constant_p,
    effect_size,
    holm,
    is_finite,
    one_more,
    permutation_p,
    pooled_freedom,
    pooled_spread,
    repeats_needed,
    scatter,
    smallest_seen,
    student_cdf,
    student_log_density,
    student_quantile,
    variance,
    welch,
    welch_error,
)

GROUP = st.lists(st.floats(-100, 100).map(lambda value: round(value, 3)), min_size=3, max_size=6)
FREEDOMS = [0.5, 1, 2, 3.7, 10, 99.5, 1_000, 1e6]
SHARES = [1e-12, 1e-6, 0.001, 0.025, 0.3, 0.5, 0.8, 0.995, 1 - 1e-6, 1 - 1e-12]
SLEEP = ([0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0], [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4])


@pytest.mark.parametrize("freedom", FREEDOMS)
def test_students_t_agrees_with_scipy(freedom: float) -> None:
    for t in (-1e8, -50.0, -3.0, -0.7, 0.0, 1e-9, 0.4, 2.1, 12.0, 1e4):
        assert student_cdf(t, freedom) == pytest.approx(scipy_stats.t.cdf(t, freedom), rel=1e-7)
        assert student_log_density(t, freedom) == pytest.approx(scipy_stats.t.logpdf(t, freedom), rel=1e-7)


@pytest.mark.parametrize("freedom", FREEDOMS)
def test_the_quantile_agrees_with_scipy_also_far_out(freedom: float) -> None:
    for share in SHARES:
        assert student_quantile(share, freedom) == pytest.approx(scipy_stats.t.ppf(share, freedom), rel=1e-6, abs=1e-9)


@given(st.floats(1e-9, 1 - 1e-9), st.floats(0.6, 200))
def test_the_quantile_inverts_the_distribution(share: float, freedom: float) -> None:
    assert student_cdf(student_quantile(share, freedom), freedom) == pytest.approx(share, rel=1e-7)


@given(GROUP, GROUP)
@settings(max_examples=60)
def test_tests_of_two_groups_agree_with_scipy(old: list[float], new: list[float]) -> None:
    if min(variance(old), variance(new)) < 1e-6:
        return
    expected = scipy_stats.ttest_ind(new, old, equal_var=False)
    result, interval = welch(old, new), expected.confidence_interval(0.95)
    assert (result.p, result.freedom) == pytest.approx((expected.pvalue, expected.df), rel=1e-6, abs=1e-12)
    assert (result.low, result.high) == pytest.approx((interval.low, interval.high), rel=1e-6, abs=1e-6)
    assert welch_error(old, new) == (result.change, result.error, result.freedom)
    pooled = scipy_stats.ttest_ind(new, old, equal_var=True)
    assert cautious(old, new).p == pytest.approx(max(expected.pvalue, pooled.pvalue), rel=1e-6, abs=1e-12)
    assert variance(old) == pytest.approx(float(np.var(old, ddof=1)))
    spread = math.sqrt(
        sum(float(np.var(group, ddof=1)) * (len(group) - 1) for group in (old, new)) / (len(old) + len(new) - 2)
    )
    assert pooled_spread(old, new) == pytest.approx(spread)
    assert pooled_freedom(old, new) == len(old) + len(new) - 2


@pytest.mark.parametrize("size", [1e-120, 1e-90, 1.0, 1e90, 1e120])
def test_groups_of_any_magnitude_are_compared(size: float) -> None:
    change, error, freedom = welch_error([size, size, 4 * size], [3 * size, 4 * size, 5 * size])
    assert (change, error) == pytest.approx((2 * size, size * math.sqrt(4 / 3)))
    assert freedom == pytest.approx((4 / 3) ** 2 / ((1 / 3) ** 2 / 2 + 1 / 2))


def test_the_permutation_test_agrees_with_scipy() -> None:
    draws = random.Random(0)
    for shift in (0.0, 0.5, 2.0):
        old, new = [draws.gauss(0, 1) for _ in range(5)], [draws.gauss(shift, 1) for _ in range(4)]
        expected = scipy_stats.permutation_test(
            (old, new),
            lambda left, right: abs(np.mean(left) - np.mean(right)),
            n_resamples=np.inf,
            alternative="greater",
        )
        assert permutation_p(old, new) == pytest.approx(expected.pvalue)
    assert permutation_p([1, 2, 3, 4], [11, 12, 13, 14]) == pytest.approx(2 / 70)
    assert permutation_p([1, 2, 3], [11, 12, 13]) is None  # the smallest possible p is 2 / 20
    assert permutation_p(range(40), range(40)) is None  # too many arrangements


def test_a_single_value_is_compared_with_the_prediction_interval() -> None:
    group, value = [1.0, 2.0, 3.5, 2.2], 7.0
    result = one_more(group, value)
    error = float(np.std(group, ddof=1)) * math.sqrt(1 + 1 / len(group))
    reach = scipy_stats.t.ppf(0.975, 3) * error
    change = value - float(np.mean(group))
    assert (result.low, result.high) == pytest.approx((change - reach, change + reach))
    assert result.p == pytest.approx(2 * scipy_stats.t.sf(change / error, 3))


@pytest.mark.parametrize(("difference", "spread"), [(1.0, 1.0), (1.5, 1.0), (0.3, 1.0), (4.0, 1.0)])
def test_the_recommended_repeats_have_the_promised_power(difference: float, spread: float) -> None:
    def power(count: int) -> float:
        freedom, noncentrality = 2 * count - 2, difference / (spread * math.sqrt(2 / count))
        return float(scipy_stats.nct.sf(scipy_stats.t.ppf(0.975, freedom), freedom, noncentrality))

    count = repeats_needed(difference, spread)
    assert count is not None
    assert power(count) >= 0.78
    assert count == 3 or power(count - 1) < 0.82


def test_repeats_have_a_lower_and_an_upper_limit() -> None:
    assert repeats_needed(100.0, 1.0) == 3
    assert repeats_needed(0.001, 1.0) is None
    assert smallest_seen(math.sqrt(2 / 17), 32) == pytest.approx(1.0, abs=0.02)


def test_the_false_positive_rate_is_at_most_five_percent() -> None:
    draws, rounds = random.Random(1), 500
    wrong = {"cautious 2": 0, "cautious 4": 0, "permutation": 0, "one more": 0}
    for _ in range(rounds):
        values = [draws.gauss(0, 1) for _ in range(10)]
        wrong["cautious 2"] += cautious(values[:2], values[2:6]).p <= 0.05
        wrong["cautious 4"] += cautious(values[:4], values[4:7]).p <= 0.05
        exact = permutation_p(values[:5], values[5:])
        wrong["permutation"] += exact is not None and exact <= 0.05
        wrong["one more"] += one_more(values[:5], values[5]).p <= 0.05
    limit = scipy_stats.binom.ppf(0.999, rounds, 0.05)
    assert all(count <= limit for count in wrong.values()), wrong


def test_two_constant_sides_need_six_values_to_be_significant() -> None:
    assert constant_p(3, 3) == pytest.approx(2 * 0.5**6)  # a fair coin
    assert constant_p(2, 2) > 0.05
    assert constant_p(1, 5) > 0.05


def test_effect_size_is_hedges_g() -> None:
    old, new = SLEEP
    cohen = (np.mean(new) - np.mean(old)) / math.sqrt((np.var(old, ddof=1) + np.var(new, ddof=1)) / 2)
    assert effect_size(old, new) == pytest.approx(float(cohen) * (1 - 3 / (4 * 18 - 1)))
    assert effect_size([1.0, 1.0], [2.0, 2.0]) is None


def test_holm_agrees_with_a_worked_example() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([]) == []


def test_the_pooled_spread_ignores_the_distance_between_groups() -> None:
    assert pooled_spread([1.0, 3.0], [101.0, 103.0]) == pytest.approx(math.sqrt(2))
    assert (pooled_spread([1.0], [5.0]), pooled_freedom([1.0], [5.0])) == (0.0, 0)


def test_the_scatter_of_a_series_ignores_its_steps() -> None:
    draws = random.Random(3)
    flat = [draws.gauss(0, 0.01) for _ in range(60)]
    stepped = [value - (0.5 if number >= 30 else 0) for number, value in enumerate(flat)]
    assert scatter(flat) == pytest.approx(0.01, rel=0.3)
    assert scatter(stepped) == pytest.approx(scatter(flat), rel=0.1)
    assert scatter([1.0, 1.0, 1.0, 2.0, 2.0]) == 0.0
    assert scatter([1.0]) == 0.0


def test_values_beyond_the_range_of_floats_are_not_finite() -> None:
    assert list(map(is_finite, [1, 2.5, 10**400, math.inf, math.nan])) == [True, True, False, False, False]
