"""Write a report for a terminal: coloured and wrapped to its width. A pipe gets plain lines."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from io import StringIO
from typing import TYPE_CHECKING

from contexta.reports.document.blocks import Report
from contexta.reports.writers.one_line import shortened_to
from contexta.reports.writers.plain import plain
from contexta.reports.writers.screen import BulletList, Drawing, Grid, Part, Screen, Span, TextLine

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.table import Table
    from rich.text import Text

_NARROW = (20, 12)  # characters; a column that is not wider is not wrapped; the first width for which the table fits
_NARROWEST = 12  # characters that a wrapped column needs
_GAP = 2  # characters between columns


def show(report: Report, *, everything: bool = False) -> None:
    """Print to stdout: coloured on a terminal, plain elsewhere."""
    if not sys.stdout.isatty():
        sys.stdout.write(plain(report, everything=everything))
        return
    from rich.console import Console

    console = Console(highlight=False, markup=False, emoji=False)
    _print(console, Screen(everything=everything).parts(report))


def text_of(report: Report, *, width: int, everything: bool = False) -> str:
    """The screen of a terminal of ``width`` columns, without colours."""
    from rich.console import Console

    screen = StringIO()
    console = Console(file=screen, highlight=False, markup=False, emoji=False, color_system=None, width=width)
    _print(console, Screen(everything=everything).parts(report))
    return "".join(f"{line.rstrip()}\n" for line in screen.getvalue().splitlines())


def _print(console: Console, parts: Iterable[Part]) -> None:
    for part in parts:
        for renderable in _renderables(part, console.width):
            console.print(renderable, soft_wrap=isinstance(part, TextLine) and part.is_whole)  # commands stay whole


def _renderables(part: Part, width: int) -> Iterator[RenderableType]:
    from rich.padding import Padding
    from rich.text import Text

    for renderable in _unindented(part, width):
        if isinstance(part, TextLine) and part.is_whole:
            yield Text(" " * part.indent, no_wrap=True).append_text(_text(part.spans))
        else:
            yield Padding(renderable, (0, 0, 0, part.indent), expand=False) if part.indent else renderable


def _unindented(part: Part, width: int) -> Iterator[RenderableType]:
    from rich.text import Text

    if isinstance(part, TextLine):
        yield _text(part.spans)
    elif isinstance(part, BulletList):
        grid = _list_grid(1)
        for item in part.items:
            grid.add_row(Text("-", item.style), Text(*item))
        yield grid
    elif isinstance(part, Drawing):
        from contexta.reports.writers.chart_text import lines_for_stdout

        yield from lines_for_stdout(part.chart, width - 2)
    else:
        yield from _table(part, width)


def _table(grid: Grid, width: int) -> Iterator[RenderableType]:
    if grid.is_one_line:
        yield from _one_line_rows(grid, width)
        return
    columns = zip(grid.titles, *([span.text for span in row] for row in grid.rows), strict=True)
    fixed = _fixed_columns([max(map(_width, column)) for column in columns], grid.numeric, width)
    if fixed is None:
        yield from _stacked(grid)
    else:
        yield _side_by_side(grid, fixed)


def _one_line_rows(grid: Grid, width: int) -> Iterator[RenderableType]:
    """A line for each row, and one above it for a name that is longer than its column."""
    from rich.text import Text

    shown, without_room = shortened_to(grid, width - grid.indent)
    rows = [row for row in shown.rows if len(row) == len(shown.titles)]
    widths = [
        max(map(_width, column)) for column in zip(shown.titles, *([s.text for s in row] for row in rows), strict=True)
    ]
    titles = tuple(Span(title, "dim") for title in shown.titles)
    for row in (titles, *shown.rows) if any(shown.titles) else shown.rows:
        if len(row) < len(titles):
            yield Text(*row[0], overflow="fold")
            continue
        line = Text(no_wrap=True)
        for span, column, is_number in zip(row, widths, shown.numeric, strict=True):
            space = " " * (column - _width(span.text))
            line.append(space * is_number).append(*span).append(space * (not is_number) + " " * _GAP)
        line.rstrip()
        yield line
    if without_room:
        yield Text(f"no room for: {', '.join(without_room)}", "dim")


def _fixed_columns(widths: Sequence[int], numeric: Sequence[bool], width: int) -> list[bool] | None:
    """Which columns are not wrapped; None where the table does not fit."""
    for narrow in _NARROW:
        fixed = [is_number or column <= narrow for column, is_number in zip(widths, numeric, strict=True)]
        least = sum(column if is_fixed else _NARROWEST for column, is_fixed in zip(widths, fixed, strict=True))
        if least + _GAP * (len(widths) + 1) <= width:  # with the indent of a section
            return fixed
    return None


def _side_by_side(grid: Grid, fixed: Sequence[bool]) -> Table:
    from rich.table import Table
    from rich.text import Text

    from contexta.reports.writers.cell_text import CellText

    table = Table(box=None, padding=(0, _GAP, 0, 0), show_header=any(grid.titles), header_style="dim")
    for title, is_number, is_fixed in zip(grid.titles, grid.numeric, fixed, strict=True):
        table.add_column(Text(title), justify="right" if is_number else "left", overflow="fold", no_wrap=is_fixed)
    for row in grid.rows:
        table.add_row(*(CellText(*span) for span in row))
    return table


def _stacked(grid: Grid) -> Iterator[RenderableType]:
    """Each row as a list of its values, for a terminal that is too narrow for the table."""
    from rich.padding import Padding
    from rich.text import Text

    for first, *others in grid.rows:
        yield Text(*first)
        values = _list_grid(_GAP)
        for title, cell in zip(grid.titles[1:], others, strict=True):
            if cell.text:
                values.add_row(Text(title, "dim"), Text(*cell))
        yield Padding(values, (0, 0, 0, 2), expand=False)


def _text(spans: Sequence[Span]) -> Text:
    from rich.text import Text

    text = Text()
    for span in spans:
        text.append(*span)
    return text


def _list_grid(gap: int) -> Table:
    """Two columns, the second of which is wrapped."""
    from rich.table import Table

    grid = Table.grid(padding=(0, gap, 0, 0))
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    return grid


def _width(text: str) -> int:
    from rich.cells import cell_len

    return max(cell_len(line) for line in text.split("\n"))
