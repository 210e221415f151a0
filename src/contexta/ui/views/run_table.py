"""The table of runs: its state in the address, and its columns. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from urllib.parse import urlencode

from contexta.analysis.metrics.direction import Directions, direction_of
from contexta.findings import RunSummary
from contexta.reports.document.formatting import amount, moment, signed, span

PAGE = 50
"""Runs on a page."""
_MOST_METRICS = 6
_MOST_PARAMETERS = 10


@dataclass(frozen=True)
class State:
    """What the address says about the table."""

    project: str = ""
    where: str = ""
    sort: str = ""
    """A field and ``asc`` or ``desc``; empty: the latest first."""
    metric: str = ""
    """The metric that is compared with the baseline; empty: the one that most runs have."""
    baseline: str = ""
    after: str = ""
    """The last run of the previous page."""
    all_columns: bool = False

    @classmethod
    def of(cls, parameters: Mapping[str, str]) -> State:
        names = ("project", "where", "sort", "metric", "baseline", "after")
        return cls(
            **{name: parameters.get(name, "").strip() for name in names}, all_columns=parameters.get("columns") == "all"
        )

    def address(self, **changes: object) -> str:
        """The address of the table with some of its state changed."""
        state = replace(self, **changes)  # type: ignore[arg-type]  # the fields of this class
        names = ("project", "where", "sort", "metric", "baseline", "after")
        parameters = [(name, str(getattr(state, name))) for name in names if getattr(state, name)]
        if state.all_columns:
            parameters.append(("columns", "all"))
        return f"/?{urlencode(parameters)}" if parameters else "/"


@dataclass(frozen=True)
class Column:
    """A column: its title, the field that sorts by it, and whether its cells are numbers."""

    title: str
    field: str | None
    is_number: bool = False


@dataclass(frozen=True)
class Cell:
    text: str
    """Empty: does not apply."""
    tone: str = ""
    differs: bool = False
    """Whether the value differs from that of the baseline."""


@dataclass(frozen=True)
class TableLine:
    run: RunSummary
    cells: tuple[Cell, ...]
    is_baseline: bool = False


@dataclass(frozen=True)
class RunTable:
    columns: tuple[Column, ...]
    lines: tuple[TableLine, ...]
    hidden_columns: int
    """Columns without a difference between the listed runs."""
    metric: str | None


def run_table(
    runs: Sequence[RunSummary], state: State, directions: Directions, baseline: RunSummary | None = None
) -> RunTable:
    """The columns that differ between the runs, or all; the baseline comes first."""
    listed = [*([baseline] if baseline else []), *(run for run in runs if baseline is None or run != baseline)]
    metrics = Counter(key for run in listed for key in run.metrics)
    metric = state.metric or next((key for key, _ in metrics.most_common(1)), None)
    keys = [key for key, _ in metrics.most_common() if key != metric]
    parameters = [*dict.fromkeys(key for run in listed for key in run.params)]
    tags = [*dict.fromkeys(key for run in listed for key in run.tags)]
    shown_metrics = [key for key in keys if state.all_columns or _differs(run.metrics.get(key) for run in listed)]
    shown_parameters = [
        key for key in parameters if state.all_columns or _differs(str(run.params.get(key)) for run in listed)
    ]
    if not state.all_columns:
        shown_metrics, shown_parameters = shown_metrics[:_MOST_METRICS], shown_parameters[:_MOST_PARAMETERS]
    columns = [
        Column("Run", "run"),
        Column("State", None),
        Column("Started (UTC)", "started"),
        Column("Took", "duration", is_number=True),
    ]
    if metric is not None:
        columns.append(Column(metric, f"metrics.{_quoted(metric)}", is_number=True))
        if baseline is not None:
            columns.append(Column("To baseline", None, is_number=True))
    columns += [Column(key, f"metrics.{_quoted(key)}", is_number=True) for key in shown_metrics]
    columns += [Column(key, f"params.{_quoted(key)}") for key in shown_parameters]
    if tags:
        columns.append(Column("Tags", None))
    lines = [
        _line(run, metric, shown_metrics, shown_parameters, directions, baseline, has_tags=bool(tags)) for run in listed
    ]
    hidden = len(keys) - len(shown_metrics) + len(parameters) - len(shown_parameters)
    return RunTable(tuple(columns), tuple(lines), hidden, metric)


def _line(
    run: RunSummary,
    metric: str | None,
    metrics: Sequence[str],
    parameters: Sequence[str],
    directions: Directions,
    baseline: RunSummary | None,
    *,
    has_tags: bool,
) -> TableLine:
    cells = [
        Cell(run.run_ref.name),
        _state(run.status),
        Cell(moment(run.started_at)),
        Cell(span(run.duration_seconds) if run.duration_seconds is not None else ""),
    ]
    if metric is not None:
        cells.append(_value(run.metrics.get(metric)))
        if baseline is not None:
            cells.append(_delta(run, metric, directions, baseline))
    cells += [_value(run.metrics.get(key)) for key in metrics]
    for key in parameters:
        value = run.params.get(key)
        text = "" if value is None else str(value)
        cells.append(Cell(text, differs=baseline is not None and str(baseline.params.get(key)) != str(value)))
    if has_tags:
        cells.append(Cell(", ".join(f"{key}={value}" if value else key for key, value in run.tags.items())))
    return TableLine(run, tuple(cells), is_baseline=run is baseline)


def _delta(run: RunSummary, metric: str, directions: Directions, baseline: RunSummary) -> Cell:
    """The difference to the baseline. The sign is its direction, and the glyph says better or worse."""
    left, right = baseline.metrics.get(metric), run.metrics.get(metric)
    if run is baseline or left is None or right is None:
        return Cell("")
    delta = float(right) - float(left)
    better, _ = direction_of(metric, directions)
    if delta == 0 or better is None:
        return Cell(signed(delta))
    is_better = (delta > 0) == (better == "higher")
    return Cell(f"{signed(delta)} {'▲' if is_better else '▼'}", "good" if is_better else "bad")


def _state(status: str) -> Cell:
    return {
        "completed": Cell("✓ completed"),
        "open": Cell("● running", "live"),
        "failed": Cell("✗ failed", "bad"),
        "crashed": Cell("? no end", "warn"),
        "cancelled": Cell("cancelled", "quiet"),
    }.get(status, Cell(status))


def _value(value: float | int | None) -> Cell:
    return Cell("" if value is None else amount(value))


def _differs(values: object) -> bool:
    return len({repr(value) for value in values}) > 1  # type: ignore[attr-defined]  # an iterable


def _quoted(name: str) -> str:
    return name if name.replace("_", "").isalnum() and not name[0].isdigit() else '"' + name.replace('"', '\\"') + '"'


__all__ = ["PAGE", "Cell", "Column", "TableLine", "RunTable", "State", "run_table"]
