"""Draw learning curves with characters. Braille dots draw the lines, and letters tell the runs apart."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator
from itertools import pairwise

import plotille
from rich.text import Text

from contexta.findings.metrics import Chart, Curve
from contexta.reports.document.axes import AxisScale, scales, stretches
from contexta.reports.document.formatting import amount, count, printable

_HEIGHT = 12  # lines of the plot
_WIDEST, _NARROWEST = 100, 16  # columns
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_LETTERS_OF_A_CURVE = 4
_COLORS = ("blue", "yellow", "magenta", "cyan")
_EMPTY = "\u2800"  # a braille character without dots
_ASCII = {**dict.fromkeys(range(0x2801, 0x2900), "."), **dict(zip(map(ord, "┤│└─┬"), "+|+-+", strict=True))}


def lines_for_stdout(chart: Chart, width: int) -> Iterator[Text]:
    """The lines of a chart; in ASCII if stdout cannot show braille characters and frames."""
    lines = chart_lines(chart, width)
    yield from lines if _shows_braille() else map(_to_ascii, lines)


def _shows_braille() -> bool:
    try:
        "⣿".encode(getattr(sys.stdout, "encoding", None) or "utf-8")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def _to_ascii(line: Text) -> Text:
    line.plain = line.plain.translate(_ASCII)
    return line


def chart_lines(chart: Chart, width: int) -> Iterator[Text]:
    """The lines of a chart, at most ``width`` and 100 columns wide, and its legend."""
    axes = scales(chart)
    if axes is None:
        yield Text("no finite values" if not chart.is_log else "no values above 0")
    else:
        yield from _plot(chart, *axes, min(width, _WIDEST))
    for number, curve in enumerate(chart.curves):
        letter = f"{_LETTERS[number]} " if len(chart.curves) > 1 else ""
        yield Text().append(letter, _color(number, chart)).append(printable(_legend(curve)))


def _plot(chart: Chart, horizontal: AxisScale, vertical: AxisScale, width: int) -> Iterator[Text]:
    """The plot with ticks on the left and below it."""
    left = max((len(label) for _, label in vertical.ticks), default=0)
    columns = max(width - left - 3, _NARROWEST)
    dots = 2 * columns, 4 * _HEIGHT  # the last dot is at 1
    canvas = plotille.Canvas(columns, _HEIGHT, 0, 0, dots[0] / (dots[0] - 1), dots[1] / (dots[1] - 1))
    for number, curve in enumerate(chart.curves):
        _draw(canvas, curve, horizontal, vertical, _color(number, chart))
    if len(chart.curves) > 1:
        for number, curve in enumerate(chart.curves):
            _write_letters(canvas, curve, horizontal, vertical, number, len(chart.curves))
    labels = {round((1 - share) * (_HEIGHT - 1)): label for share, label in vertical.ticks}
    for row, line in enumerate(canvas.plot(linesep="\n").split("\n")):
        label = labels.get(row, "")
        edge = "┤" if label else "│"
        yield Text().append(f"{label:>{left}} {edge}", "dim").append_text(Text.from_ansi(line.replace(_EMPTY, " ")))
    yield from _x_axis(horizontal, canvas.width, left, chart.axis)


def _draw(canvas: plotille.Canvas, curve: Curve, horizontal: AxisScale, vertical: AxisScale, color: str | None) -> None:
    for part in stretches(curve.x, curve.y):
        shares = [(horizontal.share(x), vertical.share(y)) for x, y in part]
        canvas.point(*shares[0], color=color)
        for start, end in pairwise(shares):
            canvas.line(*start, *end, color=color)


def _write_letters(
    canvas: plotille.Canvas, curve: Curve, horizontal: AxisScale, vertical: AxisScale, number: int, curves: int
) -> None:
    """The letter of a curve at its end and at some places on it, which differ from curve to curve."""
    color, letter = _COLORS[number % len(_COLORS)], _LETTERS[number]
    shares = [[(horizontal.share(x), vertical.share(y)) for x, y in part] for part in stretches(curve.x, curve.y)]
    places = [(index + number / curves) / _LETTERS_OF_A_CURVE for index in range(_LETTERS_OF_A_CURVE)]
    for part in shares:
        for (x0, y0), (x1, y1) in pairwise(part):
            for place in places:
                if x0 <= place < x1:
                    canvas.point(place, y0 + (y1 - y0) * (place - x0) / (x1 - x0), color=color, marker=letter)
    if shares:
        canvas.point(*shares[-1][-1], color=color, marker=letter)


def _x_axis(horizontal: AxisScale, width: int, left: int, name: str) -> Iterator[Text]:
    """The line below the plot, and the labels below the line, with the name of the axis at the end."""
    line, labels = ["─"] * width, [" "] * (width + 1)
    free = 0
    end = width - len(name) - 1
    for share, label in horizontal.ticks:
        column = min(round(share * (width - 1)), width - 1)
        line[column] = "┬"
        start = min(max(column - len(label) // 2, 0), width - len(label))
        if start >= free and start + len(label) <= end:
            labels[start : start + len(label)] = label
            free = start + len(label) + 2
    labels[end + 1 :] = name
    yield Text(" " * (left + 1) + "└" + "".join(line), "dim")
    yield Text(" " * (left + 2) + "".join(labels).rstrip(), "dim")


def _color(number: int, chart: Chart) -> str | None:
    """None for the only curve of a chart."""
    return _COLORS[number % len(_COLORS)] if len(chart.curves) > 1 else None


def _legend(curve: Curve) -> str:
    """``last-month: 1000 points from 0.03 to 1, last 0.03``"""
    values = f" from {amount(curve.low)} to {amount(curve.high)}" if curve.low is not None else ""
    last = amount(curve.last) if not (isinstance(curve.last, float) and math.isnan(curve.last)) else "NaN"
    return f"{curve.name}: {count(curve.points, 'point')}{values}, last {last}"
