"""Draw learning curves as SVG, without a script.

The element has no view box: horizontal positions are percentages and vertical ones pixels, so type and markers keep
their size at every width. Lines are in a nested element that stretches. The style sheet leaves room for the labels on
the left and, for several curves, on the right.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import takewhile
from xml.etree.ElementTree import Element, SubElement

from contexta.findings.metrics import Chart, Curve
from contexta.reports.document.axes import AxisScale, scales, stretches
from contexta.reports.document.formatting import amount, count, finite, printable

HEIGHT = 168  # of the plot, in pixels
_TOP = 10
_STRETCHED = 1000  # width of the coordinates of lines
_LINE_HEIGHT = 15  # between the names of curves
_MOST_CHARACTERS = 13  # of a name at the end of a curve
_STYLES = 5  # colours and dashes; then they repeat with markers
_MOST_STYLES = 10  # more curves all have one style
_MOST_MARKED_POINTS = 30


def chart_svg(chart: Chart) -> Element:
    """The chart as an SVG element; a text where no value can be drawn."""
    several = len(chart.curves) > 1
    attributes = {"class": "chart named" if several else "chart", "height": str(HEIGHT + _TOP + 24), "role": "img"}
    svg = Element("svg", {**attributes, "aria-label": _label(chart)})
    axes = scales(chart)
    if axes is None:
        _text(svg, "50%", HEIGHT / 2, "no values above 0" if chart.is_log else "no finite values", "middle")
        return svg
    horizontal, vertical = axes
    _grid(svg, horizontal, vertical)
    lines = SubElement(svg, "svg", {"y": str(_TOP), "width": "100%", "height": str(HEIGHT), "overflow": "visible"})
    lines.set("viewBox", f"0 0 {_STRETCHED} {HEIGHT}")
    lines.set("preserveAspectRatio", "none")
    for number, curve in enumerate(chart.curves):
        _line(lines, curve, horizontal, vertical, series_class(number, len(chart.curves)))
    for number, curve in enumerate(chart.curves):
        _markers(svg, curve, horizontal, vertical, number, len(chart.curves))
    if several:
        _names(svg, chart.curves, vertical)
    return svg


def curve_numbers(curve: Curve) -> tuple[str, str, str, str]:
    """The number of points, the lowest, the highest and the last value of a curve."""
    return str(curve.points), amount(curve.low), amount(curve.high), amount(curve.last)


def sample(number: int, curves: int) -> Element:
    """The line of a curve for the legend."""
    svg = Element("svg", {"class": "sample", "width": "28", "height": "12", "aria-hidden": "true"})
    SubElement(svg, "path", {"class": series_class(number, curves), "d": "M0 6H28"})
    if _STYLES <= number < _MOST_STYLES and curves <= _MOST_STYLES:
        SubElement(svg, "circle", {"class": series_class(number, curves), "cx": "14", "cy": "6", "r": "4"})
    return svg


def series_class(number: int, curves: int) -> str:
    """The class that gives a curve its colour and its dashes."""
    if curves == 1:
        return "series single"
    return f"series s{number % _STYLES + 1}" if curves <= _MOST_STYLES else "series many"


def _grid(svg: Element, horizontal: AxisScale, vertical: AxisScale) -> None:
    for share, label in vertical.ticks:
        y = _TOP + (1 - share) * HEIGHT
        SubElement(svg, "line", {"class": "grid", "x1": "0", "x2": "100%", "y1": f"{y:.1f}", "y2": f"{y:.1f}"})
        _text(svg, "-8", y + 4, label, "end")
    bottom = f"{_TOP + HEIGHT}"
    SubElement(svg, "line", {"class": "axis", "x1": "0", "x2": "100%", "y1": bottom, "y2": bottom})
    for share, label in horizontal.ticks:
        anchor = "start" if share < 0.04 else "end" if share > 0.96 else "middle"
        _text(svg, f"{100 * share:.2f}%", _TOP + HEIGHT + 18, label, anchor)


def _line(lines: Element, curve: Curve, horizontal: AxisScale, vertical: AxisScale, style: str) -> None:
    parts = []
    for part in stretches(curve.x, curve.y):
        points = [f"{_STRETCHED * horizontal.share(x):.1f} {(1 - vertical.share(y)) * HEIGHT:.1f}" for x, y in part]
        parts.append("M" + "L".join(points))
    SubElement(lines, "path", {"class": style, "d": "".join(parts), "vector-effect": "non-scaling-stroke"})


def _markers(svg: Element, curve: Curve, horizontal: AxisScale, vertical: AxisScale, number: int, curves: int) -> None:
    """A circle at each point of a short curve, and of a longer one where its style needs one."""
    points = [point for part in stretches(curve.x, curve.y) for point in part]
    if len(points) >= _MOST_MARKED_POINTS:
        alone = [part[0] for part in stretches(curve.x, curve.y) if len(part) == 1]
        is_second_round = _STYLES <= number < curves <= _MOST_STYLES
        points = points[:: max(len(points) // 10, 1)] if is_second_round else alone
    for x, y in points:
        circle = {"cx": f"{100 * horizontal.share(x):.2f}%", "cy": f"{_TOP + (1 - vertical.share(y)) * HEIGHT:.1f}"}
        dot = SubElement(svg, "circle", {"class": f"{series_class(number, curves)} dot", "r": "3", **circle})
        SubElement(dot, "title").text = printable(f"{curve.name}: {amount(y)} at {amount(x)}")


def _names(svg: Element, curves: Sequence[Curve], vertical: AxisScale) -> None:
    """The name of each curve at its end, moved apart where they would overlap."""
    ends = [
        (_TOP + (1 - vertical.share(part[-1][1])) * HEIGHT, number)
        for number, curve in enumerate(curves)
        if (part := [point for points in stretches(curve.x, curve.y) for point in points])
    ]
    if len(ends) * _LINE_HEIGHT > HEIGHT + _TOP:
        return  # the legend names them
    names = [printable(curve.name) for curve in curves]
    short_names = _without_common_start(names)
    for y, number in _moved_apart(sorted(ends)):
        text = _text(svg, "100%", y + 4, _cut(short_names[number]), "start")
        text.set("dx", "8")
        text.set("class", "name")
        SubElement(text, "title").text = names[number]


def _without_common_start(names: Sequence[str]) -> list[str]:
    """Names that differ within the length that is shown: ``…-3`` for ``sweep-3`` among other sweeps."""
    if max(map(len, names)) <= _MOST_CHARACTERS:
        return list(names)
    common = "".join(characters[0] for characters in takewhile(_are_equal, zip(*names, strict=False)))
    common = common[: max(common.rfind("-"), common.rfind("."))] if {"-", "."} & {*common} else ""
    return [f"…{name.removeprefix(common)}" if common else name for name in names]


def _are_equal(characters: tuple[str, ...]) -> bool:
    return len(set(characters)) == 1


def _cut(name: str) -> str:
    return name if len(name) <= _MOST_CHARACTERS else f"{name[: _MOST_CHARACTERS - 1]}…"


def _moved_apart(ends: Sequence[tuple[float, int]]) -> Iterator[tuple[float, int]]:
    """The heights with room for a line of text between them, inside the plot."""
    heights = [height for height, _ in ends]
    for index in range(1, len(heights)):
        heights[index] = max(heights[index], heights[index - 1] + _LINE_HEIGHT)
    bottom = float(HEIGHT + _TOP)
    for index in range(len(heights) - 1, -1, -1):
        heights[index] = min(heights[index], bottom)
        bottom = heights[index] - _LINE_HEIGHT
    return ((height, number) for height, (_, number) in zip(heights, ends, strict=True))


def _label(chart: Chart) -> str:
    """The chart in words, for screen readers."""
    curves = "; ".join(
        f"{curve.name} has {count(curve.points, 'point')}"
        + (f" from {amount(curve.low)} to {amount(curve.high)}" if finite(curve.low) is not None else "")
        + f", last {amount(curve.last)}"
        for curve in chart.curves
    )
    return printable(f"{chart.metric} over {chart.axis}: {curves}")


def _text(svg: Element, x: str, y: float, words: str, anchor: str) -> Element:
    text = SubElement(svg, "text", {"x": x, "y": f"{y:.1f}", "text-anchor": anchor})
    text.text = words
    return text
