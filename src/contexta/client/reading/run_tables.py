"""Query tables of runs: counts, groups, environments, and completion of queries. Each is a method of ``Contexta``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from contexta.client.reading.arguments import project_ref, require_count
from contexta.client.reading.queries import list_runs
from contexta.client.reading.workspace import Workspace

if TYPE_CHECKING:
    from contexta.core.references import StableRef
    from contexta.findings import RunGroups, RunSummary
    from contexta.findings.past_runs import PastEnvironment

MOST_GROUPED = 1_000
"""Runs of one call of ``group_runs``."""
MOST_COUNTED = 10_000
_GROUPED_AT_ONCE = 250


def count_runs(
    workspace: Workspace,
    project: str | None = None,
    *,
    where: str | None = None,
    archived: bool = False,
    most: int = MOST_COUNTED,
) -> int:
    """The number of runs that match, but at most ``most``. Arguments and errors: as ``list_runs``."""
    from contexta.store.query import pages
    from contexta.store.query.run_list_options import RunListOptions

    require_count(most, "most")
    in_project = project_ref(project) if project is not None else None
    options = RunListOptions(in_project, where, with_archived=archived)
    with workspace._reading() as connection:
        return pages.count(connection, options, most)


def count_archived_runs(workspace: Workspace, project: str | None = None) -> int:
    """The number of archived runs of a project, or of all."""
    from contexta.store.query import pages

    with workspace._reading() as connection:
        return pages.count_archived(connection, project_ref(project) if project is not None else None)


def group_runs(
    workspace: Workspace,
    project: str | None = None,
    *,
    by: str = "repeats",
    where: str | None = None,
    order_by: str | None = None,
    after: str | None = None,
    limit: int = MOST_GROUPED,
    most_groups: int | None = None,
    archived: bool = False,
) -> RunGroups:
    """The runs of a list in groups, with the mean and the standard deviation of each metric.

    by: ``repeats`` (equal code, configuration and environment, except the seed), ``params`` (equal parameters except
    the seed), ``environment``, ``tag:NAME`` or ``param:NAME``. limit: of runs. most_groups: end before the first run of
    a further group. Other arguments and errors: as ``list_runs``. Groups are in the order of their first runs; sorted
    by a metric, in the order of their means.
    """
    from contexta.analysis.metrics.groups import grouped, sorted_by_mean
    from contexta.findings import RunGroups
    from contexta.store.query.where import parse_order

    require_count(limit, "limit")
    require_count(most_groups, "most_groups")
    runs: list[RunSummary] = []
    notes: tuple[str, ...] = ()
    used: tuple[RunSummary, ...] = ()
    environments: dict[StableRef, PastEnvironment] = {}
    has_more = True
    while has_more and len(runs) < limit and len(used) == len(runs):
        last = runs[-1].run_ref.value if runs else after
        size = min(_GROUPED_AT_ONCE, limit - len(runs))
        page = list_runs(
            workspace, project, where=where, order_by=order_by, after=last, limit=size + 1, archived=archived
        )
        notes, has_more = page.notes, len(page) > size
        runs += page[:size]
        environments.update(environments_of_runs(workspace, page[:size]))
        groups, used = grouped(runs, environments, by, most_groups)
    has_more = has_more or len(used) < len(runs)
    order = parse_order(order_by) if order_by is not None else None
    if order is not None and order.field.kind == "metrics":
        groups = sorted_by_mean(groups, order.field.name, is_descending=order.descending)
    next_after = used[-1].run_ref if has_more and used else None
    return RunGroups.model_construct(by=by, groups=groups, run_count=len(used), next_after=next_after, notes=notes)


def environments_of_runs(workspace: Workspace, runs: Sequence[RunSummary]) -> dict[StableRef, PastEnvironment]:
    """Run reference -> Python, platform and package versions. Runs without a recorded environment are missing."""
    from contexta.store.read.run_environments import environments_of

    with workspace._reading() as connection:
        return environments_of(connection, [run.run_ref for run in runs])


def complete_query(workspace: Workspace, text: str) -> tuple[int, tuple[str, ...]]:
    """(the place where a suggestion begins, suggestions) for ``text``, the typed part of a condition."""
    from contexta.store.query.completion import completions

    with workspace._reading() as connection:
        return completions(connection, text)
