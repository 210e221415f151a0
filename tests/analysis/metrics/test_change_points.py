"""A series is split where its level changes, and nowhere else: lone outliers split nothing."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contexta.analysis.metrics.change_points import levels, outliers


def starts(values: list[float]) -> list[int]:
    return [level.start for level in levels(values)]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([0.91] * 6, [0]),
        ([0.91] * 4 + [0.87], [0, 4]),
        ([0.91] * 5 + [0.87] * 5, [0, 5]),
        ([0.91] * 4 + [0.60] + [0.91] * 5, [0]),
        ([0.91] * 4 + [0.99] + [0.91] * 5, [0]),
        ([0.91] * 3 + [0.60] + [0.91] * 3 + [0.62] + [0.91] * 4, [0]),
        ([0.91, 0.92, 0.91, 0.90, 0.60, 0.91, 0.92, 0.90, 0.91], [0]),
        ([0.91] * 4 + [0.60] + [0.91] * 4 + [0.87] * 4, [0, 9]),
        ([0.91] * 8 + [0.60] + [0.87], [0, 8]),  # the outlier is nearer to the level after it
        ([0.91] * 5 + [0.99] + [0.87] * 5, [0, 6]),  # to the level before it
        ([0.91] * 5 + [0.60, 0.61] + [0.91] * 5, [0, 5, 7]),  # two in a row are a level
        ([0.87] * 5 + [0.91] * 5 + [0.87] * 5, [0, 5, 10]),
        ([0.91, 0.60, 0.91], [0]),
    ],
)
def test_levels_begin_where_the_level_changes(values: list[float], expected: list[int]) -> None:
    assert starts(values) == expected


def test_the_mean_of_a_level_leaves_out_its_outliers() -> None:
    (level,) = levels([0.9, 0.91, 0.92, 0.2, 0.91, 0.92, 0.9])
    assert level.mean == pytest.approx(0.91)


@pytest.mark.parametrize("count", [8, 15, 40])
def test_one_outlier_anywhere_in_noise_is_no_change_point(count: int) -> None:
    draws = random.Random(count)
    split = 0
    for _ in range(200):
        values = [draws.gauss(0.9, 0.01) for _ in range(count)]
        values[draws.randrange(2, count - 2)] += draws.choice([-1, 1]) * draws.uniform(0.1, 0.5)
        split += len(levels(values)) > 1
    assert split <= 0.08 * 200


@pytest.mark.parametrize("count", [10, 40])
def test_a_step_in_noise_is_found_next_to_an_outlier(count: int) -> None:
    draws = random.Random(count)
    hits = 0
    for _ in range(200):
        middle = draws.randrange(3, count - 3)
        values = [draws.gauss(0.9 if place < middle else 0.8, 0.01) for place in range(count)]
        odd = draws.choice([place for place in range(1, count - 1) if abs(place - middle) > 1])
        values[odd] -= 0.4
        hits += starts(values) == [0, middle]
    assert hits >= 0.9 * 200


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=30))
def test_levels_cover_the_series_without_gaps(values: list[float]) -> None:
    segments = levels(values)
    assert [segments[0].start, segments[-1].stop] == [0, len(values)]
    assert all(first.stop == second.start and first.start < first.stop for first, second in pairwise(segments))
    assert not {0, len(values) - 1} & outliers(values)
