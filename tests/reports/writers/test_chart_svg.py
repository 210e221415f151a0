"""Charts of learning curves are well-formed SVG, whatever the names and values."""

from __future__ import annotations

import math
from itertools import pairwise
from xml.etree.ElementTree import Element, fromstring, tostring

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contexta.findings import Chart, Curve
from contexta.reports.document.axes import scales
from contexta.reports.writers.chart_svg import chart_svg, sample

GEOMETRY = {"x", "y", "x1", "x2", "y1", "y2", "cx", "cy", "d"}
HOSTILE = "</svg><script>alert(1)</script>\x00\u202e"


def a_curve(ys: list[float], name: str = "r") -> Curve:
    xs = tuple(float(number) for number in range(len(ys)))
    low = min((y for y in ys if math.isfinite(y)), default=None)
    return Curve(run_ref="run:p.r", name=name, points=len(ys), low=low, high=low, last=ys[-1], x=xs, y=tuple(ys))


def a_chart(*curves: Curve, is_log: bool = False) -> Chart:
    return Chart(metric=HOSTILE, axis="step", columns=240, is_log=is_log, curves=curves)


def drawn(chart: Chart) -> Element:
    return fromstring(tostring(chart_svg(chart), encoding="unicode"))


def test_a_hostile_name_stays_text() -> None:
    svg = drawn(a_chart(a_curve([1, 2], HOSTILE), a_curve([2, 1], HOSTILE)))
    assert {element.tag for element in svg.iter()} <= {"svg", "line", "text", "path", "circle", "title"}
    assert "\x00" not in "".join(svg.itertext())
    assert "\u202e" not in svg.get("aria-label", "")


def test_curves_differ_by_dashes_and_names_not_by_colour_alone() -> None:
    svg = drawn(a_chart(*(a_curve([1.0, 2.0], f"run-{number}") for number in range(7))))
    paths = [path.get("class") for path in svg.iter("path")]
    assert paths[:5] == [f"series s{number}" for number in range(1, 6)]
    names = [text for text in svg.iter("text") if "name" in (text.get("class") or "")]
    heights = sorted(float(text.get("y", "0")) for text in names)
    assert len(heights) == 7
    assert min(second - first for first, second in pairwise(heights)) > 12
    assert any(element.tag == "circle" for element in sample(6, 7))
    assert sample(11, 12)[0].get("class") == "series many"


def test_long_names_are_cut_in_their_common_part() -> None:
    svg = drawn(a_chart(*(a_curve([1.0, 2.0], f"sweep-of-the-learning-rate-{number}") for number in range(3))))
    names = [text for text in svg.iter("text") if text.get("class") == "name"]
    assert sorted(text.text or "" for text in names) == ["…-0", "…-1", "…-2"]
    assert "sweep-of-the-learning-rate-0" in "".join(svg.itertext())


@pytest.mark.parametrize(
    ("low", "high", "labels"),
    [
        (0.0, 1.0, ["0.00", "0.25", "0.50", "0.75", "1.00"]),
        (0.0, 1000.0, ["0", "250", "500", "750", "1000"]),
        (1e-7, 4e-7, ["1e-07", "2e-07", "3e-07", "4e-07"]),
        (0.0, 4e8, ["0", "1e+08", "2e+08", "3e+08", "4e+08"]),
        (0.9012, 0.9049, ["0.902", "0.903", "0.904"]),
    ],
)
def test_the_ticks_of_an_axis_have_the_same_decimals(low: float, high: float, labels: list[str]) -> None:
    axes = scales(a_chart(a_curve([low, high])))
    assert axes is not None
    assert [label for _, label in axes[1].ticks] == labels


@pytest.mark.parametrize(
    ("seconds", "labels"),
    [
        (8.0, ["0s", "2s", "4s", "6s", "8s"]),
        (240.0, ["0s", "1m 00s", "2m 00s", "3m 00s", "4m 00s"]),
        (86400.0 * 9, ["0s", "5d 0h"]),
    ],
)
def test_the_axis_of_time_has_round_times(seconds: float, labels: list[str]) -> None:
    curve = a_curve([1.0, 2.0]).model_copy(update={"x": (0.0, seconds)})
    axes = scales(a_chart(curve).model_copy(update={"axis": "time"}))
    assert axes is not None
    assert [label for _, label in axes[0].ticks] == labels


@pytest.mark.parametrize("values", [[math.nan], [math.nan, math.inf], [-1.0, 0.0]])
def test_a_chart_without_a_drawable_value_says_so(values: list[float]) -> None:
    remaining = [value if value > 0 else math.nan for value in values]
    svg = drawn(a_chart(a_curve([value if math.isfinite(value) else math.nan for value in remaining]), is_log=True))
    assert "no values above 0" in "".join(svg.itertext())


@given(st.lists(st.floats(allow_infinity=False), min_size=1, max_size=20), st.booleans())
def test_every_curve_is_inside_its_axes(values: list[float], is_log: bool) -> None:
    ys = [value if not is_log or value > 0 else math.nan for value in values]
    chart = a_chart(a_curve(ys), is_log=is_log)
    axes = scales(chart)
    assert (axes is None) == all(math.isnan(y) for y in ys)
    if axes is not None:
        horizontal, vertical = axes
        assert all(-1e-6 <= vertical.share(y) <= 1 + 1e-6 for y in ys if not math.isnan(y))
        assert all(-1e-6 <= horizontal.share(x) <= 1 + 1e-6 for x in chart.curves[0].x)
        assert all(-1e-6 <= share <= 1 + 1e-6 for share, _ in (*horizontal.ticks, *vertical.ticks))
    numbers = [value for element in chart_svg(chart).iter() for key, value in element.items() if key in GEOMETRY]
    assert not [value for value in numbers if "nan" in value or "inf" in value]
