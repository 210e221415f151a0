"""What every screen is made of: how it is printed, tables without lines, notes. Colour never says something alone."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from io import StringIO
from typing import Any

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from contexta.core.references import StableRef
from contexta.findings import RUN_LEVEL
from contexta.reports.document.formatting import printable

_PIPE_WIDTH = 10_000  # nobody's pipe wraps lines
_STATUS_STYLES = {
    "completed": "green",
    "pass": "green",
    "complete": "green",
    "open": "cyan",
    "failed": "red",
    "fail": "red",
}


def show(screen: Iterable[Any]) -> None:
    """Print a screen to stdout: styled on a terminal, plain text elsewhere."""
    if sys.stdout.isatty():
        console = Console(highlight=False, markup=False, emoji=False)
        for part in screen:
            console.print(part, soft_wrap=isinstance(part, Text) and bool(part.no_wrap))  # what is pasted stays whole
        return
    plain = StringIO()
    console = Console(file=plain, highlight=False, markup=False, emoji=False, color_system=None, width=_PIPE_WIDTH)
    for part in screen:
        console.print(part, soft_wrap=isinstance(part, Text))
    sys.stdout.writelines(f"{line.rstrip()}\n" for line in plain.getvalue().splitlines())


def words(text: str, style: str = "") -> Text:
    """A stored text as a terminal may have it: control characters written out, line breaks kept."""
    return Text(printable(text), style)


def columns(*titles: str) -> Table:
    """A table without lines; a title that starts with ``>`` is a right-aligned column."""
    table = Table(
        box=None, padding=(0, 2, 0, 0), show_header=any(title.strip(">") for title in titles), header_style="dim"
    )
    for title in titles:
        table.add_column(Text(title.lstrip(">")), justify="right" if title.startswith(">") else "left", overflow="fold")
    return table


def indented(table: Table) -> Padding:
    return Padding(table, (0, 0, 0, 2), expand=False)


def status_word(status: str | None) -> Text:
    return Text(status or "", _STATUS_STYLES.get(status or "", "yellow"))


def note_lines(notes: Iterable[str]) -> Iterator[Any]:
    lines = list(notes)
    if lines:
        yield Text()
    for line in lines[:20]:
        yield words(f"note: {short(line, 400)}", "yellow")
    if len(lines) > 20:
        yield Text(f"note: and {len(lines) - 20} more; --json lists all", "yellow")


def facts_table(facts: Mapping[str, Any]) -> Table:
    table = columns("", "")
    for name, value in facts.items():
        shown = value if isinstance(value, str) else json.dumps(value)
        table.add_row(words(name), words(short(shown, 200)))
    return table


def short(text: str, limit: int) -> str:
    """One line of at most about ``limit`` characters, saying how much was cut."""
    line = text.replace("\n", "\\n")
    return line if len(line) <= limit else f"{line[:limit]}... ({len(text)} characters)"


def versus(left: StableRef, right: StableRef) -> Text:
    one, two = short_names((left, right))
    project = f"  ({left.components[0]})" if left.project == right.project else ""
    return Text.assemble((one, "bold"), " -> ", (two, "bold"), (project, "dim"))


def short_names(refs: Sequence[StableRef]) -> list[str]:
    """The run's own component where all are of one project."""
    one_project = len({ref.project for ref in refs}) == 1
    return [ref.name if one_project else ref.value for ref in refs]


def in_stage(stage_name: str, key: str, slice_ref: str | None) -> Text:
    return metric_name(key if stage_name == RUN_LEVEL else f"{stage_name}/{key}", slice_ref)


def metric_name(key: str, slice_ref: str | None) -> Text:
    return words(f"{key} [{slice_ref}]" if slice_ref else key)
