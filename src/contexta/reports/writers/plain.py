"""Write a screen as plain lines for a pipe: nothing is wrapped, and one long value does not widen the other rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import zip_longest

from contexta.reports.document.blocks import Report
from contexta.reports.writers.screen import BulletList, Drawing, Grid, Part, Screen, TextLine

_GAP = 2  # characters between columns
_WIDEST = 40  # columns that the cells of one column are padded to; a longer cell only moves the rest of its own row
_CHART = 78  # columns


def plain(report: Report, *, everything: bool = False) -> str:
    """The report as lines of text."""
    lines = (line for part in Screen(everything=everything).parts(report) for line in _lines(part))
    return "".join(f"{line.rstrip()}\n" for line in lines)


def _lines(part: Part) -> Iterator[str]:
    indent = " " * part.indent
    for line in _unindented(part):
        yield indent + line


def _unindented(part: Part) -> Iterator[str]:
    if isinstance(part, TextLine):
        yield from "".join(span.text for span in part.spans).split("\n")
    elif isinstance(part, BulletList):
        for item in part.items:
            first, *others = item.text.split("\n")
            yield f"- {first}"
            yield from (f"  {line}" for line in others)
    elif isinstance(part, Grid):
        yield from _grid(part)
    else:
        yield from _chart(part)


def _grid(grid: Grid) -> Iterator[str]:
    cells = [[span.text for span in row] for row in grid.rows]
    lines = [grid.titles, *cells] if any(grid.titles) else cells
    widths = [
        max((width for cell in column if (width := _width(cell)) <= _WIDEST), default=0)
        for column in zip(*lines, strict=True)
    ]
    for line in lines:
        for parts in zip_longest(*(cell.split("\n") for cell in line), fillvalue=""):  # a cell may have several lines
            yield _row(parts, widths, grid.numeric)


def _row(cells: Sequence[str], widths: Sequence[int], numeric: Sequence[bool]) -> str:
    padded = []
    for cell, width, is_number in zip(cells, widths, numeric, strict=True):
        space = " " * (width - _width(cell))
        padded.append(space + cell if is_number else cell + space)
    return (" " * _GAP).join(padded)


def _chart(drawing: Drawing) -> Iterator[str]:
    from contexta.reports.writers.chart_text import lines_for_stdout

    for line in lines_for_stdout(drawing.chart, _CHART):
        yield line.plain


def _width(text: str) -> int:
    """The columns of the widest line; characters of East Asian scripts take two."""
    if text.isascii() and "\n" not in text:
        return len(text)
    from rich.cells import cell_len

    return max(cell_len(line) for line in text.split("\n"))
