"""Write a report for a terminal: coloured and wrapped to its width, or as plain text for a pipe.

A screen is a summary. It leaves out sections of details, the later rows of long tables and the end of long values,
and says so. With ``everything`` it leaves out nothing.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from io import StringIO
from itertools import compress

from rich.cells import cell_len
from rich.console import Console, RenderableType
from rich.padding import Padding
from rich.table import Table as Grid
from rich.text import Text

from contexta.reports.document.blocks import (
    Block,
    Bullets,
    Code,
    Curves,
    Paragraph,
    Plot,
    Report,
    Row,
    Section,
    Table,
    Tone,
)
from contexta.reports.document.formatting import amount, count, finite, printable, shortened, sparkline

_STYLES: dict[Tone | None, str] = {"good": "green", "bad": "red", "warn": "yellow", "quiet": "dim", None: ""}
_NO_WRAPPING = 100_000  # columns of a pipe
_CHART_IN_A_PIPE = 80  # columns
_SMALL_TABLE = 12  # rows up to which rows without a difference are shown
_MOST_BULLETS = 20
_MOST_CHARACTERS = 400  # of a cell or a bullet
_LONGEST_WORD = 120  # characters of a cell without a space
_NARROW = (20, 12)  # characters; a column that is not wider is not wrapped; the first width for which the table fits
_NARROWEST = 12  # characters that a wrapped column needs
_GAP = 2  # characters between columns
_MOST_POINTS = 60  # of a sparkline
_FOLDED = {"same": "without a difference", "unused": "that neither run imported"}


def show(report: Report, *, everything: bool = False) -> None:
    """Print to stdout: coloured on a terminal, plain elsewhere."""
    if not sys.stdout.isatty():
        sys.stdout.write(text_of(report, everything=everything))
        return
    console = Console(highlight=False, markup=False, emoji=False)
    for part in _Screen(console.width, everything).parts(report):
        console.print(part, soft_wrap=isinstance(part, Text) and bool(part.no_wrap))  # commands stay whole


def text_of(report: Report, *, width: int = _NO_WRAPPING, everything: bool = False) -> str:
    """The report as plain text, wrapped to ``width`` columns."""
    plain = StringIO()
    console = Console(file=plain, highlight=False, markup=False, emoji=False, color_system=None, width=width)
    for part in _Screen(width, everything).parts(report):
        console.print(part, soft_wrap=isinstance(part, Text) and bool(part.no_wrap))
    return "".join(f"{line.rstrip()}\n" for line in plain.getvalue().splitlines())


class _Screen:
    """Turns a report into renderables of rich."""

    def __init__(self, width: int, everything: bool) -> None:
        self.width, self.everything = width, everything

    def parts(self, report: Report) -> Iterator[RenderableType]:
        yield Text(printable(report.title), "bold")
        after_line = True
        sections = [section for section in report.sections if not section.page_only]
        for section in sections:
            if not section.blocks or (section.detail and not self.everything):
                continue
            is_line = len(section.blocks) == 1 and isinstance(section.blocks[0], Paragraph)
            if not (is_line and after_line) and not (after_line and self._continues(section)):
                yield Text()
            after_line = is_line and bool(section.title)
            yield from self._section(section)
        hidden = [section.title for section in sections if section.detail and section.blocks]
        if hidden and not self.everything:
            yield Text()
            yield Text(f"--all also shows: {', '.join(hidden)}", "dim")

    def _continues(self, section: Section) -> bool:
        """Whether the section has no title and starts with text, as below the title of a report."""
        return not section.title and not isinstance(section.blocks[0], Table)

    def _section(self, section: Section) -> Iterator[RenderableType]:
        """The title, on one line with a paragraph that follows it, and the blocks below it."""
        blocks = list(section.blocks)
        if section.title:
            title = Text(printable(section.title), "bold")
            first = blocks[0]
            is_followed_by_code = len(blocks) > 1 and isinstance(blocks[1], Code)
            if isinstance(first, Paragraph) and "\n" not in first.text and not is_followed_by_code:
                del blocks[0]
                title.append("  ").append(printable(first.text), _STYLES[first.tone] or "not bold")
            yield title
        for number, block in enumerate(blocks):
            if not section.title and number and isinstance(block, Table | Plot):
                yield Text()
            for part in self._block(block):
                yield self._indented(part) if section.title else part

    def _indented(self, part: RenderableType) -> RenderableType:
        if isinstance(part, Text) and part.no_wrap:
            return Text("  ", no_wrap=True).append_text(part)
        return Padding(part, (0, 0, 0, 2), expand=False)

    def _block(self, block: Block) -> Iterator[RenderableType]:
        if isinstance(block, Paragraph):
            yield Text(printable(block.text), _STYLES[block.tone])
        elif isinstance(block, Code):
            for line in printable(block.text).split("\n"):
                yield Text(f"  {line}", "cyan", no_wrap=True)
        elif isinstance(block, Bullets):
            yield from self._bullets(block.items, _STYLES[block.tone])
        elif isinstance(block, Table):
            yield from self._table(block)
        elif isinstance(block, Curves):
            yield from self._curves(block)
        else:
            yield from self._plot(block)

    def _bullets(self, items: Sequence[str], style: str) -> Iterator[RenderableType]:
        shown = items if self.everything else items[:_MOST_BULLETS]
        grid = _list_grid(1)
        for item in shown:
            grid.add_row(Text("-", style), Text(self._short(item), style))
        yield grid
        if len(shown) < len(items):
            yield Text(f"and {len(items) - len(shown)} more; --all shows them", "dim")

    def _short(self, text: str) -> str:
        limit = _MOST_CHARACTERS if " " in text else _LONGEST_WORD
        return printable(text if self.everything else shortened(text, limit))

    # ------------------------------------------------------------------------------------------ tables

    def _table(self, table: Table) -> Iterator[RenderableType]:
        rows, hidden = self._visible(table)
        cells = [[self._short(cell) for cell in row.cells] for row in rows]
        used = [any(column) for column in zip(*cells, strict=True)]  # a column without any value is left out
        titles, numeric = list(compress(table.titles, used)), list(compress(table.numeric, used))
        cells = [list(compress(line, used)) for line in cells]
        if rows:
            widths = [max(map(_width, column)) for column in zip(titles, *cells, strict=True)]
            if (fixed := self._fixed_columns(widths, numeric)) is not None:
                yield self._grid(titles, numeric, fixed, cells, rows)
            else:
                yield from self._stacked(titles, cells, rows)
        for note in hidden:
            yield Text(note, "dim")

    def _visible(self, table: Table) -> tuple[Sequence[Row], list[str]]:
        """The rows to show, and what to say of the others."""
        if self.everything:
            return table.rows, []
        folds = {"unused"} if len(table.rows) <= _SMALL_TABLE else {"same", "unused"}
        rows = [row for row in table.rows if row.fold not in folds]
        limited = rows[: table.screen_rows]
        notes = [f"and {len(rows) - len(limited)} more; --all shows them"] if len(limited) < len(rows) else []
        counts = {fold: sum(row.fold == fold for row in table.rows) for fold in sorted(folds)}
        if any(counts.values()):
            others = ", ".join(f"{number} {_FOLDED[fold]}" for fold, number in counts.items() if number)
            notes.append(f"--all also shows {others}")
        return limited, notes

    def _fixed_columns(self, widths: Sequence[int], numeric: Sequence[bool]) -> list[bool] | None:
        """Which columns are not wrapped; None where the table does not fit."""
        for narrow in _NARROW:
            fixed = [is_number or width <= narrow for width, is_number in zip(widths, numeric, strict=True)]
            least = sum(width if is_fixed else _NARROWEST for width, is_fixed in zip(widths, fixed, strict=True))
            if least + _GAP * (len(widths) + 1) <= self.width:  # with the indent of a section
                return fixed
        return None

    def _grid(
        self,
        titles: Sequence[str],
        numeric: Sequence[bool],
        fixed: Sequence[bool],
        cells: Sequence[Sequence[str]],
        rows: Sequence[Row],
    ) -> Grid:
        grid = Grid(box=None, padding=(0, _GAP, 0, 0), show_header=any(titles), header_style="dim")
        for title, is_number, is_fixed in zip(titles, numeric, fixed, strict=True):
            grid.add_column(
                Text(printable(title)),
                justify="right" if is_number else "left",
                overflow="fold",
                no_wrap=is_fixed,
            )
        for line, row in zip(cells, rows, strict=True):
            grid.add_row(*_styled(line, row))
        return grid

    def _stacked(
        self, titles: Sequence[str], cells: Sequence[Sequence[str]], rows: Sequence[Row]
    ) -> Iterator[RenderableType]:
        """Each row as a list of its values, for a terminal that is too narrow for the table."""
        for line, row in zip(cells, rows, strict=True):
            first, *others = _styled(line, row)
            yield first
            grid = _list_grid(_GAP)
            for title, cell in zip(titles[1:], others, strict=True):
                if cell.plain:
                    grid.add_row(Text(title, "dim"), cell)
            yield Padding(grid, (0, 0, 0, 2), expand=False)

    # ------------------------------------------------------------------------------------------ plots

    def _curves(self, curves: Curves) -> Iterator[RenderableType]:
        from contexta.reports.writers.chart_text import chart_lines, to_ascii

        lines = chart_lines(curves.chart, (_CHART_IN_A_PIPE if self.width == _NO_WRAPPING else self.width) - 2)
        yield from lines if _shows_braille() else map(to_ascii, lines)

    def _plot(self, plot: Plot) -> Iterator[RenderableType]:
        finite_points = [point for point in plot.points if finite(point.value) is not None]
        if not finite_points:
            yield Text(f"{printable(plot.title)}: no values")
            return
        first, last = finite_points[0], finite_points[-1]
        shown = plot.points[-min(_MOST_POINTS, self.width - 4) :]
        cut = f"; the last {len(shown)}:" if len(shown) < len(plot.points) else ""
        yield Text(
            printable(
                f"{plot.title}, {count(len(plot.points), plot.unit)}: {amount(first.value)} ({first.label}) to "
                f"{amount(last.value)} ({last.label}){cut}"
            )
        )
        yield Text(sparkline([point.value for point in shown]))
        marks = [
            f"before {plot.points[mark.at].label}: {mark.label}" for mark in plot.marks if mark.at < len(plot.points)
        ]
        if marks:
            yield from self._bullets(marks, "")


def _styled(cells: Sequence[str], row: Row) -> list[Text]:
    """The first cell is bold and has the tone of the row; a row without a difference is dim."""
    if row.fold is not None:
        return [Text(cell, "dim") for cell in cells]
    return [Text(cells[0], f"bold {_STYLES[row.tone]}".strip()), *map(Text, cells[1:])]


def _shows_braille() -> bool:
    try:
        "⣿".encode(getattr(sys.stdout, "encoding", None) or "utf-8")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def _list_grid(gap: int) -> Grid:
    """Two columns, the second of which is wrapped."""
    grid = Grid.grid(padding=(0, gap, 0, 0))
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    return grid


def _width(text: str) -> int:
    return max(cell_len(line) for line in text.split("\n"))
