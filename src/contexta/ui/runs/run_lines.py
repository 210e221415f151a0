"""The lines of the table of runs: a run or a group of runs, with its values by column. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean
from typing import Any

from contexta.analysis.metrics.repeats import is_seed
from contexta.core.references import StableRef
from contexta.findings.past_runs import PastEnvironment
from contexta.findings.runs import GroupedMetric, RunGroup, RunSummary
from contexta.reports.pages.common import leaves

Environments = Mapping[StableRef, PastEnvironment]
Packages = Mapping[str, "str | Various"]
PYTHON = "python"
"""The name of Python among the packages of a line."""


class Various:
    """The values of a group that differ."""

    def __init__(self, number: int) -> None:
        self.number = number


@dataclass(frozen=True)
class RunLine:
    """One row of the table."""

    name: str
    runs: tuple[RunSummary, ...]
    """One run, or the runs of a group; the first one represents it."""
    about: str = ""
    """``5 seeds``, ``seed 1``."""
    metrics: Mapping[str, GroupedMetric | float | int] = field(default_factory=dict)
    """Of a run: its last values. Of a group: their means and deviations."""
    params: Mapping[str, Any] = field(default_factory=dict)
    packages: Packages | None = None
    """None if no environment was recorded."""
    is_member: bool = False
    is_open: bool = False
    """Whether the runs of the group follow."""
    is_baseline: bool = False

    @property
    def run(self) -> RunSummary:
        return self.runs[0]

    @property
    def is_group(self) -> bool:
        return len(self.runs) > 1

    @property
    def references(self) -> str:
        """The references of the runs, separated by spaces."""
        return " ".join(run.run_ref.value for run in self.runs)

    @property
    def seconds(self) -> float | None:
        durations = [run.duration_seconds for run in self.runs if run.duration_seconds is not None]
        return fmean(durations) if durations else None

    @property
    def started_at(self) -> str:
        return min(run.started_at for run in self.runs)


def lines_of_runs(runs: Iterable[RunSummary], environments: Environments) -> list[RunLine]:
    packages = _packages(environments)
    return [_of_run(run, packages) for run in runs]


def lines_of_groups(groups: Iterable[RunGroup], environments: Environments, opened: Sequence[str]) -> list[RunLine]:
    """A line for each group, and one for each run of an opened group. A group of one run is a run."""
    lines = []
    packages = _packages(environments)
    for group in groups:
        if len(group.runs) == 1:
            lines.append(_of_run(group.runs[0], packages))
            continue
        is_open = group.runs[0].run_ref.value in opened
        lines.append(_of_group(group, packages, is_open=is_open))
        if is_open:
            lines += [_of_run(run, packages, is_member=True) for run in group.runs]
    return lines


def _packages(environments: Environments) -> dict[StableRef, Packages]:
    """The packages of each run with Python among them; equal environments share one table."""
    tables = {
        environment.identity: {PYTHON: environment.python_version, **environment.packages}
        for environment in {id(environment): environment for environment in environments.values()}.values()
    }
    return {ref: tables[environment.identity] for ref, environment in environments.items()}


def _of_run(run: RunSummary, packages: Mapping[StableRef, Packages], *, is_member: bool = False) -> RunLine:
    params = leaves(run.params)
    seeds = [str(value) for name, value in params.items() if is_seed(name)]
    return RunLine(
        name=run.name,
        runs=(run,),
        about=f"seed {seeds[0]}" if seeds else "",
        metrics=run.metrics,
        params=params,
        packages=packages.get(run.run_ref),
        is_member=is_member,
    )


def _of_group(group: RunGroup, packages: Mapping[StableRef, Packages], *, is_open: bool) -> RunLine:
    lines = [_of_run(run, packages) for run in group.runs]
    tables = [line.packages for line in lines if line.packages is not None]
    about = f"{len(group.seeds)} seeds" if len(group.seeds) == len(group.runs) else f"{len(group.runs)} runs"
    return RunLine(
        name=group.name,
        runs=group.runs,
        about=about,
        metrics={metric.metric_key: metric for metric in group.metrics},
        params=_common([line.params for line in lines]),
        packages=_common(tables) if tables else None,
        is_open=is_open,
    )


def _common(tables: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Name -> the value that all tables have, or how many they have."""
    if all(table is tables[0] or table == tables[0] for table in tables):
        return dict(tables[0])
    names = dict.fromkeys(name for table in tables for name in table)
    values = {name: {repr(table.get(name)) for table in tables} for name in names}
    return {
        name: next(table[name] for table in tables if name in table) if len(texts) == 1 else Various(len(texts))
        for name, texts in values.items()
    }


def number_in(value: GroupedMetric | float | int | None) -> float | int | None:
    """The value of a run, or the mean of a group."""
    return value.mean if isinstance(value, GroupedMetric) else value


__all__ = ["PYTHON", "RunLine", "Various", "lines_of_groups", "lines_of_runs", "number_in"]
