"""The table of runs as HTML: two rows of titles, one row for each line, and a form below an edited run."""

from __future__ import annotations

from collections import Counter
from itertools import groupby
from xml.etree.ElementTree import Element

from contexta.reports.pages.common import origin_of
from contexta.ui.frame.elements import add, element, link
from contexta.ui.frame.icons import icon
from contexta.ui.frame.layout import run_address
from contexta.ui.runs.list_state import ListState
from contexta.ui.runs.run_cells import CellWriter
from contexta.ui.runs.run_columns import RunColumn
from contexta.ui.runs.run_lines import RunLine

SELECTION = "selection"
"""The id of the form that the boxes of the rows belong to."""


def run_table(lines: list[RunLine], columns: tuple[RunColumn, ...], state: ListState, cells: CellWriter) -> Element:
    rows: list[Element] = []
    names = Counter(line.name for line in lines)
    for line in lines:
        rows.append(_row(line, columns, state, cells, is_unique=names[line.name] == 1))
        if state.edit and not line.is_group and line.run.run_ref.value == state.edit:
            rows.append(_edit_row(line, len(columns) + 2, state))
    table = element("table", _head(columns, state), element("tbody", *rows), class_="runs")
    _keep_roles(table)
    return element("div", table, class_="wide tall", role="region", tabindex="0", aria_label="Table of runs")


def _keep_roles(table: Element) -> None:
    """Say that it is a table, because narrow screens show its rows as entries."""
    scopes = {"row": "rowheader", "col": "columnheader", "colgroup": "columnheader"}
    for part in table.iter():
        role = {"table": "table", "thead": "rowgroup", "tbody": "rowgroup", "tr": "row", "td": "cell"}.get(part.tag)
        role = scopes.get(part.get("scope", ""), role)
        if role is not None:
            part.set("role", role)


def _head(columns: tuple[RunColumn, ...], state: ListState) -> Element:
    box = element("input", type="checkbox", id="select-all", aria_label="Select all rows", disabled=True)
    run = RunColumn("run", "Run", sort="name")
    names = element("tr", element("th", box, scope="col", class_="box"), _title(run, state))
    add(names, [_title(column, state, starts=starts) for column, starts in _with_starts(columns)])
    if not any(column.heading for column in columns):
        return element("thead", names)
    headings = element("tr", element("td", colspan="2"), class_="headings")
    for heading, group in groupby(columns, lambda column: column.heading):
        size = str(len(list(group)))
        if heading:
            headings.append(element("th", heading, scope="colgroup", colspan=size, class_="starts", title=heading))
        else:
            headings.append(element("td", colspan=size))
    return element("thead", headings, names)


def _with_starts(columns: tuple[RunColumn, ...]) -> list[tuple[RunColumn, bool]]:
    """Each column, and whether it is the first one of a group of columns."""
    before = ["", *(column.heading for column in columns)]
    return [(column, column.heading != previous) for column, previous in zip(columns, before, strict=False)]


def _title(column: RunColumn, state: ListState, *, starts: bool = False) -> Element:
    named = (("number", column.is_number), ("starts", starts), ("name", column.name == "run"))
    classes = " ".join(name for name, applies in named if applies)
    common = {"scope": "col", "class_": classes or None, "data_column": column.name}
    if column.name == "curve":
        common["data_metric"] = column.heading
    if not column.sort:
        return element("th", column.title, **common)
    field, _, order = (state.sort or "started desc").rpartition(" ")
    is_sorted = field == column.sort
    falls_first = column.is_number or column.name == "started"
    is_descending = order == "asc" if is_sorted else falls_first
    arrow = (" ↓" if order == "desc" else " ↑") if is_sorted else ""
    address = state.from_start(sort=f"{column.sort} {'desc' if is_descending else 'asc'}")
    link = element("a", column.title + arrow, href=address)
    sorted_as = ("descending" if order == "desc" else "ascending") if is_sorted else None
    return element("th", link, **common, aria_sort=sorted_as)


