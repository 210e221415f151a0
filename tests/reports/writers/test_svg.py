from __future__ import annotations

import math
import re
from xml.etree.ElementTree import Element, tostring

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contexta.reports import Level, Mark, Plot, Point
from contexta.reports.document.axes import nice_ticks
from contexta.reports.document.formatting import finite
from contexta.reports.writers.svg import HEIGHT, WIDTH, drawing


def plot_of(*values: int | float | None, **more: object) -> Element:
    points = tuple(Point(label=str(number), value=value) for number, value in enumerate(values))
    return drawing(Plot(title="t", points=points).model_copy(update=more))


@pytest.mark.parametrize(
    ("low", "high", "ticks"),
    [(0, 1, [0, 0.25, 0.5, 0.75, 1]), (0.87, 0.91, [0.87, 0.88, 0.89, 0.9, 0.91]), (0, 100, [0, 25, 50, 75, 100])],
)
def test_ticks_are_round(low: float, high: float, ticks: list[float]) -> None:
    assert nice_ticks(low, high) == pytest.approx(ticks)


@given(st.floats(allow_nan=False, allow_infinity=False), st.floats(allow_nan=False, allow_infinity=False))
def test_ticks_hold_the_range_and_are_few(first: float, second: float) -> None:
    low, high = sorted((first, second))
    ticks = nice_ticks(low, high)
    assert 2 <= len(ticks) <= 8
    slack = (high / 2 - low / 2) * 1e-6
    assert ticks[0] <= low + slack
    assert ticks[-1] >= high - slack
    assert ticks == sorted(ticks)


@given(st.lists(st.one_of(st.none(), st.floats(), st.integers(-(10**400), 10**400)), max_size=12))
def test_everything_drawn_lies_inside(values: list[int | float | None]) -> None:
    svg = plot_of(*values)
    text = tostring(svg, encoding="unicode")
    assert "nan" not in text
    for name, most in (("x", WIDTH), ("y", HEIGHT), ("cx", WIDTH), ("cy", HEIGHT)):
        for place in re.findall(rf' {name}="(-?[\d.]+)"', text):
            assert -1 <= float(place) <= most + 1
    assert text.count("<circle") == len([value for value in values if finite(value) is not None])


def test_missing_value_leaves_a_gap() -> None:
    assert len(plot_of(1, 2, None, 3, math.nan, 4).findall("polyline")) == 3


def test_a_plot_without_finite_values_says_so() -> None:
    assert [text.text for text in plot_of(None, math.nan).findall("text")] == ["no finite values"]


def test_mark_stands_between_the_points_and_a_level_spans_its_own() -> None:
    svg = plot_of(1.0, 1.0, 2.0, 2.0, marks=(Mark(at=2, label="m"),), levels=(Level(start=0, stop=2, value=1.0),))
    dots = [float(dot.attrib["cx"]) for dot in svg.findall("circle")]
    (mark,) = [line for line in svg.findall("line") if line.attrib["class"] == "mark"]
    assert dots[1] < float(mark.attrib["x1"]) < dots[2]
    (level,) = [line for line in svg.findall("line") if line.attrib["class"] == "level"]
    assert float(level.attrib["x1"]) < dots[1] < float(level.attrib["x2"]) < dots[2]


def test_many_points_are_a_line_with_only_the_marked_dots() -> None:
    points = tuple(Point(label=str(n), value=n, tone="bad" if n == 500 else None) for n in range(1_000))
    svg = drawing(Plot(title="t", points=points))
    assert len(svg.findall("circle")) == 1
    assert len(svg.findall("polyline")) == 1
