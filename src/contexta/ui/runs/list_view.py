"""The page Runs: from the address to the table."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from xml.etree.ElementTree import Element

from starlette.requests import Request
from starlette.responses import Response

from contexta.analysis.metrics.groups import group_of, grouped
from contexta.client.contexta import Contexta
from contexta.core.errors import ContextaError, InvalidInput, NotFound
from contexta.findings.runs import RunGroup, RunSummary
from contexta.reports.document.formatting import count
from contexta.ui.frame.elements import element, link
from contexta.ui.frame.layout import command, page
from contexta.ui.runs import list_controls
from contexta.ui.runs.list_state import PAGE, ListState
from contexta.ui.runs.run_cells import CellWriter
from contexta.ui.runs.run_columns import RunColumns, columns_of_lines
from contexta.ui.runs.run_lines import Environments, RunLine, lines_of_groups, lines_of_runs
from contexta.ui.runs.run_rows import run_table

_MOST_COUNTED = 1_000
_MOST_TAGS = 10
_ABOUT_ENVIRONMENT = re.compile(r"\b(?<!has )(?:packages\.|python\b|platform\b)")


@dataclass(frozen=True)
class _Listed:
    """The lines of a page, and the last run if there are more."""

    lines: list[RunLine]
    environments: Environments = field(default_factory=dict)
    last: str | None = None
    notes: tuple[str, ...] = ()
    number: int | None = None
    """The number of all matching runs, if this is the only page."""


def runs(workspace: Contexta, request: Request) -> Response:
    state = ListState.of(request.query_params)
    error: ContextaError | None = None
    try:
        listed = _listed(workspace, state)
    except InvalidInput as invalid:
        error, listed = invalid, _Listed([])
    shown, baseline = _with_baseline(workspace, state, listed)
    lines = shown.lines
    columns = columns_of_lines(lines, state)
    projects = workspace.list_projects()
    total = sum(project.run_count for project in projects if state.project in ("", project.name))
    counts = _counts(workspace, state, total, listed, error)
    tags = list(dict.fromkeys(name for line in lines for run in line.runs for name in run.tags))[:_MOST_TAGS]
    body = element("section", id="runs", data_live=None if state.after or error else "yes")
    if error is None:
        deviation = _deviation(shown, baseline, columns.metric)
        cells = CellWriter(lines, columns.metric, workspace._directions(), baseline, deviation)
        body.extend(_body(workspace, state, listed, lines, columns, cells, counts))
    return page(
        request,
        "Runs",
        list_controls.heading(state, projects, counts),
        list_controls.filter_form(state, error),
        list_controls.view_controls(state, columns, tags),
        _undo(request, state),
        body,
        list_controls.selection_bar(state),
        status=200 if error is None else 400,
        script="/static/runs.js",
    )


def _listed(workspace: Contexta, state: ListState) -> _Listed:
    query = {
        "where": state.where or None,
        "order_by": state.sort or None,
        "after": state.after or None,
        "archived": bool(state.archived),
    }
    if state.group:
        groups = workspace.group_runs(state.project or None, by=state.group, most_groups=PAGE, **query)  # type: ignore[arg-type]  # of the names above
        listed = [run for group in groups.groups for run in group.runs]
        environments = workspace.environments_of_runs(listed)
        lines = lines_of_groups(groups.groups, environments, state.open)
        last = None if groups.next_after is None else groups.next_after.value
        return _Listed(lines, environments, last, groups.notes, None if last or state.after else groups.run_count)
    matches = workspace.list_runs(state.project or None, limit=PAGE + 1, **query)  # type: ignore[arg-type]  # as above
    shown = matches[:PAGE]
    last = shown[-1].run_ref.value if len(matches) > PAGE else None
    number = None if last or state.after else len(shown)
    environments = workspace.environments_of_runs(shown)
    return _Listed(lines_of_runs(shown, environments), environments, last, matches.notes, number)


def _with_baseline(workspace: Contexta, state: ListState, listed: _Listed) -> tuple[_Listed, RunLine | None]:
    """The lines with that of the baseline first; its group, if runs are grouped."""
    if not state.baseline:
        return listed, None
    lines = listed.lines
    for place, line in enumerate(lines):
        if not line.is_member and any(run.run_ref.value == state.baseline for run in line.runs):
            end = place + 1
            while end < len(lines) and lines[end].is_member:
                end += 1
            baseline = replace(line, is_baseline=True)
            ordered = [baseline, *lines[place + 1 : end], *lines[:place], *lines[end:]]
            return replace(listed, lines=ordered), baseline
    run: RunSummary = workspace.get_run(state.baseline)
    environments = workspace.environments_of_runs([run])
    (line,) = lines_of_runs([run], environments)
    baseline = replace(line, is_baseline=True)
    return replace(listed, lines=[baseline, *lines], environments={**listed.environments, **environments}), baseline


def _deviation(shown: _Listed, baseline: RunLine | None, metric: str | None) -> float | None:
    """The run-to-run deviation of the metric, from those repeats of the baseline that are listed; None without two."""
    if baseline is None or metric is None:
        return None
    if baseline.is_group:
        groups: tuple[RunGroup, ...] = (group_of(baseline.runs),)
    else:
        runs = list({run.run_ref: run for line in shown.lines for run in line.runs}.values())
        groups, _ = grouped(runs, shown.environments)
    of_baseline = (group for group in groups if any(run.run_ref == baseline.run.run_ref for run in group.runs))
    spread = next((group.metric(metric) for group in of_baseline), None)
    return None if spread is None else spread.standard_deviation


def _counts(
    workspace: Contexta, state: ListState, total: int, listed: _Listed, error: ContextaError | None
) -> list_controls.ListCounts:
    project, matching = state.project or None, None
    if state.where and error is None:
        matching = listed.number
        if matching is None:
            is_archived = bool(state.archived)
            matching = workspace.count_runs(project, where=state.where, archived=is_archived, most=_MOST_COUNTED + 1)
    running = workspace.count_runs(project, where="status = open")
    archived = workspace.count_archived_runs(project)
    is_exact = matching is None or matching <= _MOST_COUNTED
    undecided = 0
    if matching is not None and _ABOUT_ENVIRONMENT.search(state.where):
        undecided = workspace.count_runs(project, where="not has python")
    shown = matching if is_exact else _MOST_COUNTED
    return list_controls.ListCounts(total, running, shown, is_exact, archived, undecided)


def _body(
    workspace: Contexta,
    state: ListState,
    listed: _Listed,
    lines: list[RunLine],
    columns: RunColumns,
    cells: CellWriter,
    counts: list_controls.ListCounts,
) -> list[Element]:
    parts = [element("p", f"note: {note}", class_="warn") for note in listed.notes]
    if not listed.lines:
        return [*parts, *_empty(workspace, state)]
    summary = list_controls.summary(state, counts, len(lines))
    pages = list_controls.pages(state, lines, listed.last)
    return [*parts, *([summary] if summary is not None else []), run_table(lines, columns.shown, state, cells), pages]


def _empty(workspace: Contexta, state: ListState) -> Sequence[Element]:
    if not state.where and not state.project:
        text = "Record the first one; this page shows it while it runs."
        start = command("contexta run --name first -- python train.py")
        return [
            element("div", element("p", "No runs yet.", class_="answer"), element("p", text), start, class_="empty")
        ]
    parts = [element("p", "No run matches ", element("code", state.where or state.project), ".", class_="answer")]
    links = [link(state.from_start(where="", project=""), "Clear", class_="button plain")]
    rest, _, last = state.where.rpartition(" and ")
    number = _count_or_none(workspace, state, rest) if rest else None
    if number is not None:
        more = "" if number <= _MOST_COUNTED else "more than "
        runs = count(min(number, _MOST_COUNTED), "run")
        parts.append(element("p", "Without ", element("code", last), f": {more}{runs}."))
        if number:
            links.insert(0, link(state.from_start(where=rest), "Remove the last condition", class_="button"))
    return [element("div", *parts, element("p", *links), class_="empty")]


def _count_or_none(workspace: Contexta, state: ListState, where: str) -> int | None:
    """The number of runs without the last condition; None if the rest is no condition."""
    try:
        return workspace.count_runs(state.project or None, where=where, most=_MOST_COUNTED + 1)
    except (InvalidInput, NotFound):
        return None


def _undo(request: Request, state: ListState) -> Element | None:
    """A notice about runs that were just archived, with a button that lists them again."""
    references = request.query_params.getlist("undo")
    if not references:
        return None
    number = sum(len(reference.split()) for reference in references)
    hidden = [element("input", type="hidden", name="run", value=reference) for reference in references]
    hidden += [
        element("input", type="hidden", name="restore", value="yes"),
        element("input", type="hidden", name="back", value=state.address()),
    ]
    return element(
        "form",
        element("span", f"Archived {count(number, 'run')}. Nothing was deleted."),
        *hidden,
        element("button", "Undo"),
        method="post",
        action="/archive",
        class_="notice",
        role="status",
    )


__all__ = ["runs"]