def _row(
    line: RunLine, columns: tuple[RunColumn, ...], state: ListState, cells: CellWriter, *, is_unique: bool
) -> Element:
    """is_unique: whether no other row has this name."""
    reference = line.run.run_ref.value
    is_selected = all(run.run_ref.value in state.selected for run in line.runs)
    box = element(
        "input", type="checkbox", name="run", value=line.references, form=SELECTION, checked=is_selected,
        aria_label=f"Select {line.name if line.is_group else reference}",
    )  # fmt: skip
    classes = [name for name, applies in (
        ("baseline", line.is_baseline), ("group", line.is_group), ("member", line.is_member),
        ("archived", line.run.archived and not line.is_group),
    ) if applies]  # fmt: skip
    name = _name(line, state, is_unique=is_unique)
    row = element(
        "tr", element("td", box, class_="box"), name, class_=" ".join(classes) or None,
        data_row=("group " if line.is_group else "") + reference,
    )  # fmt: skip
    for column, starts in _with_starts(columns):
        cell = cells.cell(line, column)
        if starts:
            cell.set("class", f"{cell.get('class', '')} starts".strip())
        row.append(cell)
    return row


def _name(line: RunLine, state: ListState, *, is_unique: bool) -> Element:
    reference = line.run.run_ref.value
    parts = []
    if line.is_group:
        opened = tuple(name for name in state.open if name != reference) + (() if line.is_open else (reference,))
        parts.append(
            link(
                state.address(open=opened),
                icon("chevron-down" if line.is_open else "chevron-right"),
                class_="chevron",
                aria_label=f"{'Close' if line.is_open else 'Open'} {line.name}",
                aria_expanded="true" if line.is_open else "false",
                role="button",
            )
        )
        parts.append(element("span", line.name, class_="label", title=line.name))
    else:
        parts.append(link(run_address(reference), line.name, class_="label open", title=reference))
    if line.is_baseline:
        label = "Remove the baseline"
        removed = state.address(baseline="")
        parts.append(link(removed, icon("pin"), " baseline", class_="chip pinned make", aria_label=label, title=label))
    if not is_unique:
        parts.append(element("span", reference, class_="quiet about"))
    if line.about:
        parts.append(element("span", line.about, class_="quiet about"))
    marks = (origin_of(line.run), "archived" if line.run.archived else None)
    parts += [element("span", mark, class_="chip") for mark in marks if mark is not None and not line.is_group]
    parts.append(_actions(line, reference, state))
    return element("th", element("span", *parts, class_="named"), scope="row", class_="name")


def _actions(line: RunLine, reference: str, state: ListState) -> Element:
    parts = []
    if not line.is_baseline:
        label = f"{reference} as baseline"
        address = state.address(baseline=reference)
        parts.append(link(address, icon("pin"), class_="make", aria_label=label, title=label))
    if not line.is_group:
        label = f"Edit note and tags of {reference}"
        parts.append(link(state.address(edit=reference), icon("edit"), class_="edit", aria_label=label, title=label))
    return element("span", *parts, class_="actions")


def _edit_row(line: RunLine, width: int, state: ListState) -> Element:
    reference = line.run.run_ref.value
    tags = "\n".join(f"{name}={value}" if value else name for name, value in line.run.tags.items())
    back = state.address(edit="")
    note = element("textarea", line.run.note or "", name="note", rows="3", cols="48", autofocus=True)
    tag_lines = element("textarea", tags, name="tags", rows="3", cols="32")
    form = element(
        "form",
        element("label", "Note", note),
        element("label", "Tags, one a line: name or name=value", tag_lines),
        element("input", type="hidden", name="run", value=reference),
        element("input", type="hidden", name="back", value=back),
        element("span", element("button", "Save", class_="primary"), link(back, "Cancel", class_="button")),
        method="post",
        action="/annotate",
        class_="editing",
    )
    return element("tr", element("td", form, colspan=str(width)), class_="edit-row")


__all__ = ["SELECTION", "run_table"]
