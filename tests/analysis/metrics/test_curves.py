"""Learning curves are smoothed and reduced without visible loss."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contexta.analysis.metrics.curves import Epochs, default_metrics, reduced, smoothed
from contexta.analysis.metrics.direction import Directions
from contexta.contract.context import RUN_LEVEL
from contexta.findings.metrics import RecordedSeries

VALUES = st.lists(st.floats() | st.integers(-5, 5).map(float), min_size=1, max_size=80)


@given(VALUES, st.integers(1, 12))
def test_a_reduced_curve_keeps_the_extremes_within_two_points_per_column(values: list[float], columns: int) -> None:
    points = list(enumerate(values))
    curve = reduced(points, len(points), (0, len(points) - 1), columns, is_log=False)
    finite = [value for value in values if math.isfinite(value)]
    drawn = [value for _, value in curve.points if math.isfinite(value)]
    assert len(curve.points) <= 2 * columns
    assert (curve.low, curve.high) == ((min(finite), max(finite)) if finite else (None, None))
    assert not finite or (min(drawn), max(drawn)) == (curve.low, curve.high)
    assert [x for x, _ in curve.points] == sorted(x for x, _ in curve.points)
    assert curve.not_finite == len(values) - len(finite)
    assert all(math.isnan(value) or value == values[int(x)] for x, value in curve.points)


def test_a_column_without_a_value_stays_a_gap() -> None:
    values = [1.0] * 10 + [math.nan] * 10 + [1.0] * 10
    curve = reduced(enumerate(values), 30, (0, 29), 3, is_log=False)
    assert [math.isnan(value) for _, value in curve.points] == [False, True, False]


@given(st.floats(-1e9, 1e9), st.floats(0.01, 0.99))
def test_smoothing_leaves_a_constant_as_it_is(value: float, weight: float) -> None:
    assert [y for _, y in smoothed([(0, value), (1, value), (2, value)], weight)] == pytest.approx([value] * 3)


def test_smoothing_continues_after_a_gap() -> None:
    values = [y for _, y in smoothed([(0, 1.0), (1, math.nan), (2, 3.0)], 0.5)]
    assert values[0] == 1.0
    assert math.isnan(values[1])
    assert values[2] == pytest.approx((0.25 * 1 + 0.5 * 3) / 0.75)


def test_an_epoch_holds_from_its_point_to_the_next() -> None:
    epochs = Epochs([(100, 1, 1.0), (0, 0, 0.0), (200, 2, 2.0)])
    assert [epochs.at(step, 9) for step in (0, 99, 100, 150, 500)] == [0, 0, 1, 1, 2]
    by_time = Epochs([(None, 10, 0.0), (None, 20, 1.0)])
    assert [by_time.at(7, at) for at in (5, 10, 19, 20)] == [0, 0, 0, 1]


def test_counters_of_steps_are_drawn_only_if_there_is_nothing_else() -> None:
    def drawn(*names: str) -> list[str]:
        series = [RecordedSeries(0, (RUN_LEVEL, name, ""), 5, 1.0) for name in names]
        return [name for _, name, _ in default_metrics(series, Directions())]

    assert drawn("_step", "epoch", "trainer/global_step", "loss", "steps_per_second") == ["loss", "steps_per_second"]
    assert drawn("_step", "epoch") == ["_step", "epoch"]
