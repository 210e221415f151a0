"""Turn a report into the lines and grids of a screen, for a terminal or a pipe.

A screen is a summary. It leaves out sections of details, the later rows of long tables and the end of long values,
and says so. With ``everything`` it leaves out nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import compress
from typing import NamedTuple, TypeAlias

from contexta.findings.metrics import Chart
from contexta.reports.document.blocks import (
    Block,
    Bullets,
    Code,
    Curves,
    Links,
    Paragraph,
    Picture,
    Plot,
    Report,
    Row,
    Section,
    Table,
    Tone,
)
from contexta.reports.document.formatting import amount, count, finite, printable, shortened, sparkline

_STYLES: dict[Tone | None, str] = {"good": "green", "bad": "red", "warn": "yellow", "quiet": "dim", None: ""}
_SMALL_TABLE = 12  # rows up to which rows without a difference are shown
_MOST_BULLETS = 20
_MOST_CHARACTERS = 1_000  # of a cell or a bullet; a longer one is cut to the next two lengths
_CUT_TEXT = 400
_CUT_WORD = 120  # a text without a space
_MOST_POINTS = 56  # of a sparkline; they fit into 60 columns
_WEIGHTS: dict[Tone | None, int] = {"bad": 0, "warn": 1}
_FOLDED = {"same": "without a difference", "unused": "that neither run imported"}


class Span(NamedTuple):
    """A text in one style of rich."""

    text: str
    style: str = ""


@dataclass(frozen=True)
class TextLine:
    """A paragraph, as one or more spans."""

    spans: tuple[Span, ...] = ()
    is_whole: bool = False
    """Whether it is never wrapped, as a command to paste."""
    indent: int = 0


@dataclass(frozen=True)
class Grid:
    """The visible rows and the used columns of a table."""

    titles: tuple[str, ...]
    numeric: tuple[bool, ...]
    rows: tuple[tuple[Span, ...], ...]
    is_one_line: bool = False
    """Whether cells are shortened to the width of a terminal instead of wrapped."""
    indent: int = 0


@dataclass(frozen=True)
class BulletList:
    items: tuple[Span, ...]
    indent: int = 0


@dataclass(frozen=True)
class Drawing:
    """Learning curves."""

    chart: Chart
    indent: int = 0


Part: TypeAlias = TextLine | Grid | BulletList | Drawing


class Screen:
    """Selects the visible parts of a report."""

    def __init__(self, *, everything: bool) -> None:
        self.everything = everything

    def parts(self, report: Report) -> Iterator[Part]:
        yield _line(printable(report.title), "bold")
        after_line = True
        sections = [section for section in report.sections if not section.page_only]
        for section in sections:
            if not section.blocks or (section.detail and not self.everything):
                continue
            is_line = len(section.blocks) == 1 and isinstance(section.blocks[0], Paragraph)
            if not (is_line and after_line) and not (after_line and _continues(section)):
                yield TextLine()
            after_line = is_line and bool(section.heading)
            yield from self._section(section)
        hidden = [section.title for section in sections if section.detail and section.blocks]
        if hidden and not self.everything:
            yield TextLine()
            yield _line(f"--all also shows: {', '.join(hidden)}", "dim")

    def _section(self, section: Section) -> Iterator[Part]:
        """The title, on one line with a paragraph that follows it, and the blocks below it."""
        blocks = list(section.blocks)
        if section.heading:
            title = [Span(printable(section.heading), "bold")]
            first = blocks[0]
            is_followed_by_code = len(blocks) > 1 and isinstance(blocks[1], Code)
            if isinstance(first, Paragraph) and "\n" not in first.text and not is_followed_by_code:
                del blocks[0]
                title.append(Span(f"  {printable(first.text)}", _STYLES[first.tone]))
            yield TextLine(tuple(title))
        for number, block in enumerate(blocks):
            if not section.heading and number and isinstance(block, Table | Plot):
                yield TextLine()
            for part in self._block(block):
                yield replace(part, indent=part.indent + 2) if section.heading else part

    def _block(self, block: Block) -> Iterator[Part]:
        if isinstance(block, Paragraph):
            yield _line(printable(block.text), _STYLES[block.tone])
        elif isinstance(block, Code):
            for line in printable(block.text).split("\n"):
                yield TextLine((Span(line, "cyan"),), is_whole=True, indent=2)
        elif isinstance(block, Bullets):
            yield from self._bullets(block.items, _STYLES[block.tone])
        elif isinstance(block, Table):
            yield from self._table(block)
        elif isinstance(block, Curves):
            yield Drawing(block.chart)
        elif isinstance(block, Picture):
            yield _line(printable(f"image: {block.caption}"))
        elif isinstance(block, Links):
            yield _line(printable(", ".join(link.text for link in block.items)))
        else:
            yield from self._plot(block)

    def _bullets(self, items: Sequence[str], style: str) -> Iterator[Part]:
        shown = items if self.everything else items[:_MOST_BULLETS]
        yield BulletList(tuple(Span(self._short(item), style) for item in shown))
        if len(shown) < len(items):
            yield _line(f"and {len(items) - len(shown)} more; --all shows them", "dim")

    def _short(self, text: str) -> str:
        if self.everything or len(text) <= _MOST_CHARACTERS:
            return printable(text)
        return printable(shortened(text, _CUT_TEXT if " " in text else _CUT_WORD))

    def _table(self, table: Table) -> Iterator[Part]:
        rows, notes = self._visible(table)
        cells = [[self._short(cell) for cell in (*row.cells[:-1], row.url or row.cells[-1])] for row in rows]
        used = [any(column) for column in zip(*cells, strict=True)]  # a column without any value is left out
        if rows:
            yield Grid(
                tuple(map(printable, compress(table.titles, used))),
                tuple(compress(table.numeric, used)),
                tuple(_styled(tuple(compress(line, used)), row) for line, row in zip(cells, rows, strict=True)),
                is_one_line=table.one_line,
            )
        for note in notes:
            yield _line(note, "dim")

    def _visible(self, table: Table) -> tuple[Sequence[Row], list[str]]:
        """The rows to show, and a text about the others."""
        if self.everything:
            return table.rows, []
        folds = {"unused"} if len(table.rows) <= _SMALL_TABLE else {"same", "unused"}
        rows = [row for row in table.rows if row.fold not in folds]
        limited = _last(rows, table.screen_rows) if table.is_log else rows[: table.screen_rows]
        more = "earlier ones" if table.is_log else "more"
        notes = [f"and {len(rows) - len(limited)} {more}; --all shows them"] if len(limited) < len(rows) else []
        counts = {fold: sum(row.fold == fold for row in table.rows) for fold in sorted(folds)}
        if any(counts.values()):
            others = ", ".join(f"{number} {_FOLDED[fold]}" for fold, number in counts.items() if number)
            notes.append(f"--all also shows {others}")
        return limited, notes

    def _plot(self, plot: Plot) -> Iterator[Part]:
        finite_points = [point for point in plot.points if finite(point.value) is not None]
        if not finite_points:
            yield _line(f"{printable(plot.title)}: no values")
            return
        first, last = finite_points[0], finite_points[-1]
        shown = plot.points[-_MOST_POINTS:]
        cut = f"; the last {len(shown)}:" if len(shown) < len(plot.points) else ""
        yield _line(
            printable(
                f"{plot.title}, {count(len(plot.points), plot.unit)}: {amount(first.value)} ({first.label}) to "
                f"{amount(last.value)} ({last.label}){cut}"
            )
        )
        yield _line(sparkline([point.value for point in shown]))
        marks = [
            f"before {plot.points[mark.at].label}: {mark.label}" for mark in plot.marks if mark.at < len(plot.points)
        ]
        if marks:
            yield from self._bullets(marks, "")


def _last(rows: Sequence[Row], limit: int | None) -> Sequence[Row]:
    """At most ``limit`` rows, in their order: errors before warnings before others, of each the last."""
    if limit is None:
        return rows
    by_weight = sorted(range(len(rows)), key=lambda number: (_WEIGHTS.get(rows[number].tone, 2), -number))
    return [rows[number] for number in sorted(by_weight[:limit])]


def _continues(section: Section) -> bool:
    """Whether the section has no title and starts with text, as below the title of a report."""
    return not section.heading and not isinstance(section.blocks[0], Table)


def _line(text: str, style: str = "") -> TextLine:
    return TextLine((Span(text, style),))


def _styled(cells: tuple[str, ...], row: Row) -> tuple[Span, ...]:
    """The first cell is bold and has the tone of the row; a row without a difference is dim."""
    if row.fold is not None:
        return tuple(Span(cell, "dim") for cell in cells)
    return tuple(Span(cell, "" if number else f"bold {_STYLES[row.tone]}".strip()) for number, cell in enumerate(cells))
