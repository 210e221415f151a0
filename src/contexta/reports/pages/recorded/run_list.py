"""A list of runs: one row for each, with columns that the user may choose."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Any

from contexta.core.errors import InvalidInput, shown
from contexta.findings.reproduction import RECONSTRUCTED
from contexta.findings.runs import RunSummary
from contexta.reports.document.blocks import Block, Paragraph, Report, Row, Section, Table
from contexta.reports.document.formatting import amount, count, moment, span
from contexta.reports.pages.common import as_text, leaves, marks_of, tone_of

_DEFAULT = ("run", "status", "started", "duration", "metrics")
_TITLES = {
    "run": "Run",
    "name": "Name",
    "project": "Project",
    "status": "Status",
    "started": "Started (UTC)",
    "ended": "Ended (UTC)",
    "duration": ">Duration",
    "metrics": "Metrics",
    "params": "Parameters",
    "tags": "Tags",
    "note": "Note",
}
_OF_NAME = ("metrics", "params", "tags")  # tables of a run, of which one value may be a column
_MOST_VALUES = 4  # in a column of several values
_QUOTES = "\"'"
_MINUTES = len("2025-02-15 08:00")


def columns_of(text: str | None, sort: str | None) -> tuple[str, ...]:
    """The columns of a list, always with the one that it is sorted by.

    text: names separated by commas, as in ``run,status,metrics.accuracy``; None for the default columns.
    sort: the order in the query language. Raises InvalidInput for an unknown column.
    """
    columns = (
        list(_DEFAULT) if text is None else [name.strip() for name in next(csv.reader([text], escapechar="\\"), [])]
    )
    for column in columns:
        if not _is_column(column):
            hint = f"columns are {', '.join(_TITLES)}, and {', '.join(f'{table}.NAME' for table in _OF_NAME)}"
            if close := get_close_matches(column, _TITLES, n=1):
                hint = f"did you mean {close[0]}? {hint}"
            raise InvalidInput(f"there is no column {shown(column)}", hint=hint)
    sorted_column = _sorted_column(sort)
    if sorted_column is not None and sorted_column not in columns:
        place = columns.index("metrics") if text is None else len(columns)
        columns.insert(place, sorted_column)
    return tuple(dict.fromkeys(columns))


def run_list(
    runs: Sequence[RunSummary], columns: Sequence[str] = _DEFAULT, *, is_filtered: bool = False, has_more: bool = False
) -> Report:
    """has_more: whether there is another page."""
    if not runs:
        text = "No run matches." if is_filtered else "No runs yet."
        return Report(title="Runs", sections=(Section(title="", blocks=(Paragraph(text=text),)),))
    rows = tuple(Row(cells=tuple(_value(run, column) for column in columns), tone=tone_of(run.status)) for run in runs)
    titles = tuple(_TITLES.get(column, f">{column}" if column.startswith("metrics.") else column) for column in columns)
    blocks: list[Block] = [Table(columns=titles, rows=rows, one_line=True)]
    if has_more:
        text = f"{count(len(runs), 'run')}; the same command with --after {runs[-1].run_ref.value} lists the next ones"
        blocks.append(Paragraph(text=text, tone="quiet"))
    projects = {run.project_ref for run in runs}
    title = f"Runs of {projects.pop().value}" if len(projects) == 1 else "Runs"
    return Report(title=title, sections=(Section(title="", blocks=tuple(blocks)),))


def _is_column(name: str) -> bool:
    table, dot, key = name.partition(".")
    return name in _TITLES or bool(dot and key and table in _OF_NAME)


def _sorted_column(sort: str | None) -> str | None:
    """The field of an order, which the query has parsed already."""
    field = (sort or "").strip().removeprefix("-").strip()
    for direction in (" asc", " desc"):
        if field.lower().endswith(direction):
            field = field[: -len(direction)].strip()
    table, dot, key = field.partition(".")
    field = f"{table}{dot}{key.strip(_QUOTES)}"
    return field if _is_column(field) else None


def _value(run: RunSummary, column: str) -> str:
    table, _, key = column.partition(".")
    values: dict[str, Mapping[str, Any]] = {"metrics": run.metrics, "params": leaves(run.params), "tags": run.tags}
    if key and table in values:
        return _text(table, values[table][key]) if key in values[table] else ""
    if column in values:
        return _in_short(column, values[column])
    return {
        "run": run.label,
        "name": run.name,
        "note": run.note or "",
        "project": run.project_ref.value,
        "status": ", ".join(_status(run)),
        "started": moment(run.started_at)[:_MINUTES],
        "ended": moment(run.ended_at)[:_MINUTES],
        "duration": span(run.duration_seconds),
    }[column]


def _status(run: RunSummary) -> list[str]:
    """The status and the marks. A reconstructed run has no status."""
    return marks_of(run) if RECONSTRUCTED in run.metadata else [run.status, *marks_of(run)]


def _text(table: str, value: Any) -> str:
    return amount(value) if table == "metrics" else as_text(value)


def _in_short(table: str, values: Mapping[str, Any]) -> str:
    """The first values as ``key=value``, and the number of the others."""
    pairs = [f"{key}={_text(table, value)}" if value != "" else key for key, value in values.items()]
    more = f" +{len(pairs) - _MOST_VALUES}" if len(pairs) > _MOST_VALUES else ""
    return " ".join(pairs[:_MOST_VALUES]) + more
