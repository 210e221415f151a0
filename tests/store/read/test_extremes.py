"""Extremes that the database finds are those that reading every point finds."""

from __future__ import annotations

import math
import random

import pytest

from contexta import Contexta
from contexta.store.read import extremes
from contexta.store.read.points import points_of, series_of

COLUMNS = 20


def record(ctx: Contexta, points: list[tuple[int | None, float]]) -> None:
    with ctx.run("march", project="p") as run:
        for step, value in points:
            run.metric("loss", value, step=step)


SERIES = {
    "even": [(step, math.sin(step)) for step in range(500)],
    "dense at its end": [(step * step, math.sin(step)) for step in range(500)],
    "with a jump": [(step + 10_000 * (step > 250), math.sin(step)) for step in range(500)],
    "resumed": [(step, math.sin(step)) for step in [*range(300), *range(200, 400)]],
    "without steps": [(None, math.sin(step)) for step in range(500)],
}


@pytest.mark.parametrize("points", SERIES.values(), ids=SERIES)
def test_a_chart_has_the_extremes_in_their_columns(ctx: Contexta, points: list[tuple[int | None, float]]) -> None:
    record(ctx, points)
    (chart,) = ctx.plot("march", "loss", columns=COLUMNS).charts
    (curve,) = chart.curves
    places = [number if step is None else step for number, (step, _) in enumerate(points)]
    recorded = {(place, value) for place, (_, value) in zip(places, points, strict=True)}
    assert {*zip(curve.x, curve.y, strict=True)} <= recorded
    assert len(curve.x) <= 2 * COLUMNS
    low, high = min(places), max(places)
    values: dict[int, list[float]] = {}
    for place, (_, value) in zip(places, points, strict=True):
        values.setdefault(min(int((place - low) / (high - low) * COLUMNS), COLUMNS - 1), []).append(value)
    for x, y in zip(curve.x, curve.y, strict=True):
        column = min(int((x - low) / (high - low) * COLUMNS), COLUMNS - 1)
        beside = [value for near in (column - 1, column, column + 1) for value in values.get(near, [])]
        assert min(beside) <= y <= max(beside)
    assert (curve.low, curve.high) == (min(v for _, v in points), max(v for _, v in points))


def test_steps_in_no_order_are_read_one_by_one(ctx: Contexta) -> None:
    steps = random.Random(7).sample(range(10_000), 2_000)
    record(ctx, [(step, float(step)) for step in steps])
    with ctx._reading() as connection:
        (series,) = series_of(connection, ctx._find(connection, "march")[0])
        buckets = extremes.buckets_of(connection, series, "step", COLUMNS)
        with pytest.raises(extremes.NoOrder):
            list(extremes.narrowed(connection, series, "step", buckets, 500))
        assert len(list(points_of(connection, series))) == 2_000
    (curve,) = ctx.plot("march", "loss", columns=COLUMNS).charts[0].curves
    assert curve.y == tuple(sorted(curve.y))
    assert (curve.y[0], curve.y[-1]) == (min(steps), max(steps))


def test_values_without_a_place_are_counted(ctx: Contexta) -> None:
    values = [math.nan if n % 10 == 0 else math.inf if n % 10 == 1 else n - 250.0 for n in range(500)]
    record(ctx, list(enumerate(values)))
    (curve,) = ctx.plot("march", "loss", columns=COLUMNS).charts[0].curves
    assert (curve.not_finite, curve.low, curve.high) == (100, -248.0, 249.0)
    finding = ctx.plot("march", "loss", columns=COLUMNS, log=True)
    assert min(y for y in finding.charts[0].curves[0].y if not math.isnan(y)) > 0
    assert any("values up to 0 have no place" in note for note in finding.completeness_notes)
