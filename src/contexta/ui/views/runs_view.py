"""The list of runs: filter, sort, compare with a baseline, select."""

from __future__ import annotations

from xml.etree.ElementTree import Element

from starlette.requests import Request
from starlette.responses import Response

from contexta.client.contexta import Contexta
from contexta.core.errors import ContextaError, InvalidInput
from contexta.findings import RunList
from contexta.ui.frame.elements import add, element
from contexta.ui.frame.layout import command, field, page, run_address
from contexta.ui.views.run_table import PAGE, Column, RunTable, State, TableLine, run_table

NOT_APPLICABLE = "\N{EN DASH}"


def runs(workspace: Contexta, request: Request) -> Response:
    state = State.of(request.query_params)
    error: ContextaError | None = None
    try:
        listed = workspace.list_runs(
            state.project or None,
            where=state.where or None,
            order_by=state.sort or None,
            after=state.after or None,
            limit=PAGE,
        )
    except InvalidInput as invalid:
        error, listed = invalid, RunList()
    baseline = workspace.get_run(state.baseline) if state.baseline else None
    table = run_table(listed, state, workspace._directions(), baseline)
    projects = [project.name for project in workspace.list_projects()]
    is_live = any(run.status == "open" for run in listed)
    body = element("section", *_body(state, listed, table), id="runs", data_live="yes" if is_live else None)
    parts = [element("h1", "Runs"), _controls(state, projects, table), _message(error), body]
    return page(request, "Runs", *parts, status=200 if error is None else 400)


def _controls(state: State, projects: list[str], table: RunTable) -> Element:
    options = [element("option", "all projects", value="")]
    options += [element("option", name, value=name, selected=name == state.project) for name in projects]
    query = element(
        "input",
        type="search",
        name="where",
        value=state.where,
        size="48",
        spellcheck="false",
        autocomplete="off",
        placeholder="metrics.accuracy > 0.9 and packages.torch < 2.1",
        aria_describedby="query-message",
        id="filter",
    )
    everything = element("input", type="checkbox", name="columns", value="all", checked=state.all_columns)
    return element(
        "form",
        field("Project", element("select", *options, name="project")),
        field("Filter", query),
        field("Metric", element("input", name="metric", value=state.metric, placeholder=table.metric or "", size="16")),
        element("label", everything, " all columns"),
        *(element("input", type="hidden", name=name, value=getattr(state, name)) for name in ("sort", "baseline")),
        element("button", "Filter"),
        method="get",
        action="/",
        class_="controls",
        role="search",
    )


def _message(error: ContextaError | None) -> Element:
    message = element("p", id="query-message")
    if error is not None:
        message.set("class", "bad")
        message.set("role", "alert")
        add(message, [error.what, f" hint: {error.hint}" if error.hint else None])
    return message


def _body(state: State, listed: RunList, table: RunTable) -> list[Element]:
    parts = [element("p", f"note: {note}", class_="warn") for note in listed.notes]
    if not table.lines:
        if state.where or state.project:
            return [*parts, element("p", "No run matches. ", element("a", "Show all runs", href="/"))]
        parts.append(element("p", "No runs yet. Record the first one; this page shows it while it runs."))
        return [*parts, command("contexta run --name first -- python train.py")]
    if state.baseline:
        drop = element("a", "without baseline", href=state.address(baseline=""))
        parts.append(element("p", f"Compared with {state.baseline}. ", drop, class_="quiet"))
    if table.hidden_columns:
        more = element("a", "Show all columns", href=state.address(all_columns=True))
        parts.append(
            element("p", f"{table.hidden_columns} columns do not differ, or do not fit. ", more, class_="quiet")
        )
    select = element("button", "Compare the selected runs", id="compare")
    form = element("form", _table(state, table), element("p", select), method="get", action="/compare")
    parts.append(form)
    if len(listed) == PAGE:
        older = state.address(after=listed[-1].run_ref.value)
        parts.append(element("p", element("a", "Older runs", href=older, rel="next")))
    if state.after:
        parts.append(element("p", element("a", "Newest runs", href=state.address(after=""))))
    return parts


def _table(state: State, table: RunTable) -> Element:
    head = element("tr", element("th", element("span", "Select", class_="unseen"), scope="col"))
    add(head, [_title(state, column) for column in table.columns])
    head.append(element("th", element("span", "Baseline", class_="unseen"), scope="col"))
    rows = [_row(state, table, line) for line in table.lines]
    content = element("table", element("thead", head), element("tbody", *rows), class_="runs")
    return element("div", content, class_="wide", role="region", tabindex="0", aria_label="Runs")


def _title(state: State, column: Column) -> Element:
    if column.field is None:
        return element("th", column.title, scope="col", class_="number" if column.is_number else None)
    name, _, order = (state.sort or "started desc").rpartition(" ")
    is_sorted = name == column.field
    descending = not (is_sorted and order == "desc")
    arrow = (" ↓" if order == "desc" else " ↑") if is_sorted else ""
    link = element(
        "a",
        column.title + arrow,
        href=state.address(sort=f"{column.field} {'desc' if descending else 'asc'}", after=""),
    )
    return element(
        "th",
        link,
        scope="col",
        class_="number" if column.is_number else None,
        aria_sort=("descending" if order == "desc" else "ascending") if is_sorted else None,
    )


def _row(state: State, table: RunTable, line: TableLine) -> Element:
    reference = line.run.run_ref.value
    box = element("input", type="checkbox", name="run", value=reference, aria_label=f"Select {reference}")
    row = element("tr", element("td", box), class_="baseline" if line.is_baseline else None)
    for number, (column, cell) in enumerate(zip(table.columns, line.cells, strict=True)):
        classes = [cell.tone, "number" if column.is_number else "", "differs" if cell.differs else ""]
        name = " ".join(filter(None, classes)) or None
        if number == 0:
            row.append(element("th", element("a", cell.text, href=run_address(reference)), scope="row"))
        else:
            row.append(element("td", cell.text or NOT_APPLICABLE, class_=name))
    if line.is_baseline:
        row.append(element("td", "baseline", class_="quiet"))
    else:
        make = element(
            "a", "as baseline", href=state.address(baseline=reference), aria_label=f"{reference} as baseline"
        )
        row.append(element("td", make, class_="quiet"))
    return row


__all__ = ["runs"]
