"""Draw a plot as SVG, without a script, in the colours of the page around it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from xml.etree.ElementTree import Element, SubElement

from contexta.reports.document.axes import nice_ticks, stretches
from contexta.reports.document.blocks import Plot
from contexta.reports.document.formatting import amount, finite, printable

WIDTH, HEIGHT = 720, 260
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 18, 26, 34
_MOST_DOTS = 200  # more points are drawn as a line only
_MOST_LABELS = 6
_LABEL_LENGTH = 18


class _Scale:
    """Map the number and the value of a point to coordinates."""

    def __init__(self, count: int, low: float, high: float) -> None:
        self._step = (WIDTH - _LEFT - _RIGHT) / max(count - 1, 1)
        self._middle = (WIDTH - _RIGHT + _LEFT) / 2 if count == 1 else None
        self._low, self._high = low, high

    def x(self, number: float) -> float:
        return self._middle if self._middle is not None else _LEFT + number * self._step

    def y(self, value: float) -> float:
        share = (value / 2 - self._low / 2) / (self._high / 2 - self._low / 2)  # halves: the range may overflow
        return HEIGHT - _BOTTOM - share * (HEIGHT - _TOP - _BOTTOM)


def drawing(plot: Plot) -> Element:
    """The plot as an SVG element; a text where no value is finite."""
    svg = Element("svg", {"viewBox": f"0 0 {WIDTH} {HEIGHT}", "role": "img", "aria-label": _label(plot)})
    values = [finite(point.value) for point in plot.points]
    finite_values = [value for value in values if value is not None]
    if not finite_values:
        _text(svg, WIDTH / 2, HEIGHT / 2, "no finite values", "middle")
        return svg
    heights = finite_values + [level.value for level in plot.levels]
    ticks = nice_ticks(min(heights), max(heights))
    scale = _Scale(len(values), min(ticks[0], *heights), max(ticks[-1], *heights))
    _axes(svg, plot, ticks, scale)
    for level in plot.levels:
        ends = (max(scale.x(level.start - 0.4), _LEFT), min(scale.x(level.stop - 0.6), WIDTH - _RIGHT))
        _line(svg, "level", ends[0], scale.y(level.value), ends[1], scale.y(level.value))
    _marks(svg, plot, scale)
    heights_or_gaps = [math.nan if value is None else value for value in values]
    for part in stretches(range(len(values)), heights_or_gaps) if plot.joined else ():
        path = " ".join(f"{scale.x(number):.1f},{scale.y(value):.1f}" for number, value in part)
        SubElement(svg, "polyline", {"class": "curve", "points": path})
    _dots(svg, plot, values, scale)
    return svg


def _axes(svg: Element, plot: Plot, ticks: Sequence[float], scale: _Scale) -> None:
    for tick in ticks:
        _line(svg, "grid", _LEFT, scale.y(tick), WIDTH - _RIGHT, scale.y(tick))
        _text(svg, _LEFT - 8, scale.y(tick) + 4, amount(tick), "end")
    count = len(plot.points)
    shown = min(count, _MOST_LABELS)
    for index in sorted({round(number * (count - 1) / max(shown - 1, 1)) for number in range(shown)}):
        label = printable(plot.points[index].label)
        short = label if len(label) <= _LABEL_LENGTH else f"{label[: _LABEL_LENGTH - 1]}…"
        anchor = "middle" if count == 1 else "start" if index == 0 else "end" if index == count - 1 else "middle"
        _text(svg, scale.x(index), HEIGHT - 12, short, anchor)


def _marks(svg: Element, plot: Plot, scale: _Scale) -> None:
    for number, mark in enumerate(plot.marks, 1):
        x = scale.x(mark.at - 0.5 if mark.at else 0)
        _line(svg, "mark", x, _TOP - 6, x, HEIGHT - _BOTTOM)
        _about(_text(svg, x, _TOP - 10, str(number), "middle"), mark.label)


def _dots(svg: Element, plot: Plot, values: Sequence[float | None], scale: _Scale) -> None:
    for number, (point, value) in enumerate(zip(plot.points, values, strict=True)):
        if value is None or (plot.joined and len(values) > _MOST_DOTS and point.tone is None):
            continue
        x, y = f"{scale.x(number):.1f}", f"{scale.y(value):.1f}"
        dot = SubElement(svg, "circle", {"class": f"dot {point.tone or ''}".strip(), "cx": x, "cy": y, "r": "4"})
        _about(dot, f"{point.label}: {amount(point.value)}" + (f"\n{point.about}" if point.about else ""))


def _label(plot: Plot) -> str:
    """The plot in words, for screen readers."""
    values = [point.value for point in plot.points if finite(point.value) is not None]
    ends = f", from {amount(values[0])} to {amount(values[-1])}" if values else ""
    return printable(f"{plot.title}: {len(plot.points)} points{ends}")


def _line(svg: Element, name: str, x1: float, y1: float, x2: float, y2: float) -> None:
    ends = {"x1": f"{x1:.1f}", "y1": f"{y1:.1f}", "x2": f"{x2:.1f}", "y2": f"{y2:.1f}"}
    SubElement(svg, "line", {"class": name, **ends})


def _text(svg: Element, x: float, y: float, words: str, anchor: str) -> Element:
    text = SubElement(svg, "text", {"x": f"{x:.1f}", "y": f"{y:.1f}", "text-anchor": anchor})
    text.text = words
    return text


def _about(element: Element, words: str) -> None:
    """A tooltip."""
    SubElement(element, "title").text = printable(words)
