"""The columns of the table of runs: which there are, and which are shown. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain

from contexta.analysis.metrics.direction import familiarity
from contexta.analysis.metrics.repeats import is_seed
from contexta.analysis.why.differences import NUMERIC, is_tool
from contexta.contract.environment import UNKNOWN
from contexta.store.query.completion import quoted
from contexta.ui.runs.list_state import ListState
from contexta.ui.runs.run_lines import PYTHON, RunLine

_MOST_METRICS, _MOST_PACKAGES, _MOST_PARAMS = 2, 5, 4
_MOST_OF_ALL = 60
"""Columns with ``columns=all``."""
_MOST_OFFERED = 60
_PLAIN = {
    "project": "Project",
    "status": "State",
    "started": "Started",
    "duration": "Took",
    "tags": "Tags",
    "note": "Note",
}
_OF_METRIC = {"value": "Last", "spread": "± sd (n)", "delta": "To baseline", "curve": "Curve"}
_NUMBERS = {"duration", "value", "delta"}


@dataclass(frozen=True)
class RunColumn:
    """A column by its name, such as ``started``, ``metrics.loss`` or ``packages.pandas``."""

    name: str
    title: str
    heading: str = ""
    """The group of columns that it belongs to; empty for none."""
    sort: str = ""
    """The field that sorts by it, in the query language; empty if there is none."""
    is_number: bool = False
    is_mono: bool = False


@dataclass(frozen=True)
class RunColumns:
    shown: tuple[RunColumn, ...]
    offered: tuple[RunColumn, ...]
    """Other columns that the listed runs have, those that differ first."""
    total: int
    """The number of metrics, parameters and packages of the listed runs."""
    metric: str | None
    metrics: tuple[str, ...]
    """The metrics of the listed runs, the most frequent ones first."""


def columns_of_lines(lines: Sequence[RunLine], state: ListState) -> RunColumns:
    """The chosen columns, or those that differ, or all; pinned ones come first."""
    metrics = _metrics(lines)
    metric = state.metric or next(iter(metrics), None)
    params = list(dict.fromkeys(name for line in lines for name in line.params if not is_seed(name)))
    packages = _packages(lines)
    differing_metrics = [key for key in metrics if key != metric and _differs(_numbers(lines, key))]
    differing_params = [key for key in params if _differs(line.params.get(key) for line in lines)]
    others = {
        "metrics": [key for key in metrics if key != metric],
        "packages": list(packages),
        "params": params,
    }
    if state.columns == "all":
        names = _names(others["metrics"], [key for key, differs in packages.items() if differs], params)
        names = names[:_MOST_OF_ALL]
    else:
        names = _names(
            differing_metrics[:_MOST_METRICS],
            [key for key, differs in packages.items() if differs][:_MOST_PACKAGES],
            differing_params[:_MOST_PARAMS],
        )
    default = [*_frame(lines, state, metric), *names, *_ends(lines)]
    chosen = list(state.column) or default
    ordered = [*state.pin, *(name for name in chosen if name not in state.pin)]
    shown = tuple(column for name in ordered if (column := column_of(name, metric)) is not None)
    rest = [*default, *_names(**others)]
    others_offered = [name for name in dict.fromkeys(rest) if name not in ordered][:_MOST_OFFERED]
    offered = (column_of(name, metric) for name in others_offered)
    total = len(metrics) + len(params) + len(packages)
    return RunColumns(shown, tuple(column for column in offered if column), total, metric, tuple(metrics))


def column_of(name: str, metric: str | None) -> RunColumn | None:
    """A column by its name; None for a name that means nothing. metric: the main metric."""
    kind, dot, key = name.partition(".")
    if name in _PLAIN:
        sort = {"status": "status", "started": "started", "duration": "duration"}.get(name, "")
        return RunColumn(name, _PLAIN[name], sort=sort, is_number=name in _NUMBERS)
    if name in _OF_METRIC:
        if metric is None:
            return None
        sort = f"metrics.{quoted(metric)}" if name == "value" else ""
        return RunColumn(name, _OF_METRIC[name], metric, sort, is_number=name in _NUMBERS)
    if not dot or not key or kind not in ("metrics", "params", "packages", "tags"):
        return None
    sort = "" if name == f"packages.{PYTHON}" else f"{kind}.{quoted(key)}"  # Python is no package
    return RunColumn(name, key, kind, sort, is_number=kind == "metrics", is_mono=kind in ("params", "packages"))


def _frame(lines: Sequence[RunLine], state: ListState, metric: str | None) -> list[str]:
    has_projects = len({line.run.project_ref for line in lines}) > 1
    names = [*(["project"] if has_projects else []), "status", "started", "duration"]
    if metric is not None:
        names.append("value")
        names += ["spread"] if any(line.is_group for line in lines) else []
        names += ["delta"] if state.baseline else []
        names.append("curve")
    return names


def _ends(lines: Sequence[RunLine]) -> list[str]:
    has_tags = any(run.tags for line in lines for run in line.runs)
    has_note = any(run.note for line in lines for run in line.runs)
    return [*(["tags"] if has_tags else []), *(["note"] if has_note else [])]


def _names(metrics: Iterable[str], packages: Iterable[str], params: Iterable[str]) -> list[str]:
    kinds = (("metrics", metrics), ("packages", packages), ("params", params))
    return list(chain.from_iterable((f"{kind}.{name}" for name in names) for kind, names in kinds))


def _metrics(lines: Sequence[RunLine]) -> list[str]:
    """The most frequent metrics first, then the better known ones."""
    counts = Counter(key for line in lines for key in line.metrics)
    return sorted(counts, key=lambda key: (-counts[key], familiarity(key), key))


def _packages(lines: Sequence[RunLine]) -> dict[str, bool]:
    """Package -> whether its version differs; those that differ first, then libraries that compute, then tools."""
    distinct = list({id(line.packages): line.packages for line in lines if line.packages is not None}.values())
    names = dict.fromkeys(name for table in distinct for name in table)
    differs = {name: len({table.get(name) for table in distinct} - {UNKNOWN}) > 1 for name in names}
    ordered = sorted(names, key=lambda name: (not differs[name], name not in NUMERIC, is_tool(name), name))
    return {name: differs[name] for name in ordered}


def _numbers(lines: Sequence[RunLine], key: str) -> Iterable[object]:
    return (line.metrics.get(key) for line in lines)


def _differs(values: Iterable[object]) -> bool:
    return len({repr(value) for value in values}) > 1


__all__ = ["RunColumn", "RunColumns", "column_of", "columns_of_lines"]
