"""Charts of characters fit their width, whatever the values."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contexta.findings import Chart, Curve
from contexta.reports.writers.chart_text import chart_lines


def a_chart(*series: list[float], is_log: bool = False) -> Chart:
    curves = tuple(
        Curve(
            run_ref=f"run:p.r{number}",
            name=f"r{number}",
            points=len(ys),
            low=None,
            high=None,
            last=ys[-1],
            x=tuple(map(float, range(len(ys)))),
            y=tuple(y if not is_log or y > 0 else math.nan for y in ys),
        )
        for number, ys in enumerate(series)
    )
    return Chart(metric="m", axis="step", columns=240, is_log=is_log, curves=curves)


@given(
    st.lists(st.lists(st.floats(allow_infinity=False), min_size=1, max_size=20), min_size=1, max_size=3),
    st.booleans(),
    st.integers(40, 120),
)
def test_a_chart_fits_its_width(series: list[list[float]], is_log: bool, width: int) -> None:
    lines = [line.plain for line in chart_lines(a_chart(*series, is_log=is_log), width)]
    assert max(len(line.rstrip()) for line in lines[: -len(series)]) <= width
    assert len(lines) in (1 + len(series), 14 + len(series))


@pytest.mark.parametrize("number", [2, 8, 26])
def test_each_of_several_curves_ends_in_its_letter(number: int) -> None:
    series = [[0.0, float(index)] for index in range(number)]
    lines = [line.plain for line in chart_lines(a_chart(*series), 100)]
    plot = "".join(lines[:12])
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"[:number]
    assert sum(letter in plot for letter in letters) >= min(number, 11)
    assert [line[0] for line in lines[-number:]] == list(letters)


def test_colour_is_never_dimmed_and_text_stays_without_it() -> None:
    lines = list(chart_lines(a_chart([0.0, 1.0], [1.0, 0.0]), 80))
    colours = {str(span.style) for line in lines for span in line.spans}
    assert any("blue" in colour or "4" in colour for colour in colours)
    assert not [line for line in lines[:12] if str(line.style) == "dim"]
