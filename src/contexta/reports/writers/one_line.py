"""Shorten the cells of a grid, so that each row fits into one line of a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from contexta.reports.writers.screen import Grid, Span

_GAP = 2  # characters between columns
_FLOORS = (32, 24, 16, 12)  # characters that texts keep, in steps
_SHORT = 20  # characters of a text that is never cut
_ELLIPSIS = "…"


def shortened_to(grid: Grid, width: int) -> tuple[Grid, tuple[str, ...]]:
    """(the grid with shortened texts, the titles of columns for which there is no room).

    Texts lose their end, between words. The first column names the rows. Names only lose a prefix that all of them
    share up to a dot, so that they can be copied; one that is longer than its column gets a line of its own. Numbers
    and short texts such as times are never cut: the last columns go instead.
    """
    columns = [[row[number].text for row in grid.rows] for number in range(len(grid.titles))]
    if _excess(_widths(grid, columns), width) > 0:
        columns[0] = _without_common_prefix(columns[0])
    widths = _widths(grid, columns)
    texts = [number for number in range(len(widths)) if number == 0 or _is_cuttable(grid, widths, number)]
    for least in _FLOORS:
        for number in reversed(texts):
            excess = _excess(widths, width)
            if excess > 0 and widths[number] > least:
                widths[number] = max(least, widths[number] - excess)
    count = len(widths)
    while count > 2 and _excess(widths[:count], width) > 0:
        count -= 1
    widths[0] += max(0, min(max(map(len, columns[0])) - widths[0], -_excess(widths[:count], width)))
    rows: list[tuple[Span, ...]] = []
    for place, row in enumerate(grid.rows):
        name = row[0]._replace(text=columns[0][place])
        others = [
            span._replace(text=_end(columns[number][place], widths[number]))
            for number, span in enumerate(row[1:count], start=1)
        ]
        if len(name.text) > widths[0]:
            rows.append((name,))
            name = name._replace(text="")
        rows.append((name, *others))
    shown = replace(grid, titles=grid.titles[:count], numeric=grid.numeric[:count], rows=tuple(rows))
    return shown, grid.titles[count:]


def _widths(grid: Grid, columns: Sequence[Sequence[str]]) -> list[int]:
    return [max(map(len, (title, *column))) for title, column in zip(grid.titles, columns, strict=True)]


def _is_cuttable(grid: Grid, widths: Sequence[int], number: int) -> bool:
    return not grid.numeric[number] and widths[number] > _SHORT


def _excess(widths: Sequence[int], width: int) -> int:
    return sum(widths) + _GAP * len(widths) - width


def _without_common_prefix(names: Sequence[str]) -> list[str]:
    prefixes = {name.rpartition(".")[0] for name in names}
    return [name.rpartition(".")[2] for name in names] if len(prefixes) == 1 else list(names)


def _end(text: str, width: int) -> str:
    """The first words that fit, and an ellipsis; the start of a single long word."""
    if len(text) <= width:
        return text
    head = text[: width - 1]
    words = head.rpartition(" ")[0] if " " in head and text[width - 1] != " " else head
    return f"{words.rstrip()} {_ELLIPSIS}" if " " in text and len(words) < width - 1 else f"{head}{_ELLIPSIS}"
