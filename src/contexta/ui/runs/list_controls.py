"""The controls around the table of runs: filter, grouping, columns, selection and pages."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from xml.etree.ElementTree import Element

from contexta.core.errors import ContextaError
from contexta.reports.document.formatting import count
from contexta.ui.frame.content import number as number_of
from contexta.ui.frame.elements import Child, element, link
from contexta.ui.frame.icons import icon
from contexta.ui.runs.list_state import ListState
from contexta.ui.runs.run_columns import RunColumn, RunColumns
from contexta.ui.runs.run_lines import RunLine
from contexta.ui.runs.run_rows import SELECTION

FILTER_FORM = "runs-filter"
_GROUPINGS = (("nothing", ""), ("all but seed", "repeats"), ("parameters", "params"), ("environment", "environment"))
_EXAMPLE = "metrics.accuracy > 0.9 and packages.torch < 2.1"


@dataclass(frozen=True)
class ListCounts:
    total: int
    """Runs of the project, or of all projects."""
    running: int
    matching: int | None
    """Runs that match the condition; None without one."""
    is_matching_exact: bool
    archived: int
    undecided: int = 0
    """Runs without a recorded environment, if the condition is about packages, Python or the platform."""


def heading(state: ListState, projects: Sequence[str], counts: ListCounts) -> Element:
    options = [element("option", "all projects", value="")]
    options += [element("option", name, value=name, selected=name == state.project) for name in projects]
    project = element("select", *options, name="project", form=FILTER_FORM, aria_label="Project")
    running = f", {counts.running} running" if counts.running else ""
    number = f"{number_of(counts.total)} {'run' if counts.total == 1 else 'runs'}{running}"
    parts: list[Child] = [element("h1", "Runs"), project, element("span", number, class_="quiet")]
    if state.archived:
        parts.append(link(state.from_start(archived=""), "Leave out archived runs", class_="end"))
    elif counts.archived:
        parts.append(link(state.from_start(archived="yes"), f"Archived {counts.archived}", class_="end"))
    return element("div", *parts, class_="heading")


def filter_form(state: ListState, error: ContextaError | None) -> Element:
    query = element(
        "input", type="text", name="where", value=state.where, id="filter", spellcheck="false", autocomplete="off",
        autocapitalize="off", placeholder=_EXAMPLE, aria_label="Filter", aria_describedby="query-message",
        aria_invalid="true" if error else None,
    )  # fmt: skip
    box = element("div", icon("search"), query, element("kbd", "/"), class_="box")
    kept = state.parameters("project", "where", "group", "metric", "after", "trail", "open", "edit", "run")
    hidden = [element("input", type="hidden", name=name, value=value) for name, value in kept]
    line = element("div", box, element("button", "Filter"), class_="filter")
    return element("form", line, *hidden, _message(error), id=FILTER_FORM, method="get", action="/", role="search")


def view_controls(state: ListState, columns: RunColumns, tags: Iterable[str]) -> Element:
    """Grouping, the main metric, and which columns are shown."""
    groupings = [*_GROUPINGS, *((f"tag {name}", f"tag:{name}") for name in tags)]
    if state.group not in {value for _, value in groupings}:
        groupings.append((state.group, state.group))
    metrics = list(dict.fromkeys([*([state.metric] if state.metric else []), *columns.metrics]))
    controls = [_choice("Group by", "group", groupings, state.group)]
    if metrics:
        options = [(f"{key}, last value", key) for key in metrics]
        controls.append(_choice("Metric", "metric", options, columns.metric or ""))
    return element("div", *controls, _differences_switch(state), _columns_menu(state, columns), class_="controls")


def _choice(label: str, name: str, options: Iterable[tuple[str, str]], chosen: str) -> Element:
    choices = [element("option", text, value=value, selected=value == chosen) for text, value in options]
    return element("label", label, element("select", *choices, name=name, form=FILTER_FORM))


def _differences_switch(state: ListState) -> Element:
    is_all = state.columns == "all"
    fewer, more = state.address(columns=""), state.address(columns="all", column=())
    return element(
        "span",
        link(fewer, "only what differs", id="only-differences", aria_current=None if is_all else "true"),
        link(more, "all columns", id="all-columns", aria_current="true" if is_all else None),
        class_="segmented",
    )


def _message(error: ContextaError | None) -> Element:
    """The fault of the condition in words, with the place of the character."""
    if error is None:
        return element("p", id="query-message", class_="quiet")
    what, _, pointer = error.what.partition("\n")
    lines = pointer.split("\n")
    place = f", at character {lines[-1].index('^') - 1}" if len(lines) > 1 and "^" in lines[-1] else ""
    hint = element("span", f" {error.hint[:1].upper()}{error.hint[1:]}.", class_="quiet") if error.hint else None
    text = f" {what.removeprefix('where: ').removeprefix('sort: ')}{place}."
    return element("p", icon("warning"), text, hint, id="query-message", class_="bad", role="alert")


def _columns_menu(state: ListState, columns: RunColumns) -> Element:
    """A form that chooses, orders and pins columns."""
    names = [column.name for column in columns.shown]
    rows = [_chosen_column(state, column, names) for column in columns.shown]
    rows += [
        element("li", element("label", _box(column.name, checked=False), f"{_kind(column)}{column.title}"))
        for column in columns.offered
    ]
    kept = state.parameters("column", "columns", "edit")
    hidden = [element("input", type="hidden", name=name, value=value) for name, value in kept]
    added = element("input", name="column", placeholder="packages.pandas", size="20", aria_label="Another column")
    reset = link(state.address(column=(), pin=(), columns=""), "Reset", class_="button plain")
    form = element(
        "form",
        *hidden,
        element("p", element("button", "Apply", class_="primary"), reset),
        element("p", element("label", "Add ", added)),
        element("ul", *rows, class_="columns"),
        method="get",
        action="/",
    )
    shown = sum("." in column.name or column.name == "value" for column in columns.shown)
    summary = element(
        "summary", "Columns ", element("span", f"{shown} of {columns.total}", class_="quiet"), icon("chevron-down"),
        class_="button",
    )  # fmt: skip
    return element("details", summary, form, class_="menu", id="columns-menu")


def _chosen_column(state: ListState, column: RunColumn, names: list[str]) -> Element:
    place = names.index(column.name)
    is_pinned = column.name in state.pin
    links = []
    for label, glyph, step in (("left", "←", -1), ("right", "→", 1)):
        if 0 <= place + step < len(names):
            order = [*names]
            order[place], order[place + step] = order[place + step], order[place]
            target = state.address(column=tuple(order), pin=tuple(name for name in order if name in state.pin))
            links.append(link(target, glyph, aria_label=f"Move {column.title} to the {label}", class_="move"))
    pins = tuple(name for name in state.pin if name != column.name) if is_pinned else (*state.pin, column.name)
    word, target = "Unpin" if is_pinned else "Pin", state.address(pin=pins, column=tuple(names))
    links.append(link(target, word, aria_label=f"{word} {column.title}"))
    name = element("label", _box(column.name, checked=True), f"{_kind(column)}{column.title}")
    return element("li", name, element("span", *links, class_="end"))


def _box(name: str, *, checked: bool) -> Element:
    return element("input", type="checkbox", name="column", value=name, checked=checked)


def _kind(column: RunColumn) -> str:
    return f"{column.name.partition('.')[0]}." if "." in column.name else ""


def summary(state: ListState, counts: ListCounts, lines: int) -> Element | None:
    """How many runs match, and in how many lines."""
    if counts.matching is None:
        return None
    number = number_of(counts.matching) if counts.is_matching_exact else f"more than {number_of(counts.matching)}"
    word = "run matches" if counts.matching == 1 else "runs match"
    in_lines = f", in {count(lines, 'line')} on this page" if state.group else ""
    clear = link(state.from_start(where=""), "Clear the filter")
    more: list[Child] = []
    if counts.undecided:
        runs = "1 run has" if counts.undecided == 1 else f"{number_of(counts.undecided)} runs have"
        unknown = link(state.from_start(where="not has python"), "Show them")
        more = [f"{runs} no recorded packages, so the condition cannot be decided for them. ", unknown, ". "]
    return element("p", element("b", number), f" {word}{in_lines}. ", *more, clear, class_="quiet", id="matches")


def selection_bar(state: ListState) -> Element:
    """The actions on the selected rows; the style sheet shows it while a row is selected."""
    words = "Restore" if state.archived else "Archive"
    back = element("input", type="hidden", name="back", value=state.address(run=(), edit=""))
    undo = element("input", type="hidden", name="restore", value="yes") if state.archived else None
    return element(
        "form",
        back, undo,
        element("output", "Selected", class_="what"),
        element("button", "Compare", name="do", value="compare", id="compare", class_="primary"),
        element("button", "Export", name="do", value="export", id="export"),
        element("button", words, formaction="/archive", formmethod="post", id="archive"),
        link(state.address(run=()), "Clear ", element("kbd", "Esc"), class_="button", id="clear"),
        id=SELECTION, method="get", action="/choose", class_="selection", aria_label="Selected runs",
    )  # fmt: skip


def pages(state: ListState, lines: Sequence[RunLine], last: str | None) -> Element:
    """Links to newer and older runs. last: the last listed run if there are more."""
    signs: list[Child] = []
    if state.baseline:
        signs = [
            element("span", element("span", "▲", class_="better"), " better"),
            element("span", element("span", "▼", class_="worse"), " worse"),
            element("span", "≈ within the noise of the baseline"),
            element("span", element("b", "bold"), " differs from the baseline"),
        ]
    newer = link(state.newer(), "Newer", rel="prev", class_="button") if state.after else None
    older = link(state.older(last), "Older", rel="next", class_="button") if last and lines else None
    links = element("span", newer, older, class_="end")
    return element("div", element("p", *signs, class_="quiet signs"), links, class_="heading")


__all__ = ["ListCounts", "filter_form", "heading", "pages", "selection_bar", "summary", "view_controls"]
