"""A report as GitHub's Markdown. What stands in a cell or a line cannot leave it, whatever it holds."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from contexta.reports.blocks import Block, Code, List, Plot, Report, Row, Table, Words
from contexta.reports.formatting import amount, count, finite, printable

# What Markdown or the HTML inside it would take for markup. An underscore inside a word is none.
_MARKUP = re.compile(r"[\\`*\[\]<>|~#]|(?<![^\W_])_|_(?![^\W_])|&(?=[#\w])")
_LINE_START = re.compile(r"^(\s*)([-+=]|\d+(?=[.)]))")
_TICKS = "▁▂▃▄▅▆▇█"
_FEW = 10  # rows that are listed even though all of them are the same
_MOST_POINTS = 60  # of a sparkline; the same number of columns as a line has in a pull request


def markdown(report: Report) -> str:
    """The whole report."""
    parts = [f"## {_line(report.title)}"]
    for section in report.sections:
        if section.title:
            parts.append(f"### {_line(section.title)}")
        if text := blocks(section.blocks):
            parts.append(text)
    return "\n\n".join(parts) + "\n"


def blocks(parts: Sequence[Block]) -> str:
    """Blocks, with an empty line between them."""
    return "\n\n".join(text for part in parts if (text := _block(part)))


def _block(part: Block) -> str:
    if isinstance(part, Words):
        return _prose(part.text)
    if isinstance(part, List):
        return "\n".join(f"- {_line(item)}" for item in part.items)
    if isinstance(part, Code):
        return _code(part.text)
    return _table(part) if isinstance(part, Table) else _plot(part)


def _table(table: Table) -> str:
    """Rows that show no difference are counted below the table where others do."""
    rows = [row for row in table.rows if not row.same]
    if not rows and len(table.rows) > _FEW:
        return f"All {len(table.rows)} are the same."
    rows = rows or list(table.rows)
    if not rows:
        return ""
    rule = ["---:" if numeric else "---" for numeric in table.numeric]
    lines = [_cells(table.titles), f"| {' | '.join(rule)} |", *(_row(row) for row in rows)]
    hidden = len(table.rows) - len(rows)
    return "\n".join(lines) + (f"\n\n{hidden} more {'is' if hidden == 1 else 'are'} the same." if hidden else "")


def _row(row: Row) -> str:
    return _cells(row.cells)


def _cells(texts: Iterable[str]) -> str:
    return f"| {' | '.join(_line(text) for text in texts)} |"


def _plot(plot: Plot) -> str:
    """A sparkline between its ends; what happened in between as a list."""
    known = [point for point in plot.points if finite(point.value) is not None]
    if not known:
        return f"{_line(plot.title)}: no values"
    shown = plot.points[-_MOST_POINTS:]
    cut = f"the last {len(shown)} of " if len(shown) < len(plot.points) else ""
    first, last = known[0], known[-1]
    lines = [
        f"{_line(plot.title)}, {cut}{count(len(plot.points), 'run')}: "
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


def sparkline(values: Sequence[int | float | None]) -> str:
    """One character a value, eight heights between the lowest and the highest; a dot for what has no height."""
    heights = [finite(value) for value in values]
    known = [height for height in heights if height is not None]
    low, high = min(known, default=0.0), max(known, default=0.0)

    def tick(height: float | None) -> str:
        if height is None:
            return "·"
        if high == low:
            return _TICKS[3]
        return _TICKS[min(int((height / 2 - low / 2) / (high / 2 - low / 2) * 8), 7)]  # halves: the range may overflow

    return "".join(map(tick, heights))


def _code(text: str) -> str:
    """A fence longer than any run of backticks inside."""
    fence = "`" * max(3, *(len(ticks) + 1 for ticks in re.findall(r"`+", text)), 3)
    return f"{fence}\n{printable(text)}\n{fence}"


def _prose(text: str) -> str:
    return "\n".join(_LINE_START.sub(r"\1\\\2", _escaped(line)) for line in printable(text).split("\n"))


def _line(text: str) -> str:
    return _escaped(" ".join(printable(text).split()))


def _escaped(text: str) -> str:
    return _MARKUP.sub(r"\\\g<0>", text)
