"""Write a report as GitHub's Markdown. All text is escaped: none becomes markup or leaves its cell or line."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

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
    Table,
)
from contexta.reports.document.formatting import amount, count, finite, printable, sparkline

# Markup of Markdown and of the HTML inside it. An underscore inside a word and ``->`` are none.
_MARKUP = re.compile(r"[\\`*\[\]<|~#]|(?<!-)>|(?<![^\W_])_|_(?![^\W_])|&(?=[#\w])")
_LINE_START = re.compile(r"^(\s*)([-+=])")
_LIST_NUMBER = re.compile(r"^(\s*\d+)([.)](?=\s|$))")  # in "3.11" the dot starts no list
_FEW = 10  # rows that are shown if none differs
_MOST_POINTS = 60  # of a sparkline
_CHART_WIDTH = 80  # characters


def markdown(report: Report) -> str:
    parts = [f"## {_line(report.title)}"]
    for section in report.sections:
        if section.page_only:
            continue
        if section.heading:
            parts.append(f"### {_line(section.heading)}")
        if text := blocks(section.blocks):
            parts.append(text)
    return "\n\n".join(parts) + "\n"


def blocks(parts: Sequence[Block]) -> str:
    """The blocks, separated by empty lines."""
    return "\n\n".join(text for part in parts if (text := _block(part)))


def _block(part: Block) -> str:
    if isinstance(part, Paragraph):
        return _prose(part.text)
    if isinstance(part, Picture):
        return f"image: {_line(part.caption)}"
    if isinstance(part, Bullets):
        return "\n".join(f"- {_line(item)}" for item in part.items)
    if isinstance(part, Code):
        return _code(part.text)
    if isinstance(part, Curves):
        from contexta.reports.writers.chart_text import chart_lines

        return _code("\n".join(line.plain.rstrip() for line in chart_lines(part.chart, _CHART_WIDTH)))
    if isinstance(part, Links):
        return ", ".join(f"[{_line(link.text)}]({link.href})" for link in part.items)
    return _table(part) if isinstance(part, Table) else _plot(part)


def _table(table: Table) -> str:
    """Rows without a difference are only counted where other rows differ."""
    rows = [row for row in table.rows if row.fold != "same"]
    if not rows and len(table.rows) > _FEW:
        return f"All {len(table.rows)} are the same."
    rows = rows or list(table.rows)
    if not rows:
        return ""
    rule = ["---:" if numeric else "---" for numeric in table.numeric]
    lines = [_cells(table.titles), f"| {' | '.join(rule)} |", *map(_row, rows)]
    hidden = len(table.rows) - len(rows)
    return "\n".join(lines) + (f"\n\n{hidden} more {'is' if hidden == 1 else 'are'} the same." if hidden else "")


def _row(row: Row) -> str:
    line = _cells(row.cells)
    if row.url is None:
        return line
    return f"{_cells(row.cells[:-1])} [{_line(row.cells[-1])}]({row.url}) |"


def _cells(texts: Iterable[str]) -> str:
    return f"| {' | '.join(_line(text) for text in texts)} |"


def _plot(plot: Plot) -> str:
    """A sparkline between the first and the last value, and the marks as a list."""
    finite_points = [point for point in plot.points if finite(point.value) is not None]
    if not finite_points:
        return f"{_line(plot.title)}: no values"
    shown = plot.points[-_MOST_POINTS:]
    cut = f"the last {len(shown)} of " if len(shown) < len(plot.points) else ""
    first, last = finite_points[0], finite_points[-1]
    lines = [
        f"{_line(plot.title)}, {cut}{count(len(plot.points), plot.unit)}: "
        f"{amount(first.value)} ({_line(first.label)}) `{sparkline([point.value for point in shown])}` "
        f"{amount(last.value)} ({_line(last.label)})"
    ]
    if plot.marks:
        lines.append(
            "\n".join(
                f"- before {_line(plot.points[mark.at].label)}: {_line(mark.label)}"
                for mark in plot.marks
                if mark.at < len(plot.points)
            )
        )
    return "\n\n".join(lines)


def _code(text: str) -> str:
    """A fence longer than any run of backticks inside."""
    fence = "`" * max(3, *(len(ticks) + 1 for ticks in re.findall(r"`+", text)), 3)
    return f"{fence}\n{printable(text)}\n{fence}"


def _prose(text: str) -> str:
    lines = (_LINE_START.sub(r"\1\\\2", _escaped(line)) for line in printable(text).split("\n"))
    return "\n".join(_LIST_NUMBER.sub(r"\1\\\2", line) for line in lines)


def _line(text: str) -> str:
    return _escaped(" ".join(printable(text).split()))


def _escaped(text: str) -> str:
    return _MARKUP.sub(r"\\\g<0>", text)
