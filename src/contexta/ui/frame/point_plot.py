"""Draw a value for each trial or run as SVG: points, the levels of OLD and NEW, and marks where something changed.

Widths are in percent and heights in pixels, so that text and markers keep their size on every screen.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal
from xml.etree.ElementTree import Element

from contexta.reports.document.axes import nice_ticks
from contexta.reports.document.formatting import amount
from contexta.ui.frame.content import MINUS, number
from contexta.ui.frame.elements import Child, element

Side = Literal["old", "new"]
_HEIGHT, _TOP, _FLOOR = 240, 24, 24  # of the drawing; above the grid; below it, for the labels
_LONGEST_AXIS = 24  # points from which not every one has a label
_DIAMOND, _CROSS = "M0-6 6 0 0 6-6 0z", "M-4-4 4 4M4-4-4 4"


@dataclass(frozen=True)
class PlotPoint:
    label: str
    value: float | None
    """None is a cross on the floor of the plot."""
    title: str
    side: Side | None = None
    """The endpoint whose level it is on."""
    is_live: bool = False
    """The trial still runs, so its value is unknown."""
    is_hollow: bool = False
    """The value is not measured: it is that of a run which the trial equals."""
    note: str = ""
    """A text next to the point."""


@dataclass(frozen=True)
class PlotLevel:
    """A mean, with a band of two standard deviations around it."""

    side: Side | None
    mean: float
    deviation: float | None = None
    start: int = 0
    stop: int | None = None
    """The first point after it; None for all."""
    name: str = ""
    """Written at the end of the level."""


@dataclass(frozen=True)
class PlotMark:
    """A vertical line before a point."""

    at: int
    label: str
    is_main: bool = False


def point_plot(
    points: Sequence[PlotPoint], levels: Sequence[PlotLevel], marks: Sequence[PlotMark], label: str
) -> Element:
    """label: the plot as a sentence."""
    values = [point.value for point in points if point.value is not None] + [level.mean for level in levels]
    if not values:
        return element("p", "No value to draw yet.", class_="quiet")
    ticks = nice_ticks(min(values), max(values))
    scale = _Scale(len(points), min(ticks[0], *values), max(ticks[-1], *values))
    parts = [*_grid(ticks, scale), *_bands(levels, scale), *_marks(marks, scale)]
    parts += [part for number_, point in enumerate(points) for part in _point(number_, point, scale)]
    parts += _labels(points, scale)
    svg = element("svg", *parts, height=str(_HEIGHT), aria_hidden="true")
    return element("div", svg, class_="point-plot", role="img", aria_label=label)


class _Scale:
    def __init__(self, count: int, low: float, high: float) -> None:
        self.count, self.low, self.high = count, low, high

    def x(self, place: float) -> str:
        """place: 0 is the middle of the first point."""
        return f"{100 * (place + 0.5) / max(self.count, 1):.2f}%"

    def y(self, value: float) -> str:
        share = (value / 2 - self.low / 2) / (self.high / 2 - self.low / 2)  # halves: the range may overflow
        return f"{_HEIGHT - _FLOOR - share * (_HEIGHT - _FLOOR - _TOP):.1f}"

    @property
    def floor(self) -> str:
        return str(_HEIGHT - _FLOOR)


def _grid(ticks: Sequence[float], scale: _Scale) -> Iterator[Element]:
    decimals = max(len(amount(tick).partition(".")[2]) for tick in ticks)
    for tick in ticks:
        y, label = scale.y(tick), number(tick) if "e" in amount(tick) else f"{tick:.{decimals}f}".replace("-", MINUS)
        yield element("line", class_="grid", x1="0", x2="100%", y1=y, y2=y)
        yield element("text", label, x="-8", y=y, dy="4", text_anchor="end")
    yield element("line", class_="axis", x1="0", x2="100%", y1=scale.floor, y2=scale.floor)


def _bands(levels: Sequence[PlotLevel], scale: _Scale) -> Iterator[Element]:
    for level in levels:
        stop = scale.count if level.stop is None else level.stop
        start, width = scale.x(level.start - 0.5), f"{100 * (stop - level.start) / max(scale.count, 1):.2f}%"
        classes, y = f"level-{level.side or 'none'}", scale.y(level.mean)
        if level.deviation:
            top = scale.y(min(level.mean + 2 * level.deviation, scale.high))
            bottom = scale.y(max(level.mean - 2 * level.deviation, scale.low))
            height = f"{float(bottom) - float(top):.1f}"
            yield element("rect", class_=f"band {classes}", x=start, y=top, width=width, height=height)
        yield element("line", class_=f"mean {classes}", x1=start, x2=scale.x(stop - 0.5), y1=y, y2=y)
        if level.name:
            yield element("text", level.name, class_=f"name {classes}", x="100%", dx="8", y=y, dy="4")


def _marks(marks: Sequence[PlotMark], scale: _Scale) -> Iterator[Element]:
    for mark in marks:
        x = scale.x(mark.at - 0.5)
        classes = "mark main" if mark.is_main else "mark"
        if mark.at:
            yield element("line", class_=classes, x1=x, x2=x, y1="16", y2=scale.floor)
        text = {"x": x, "dx": "6", "y": "12"} if len(mark.label) > 2 else {"x": x, "y": "12", "text_anchor": "middle"}
        yield element("text", mark.label, class_="mark-label main" if mark.is_main else "mark-label", **text)


def _point(place: int, point: PlotPoint, scale: _Scale) -> Iterator[Element]:
    x, title = scale.x(place), element("title", point.title)
    if point.is_live:
        yield element("line", class_="live", x1=x, x2=x, y1=str(_TOP), y2=scale.floor)
        yield element("circle", title, class_="live", cx=x, cy=scale.floor, r="4.4")
        return
    if point.value is None:
        cross = element("path", class_="cross", d=_CROSS)
        yield element("svg", title, cross, x=x, y=str(_HEIGHT - _FLOOR - 8), class_="at")
        return
    y = scale.y(point.value)
    classes = " ".join(filter(None, ("dot", point.side, "hollow" if point.is_hollow else "")))
    if point.side == "new":
        yield element("svg", title, element("path", class_=classes, d=_DIAMOND), x=x, y=y, class_="at")
    else:
        yield element("circle", title, class_=classes, cx=x, cy=y, r="4.4")
    if point.note:
        above = "-11" if point.side != "new" else "20"
        yield element("text", point.note, class_="note", x=x, y=y, dy=above, text_anchor="middle")


def _labels(points: Sequence[PlotPoint], scale: _Scale) -> Iterator[Element]:
    count = len(points)
    places: Sequence[int] = range(count)
    if count > _LONGEST_AXIS or any(len(point.label) > 3 for point in points):
        places = sorted({0, count - 1})
    for place in places:
        ends = {0: "start", count - 1: "end"} if len(places) <= 2 < count else {}
        anchor = ends.get(place, "middle")
        yield element("text", points[place].label, x=scale.x(place), y=str(_HEIGHT - 6), text_anchor=anchor)


def legend(*entries: tuple[str, str]) -> Element:
    """(kind of point, word) of each sign: ``old``, ``new``, ``hollow`` or ``cross``."""
    signs: list[Child] = []
    for kind, word in entries:
        if kind == "old":
            shape = element("circle", class_="dot old", cx="7", cy="7", r="4.4")
        elif kind == "hollow":
            shape = element("circle", class_="dot hollow", cx="7", cy="7", r="4.4")
        elif kind == "new":
            shape = element("path", class_="dot new", d="M7 1 13 7 7 13 1 7z")
        else:
            shape = element("path", class_="cross", d="M3 3l8 8M11 3l-8 8")
        sign = element("svg", shape, class_="sign", viewBox="0 0 14 14", aria_hidden="true")
        signs.append(element("span", sign, f" {word}"))
    return element("span", *signs, class_="legend")


__all__ = ["PlotLevel", "PlotMark", "PlotPoint", "Side", "legend", "point_plot"]
