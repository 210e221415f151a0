"""Environments, parameters and inputs of successive runs as lanes below a metric, and the changes at its steps."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from xml.etree.ElementTree import Element

from starlette.requests import Request
from starlette.responses import Response

from contexta.analysis.environments.version_steps import distance
from contexta.client.contexta import Contexta
from contexta.client.report_pages import environment_timeline
from contexta.core.errors import NotFound
from contexta.findings.metrics import EnvironmentTimeline, Lane, MetricLevel
from contexta.reports.document.formatting import count, moment, shortened, some_names
from contexta.ui.frame.content import as_entries, change, copy_button, judged, number, row, section, table
from contexta.ui.frame.elements import Child, element
from contexta.ui.frame.layout import address, command, field, page, run_address
from contexta.ui.views.timeline_drawing import dates, lane, metric_plot, ticks_of

_RUNS = (50, 200, 500)
_LANES, _CHIPS = 40, 12
_VALUE = 30  # characters of a value in a chip
_KINDS = ("major", "minor", "patch", "removed")


@dataclass(frozen=True)
class _State:
    """The state of the timeline, which is in its address."""

    project: str
    metric: str
    package: str
    last: int
    all_lanes: bool
    only_imported: bool

    @classmethod
    def of(cls, request: Request) -> _State:
        parameters = request.query_params
        last = parameters.get("last", "")
        return cls(
            parameters.get("project", ""),
            parameters.get("metric", ""),
            parameters.get("package", "").strip(),
            int(last) if last in map(str, _RUNS) else _RUNS[1],
            parameters.get("lanes") == "all",
            parameters.get("imported") == "1",
        )


def timeline(workspace: Contexta, request: Request) -> Response:
    state = _State.of(request)
    projects = [project.name for project in workspace.list_projects()]
    if not projects:
        start = command("contexta run --name first -- python train.py")
        text = "No runs yet. Record the first one; this page shows how its environment changes over time."
        return page(request, "Timeline", element("h1", "Timeline"), element("p", text), start)
    finding = environment_timeline(workspace, state.metric or None, project=state.project or None, last=state.last)
    imports, note = _imported(workspace, finding) if state.only_imported else (None, None)
    lanes = [
        item
        for item in _ordered(finding)
        if (imports is None or item.kind != "package" or item.name in imports)
        and state.package.lower() in item.name.lower()
    ]
    shown = lanes if state.all_lanes else lanes[:_LANES]
    parts: list[Child] = [
        _controls(state, projects, finding),
        element("p", *_answer(finding), class_="answer"),
        element("p", note, class_="quiet") if note else None,
        _lanes(finding, shown),
        _rest(request, finding, lanes, shown),
        _change_points(finding),
        command(_command(finding, state)),
    ]
    return page(request, "Timeline", *parts)


# ---------------------------------------------------------------------------------------------- head


def _controls(state: _State, projects: Sequence[str], finding: EnvironmentTimeline) -> Element:
    def choice(name: str, options: Sequence[tuple[str, str]], current: str) -> Element:
        items = [element("option", text, value=value, selected=value == current) for value, text in options]
        return element("select", *items, name=name)

    package = element("input", name="package", value=state.package, size="14", spellcheck="false", placeholder="all")
    imported = element("input", type="checkbox", name="imported", value="1", checked=state.only_imported)
    runs = [(str(number_of_runs), f"last {number_of_runs} runs") for number_of_runs in _RUNS]
    return element(
        "div",
        element("h1", "Timeline"),
        element(
            "form",
            field("Project", choice("project", [(name, name) for name in projects], finding.project)),
            field("Metric", choice("metric", [(name, name) for name in finding.metrics], finding.metric or "")),
            field("Package", package),
            field("Runs", choice("last", runs, str(state.last))),
            element("label", imported, " only imported"),
            element("button", "Show"),
            method="get",
            action="/timeline",
            class_="controls",
        ),
        element("div", copy_button("Command", _command(finding, state)), class_="end"),
        class_="heading",
    )


def _command(finding: EnvironmentTimeline, state: _State) -> str:
    """The command that prints the nearest of it: one package."""
    names = [item.name for item in finding.lanes if item.kind == "package" and state.package.lower() in item.name]
    package = names[0] if names else "python"
    return f"contexta timeline {package}" + (f" --metric {finding.metric}" if finding.metric else "")


def _imported(workspace: Contexta, finding: EnvironmentTimeline) -> tuple[set[str] | None, str | None]:
    """(what the latest run imported, why that is unknown)"""
    try:
        imports = workspace.get_environment(str(finding.runs[-1].run_ref)).imports
    except NotFound:
        imports = None
    if imports is None:
        return None, "All packages are shown: the imports of the latest run are unknown."
    return {*imports.get("distributions", {})}, None


def _answer(finding: EnvironmentTimeline) -> Iterator[Child]:
    """The number of changes of the metric's level, the last change, and the packages that changed there."""
    if finding.metric is None:
        yield f"No run of {finding.project} has a metric. {_moved_words(finding)}"
        return
    if len(finding.levels) < 2:
        yield f"{finding.metric} has one level over {count(len(finding.runs), 'run')}. {_moved_words(finding)}"
        return
    place = finding.change or 1
    before, after = finding.levels[place - 1 : place + 1]
    first = finding.runs[after.start]
    verb = "fell" if after.mean < before.mean else "rose"
    changes = len(finding.levels) - 1
    size = number(float(f"{abs(after.mean - before.mean):.4g}"))
    start = f"{finding.metric} {verb}" if changes == 1 else f"{finding.metric} changed {changes} times; it last {verb}"
    yield element("b", f"{start} by {size} at {first.name} ({moment(first.started_at)[:10]}).")
    moved = [item.name for item in _moved_at(finding, after.start)]
    last_before = finding.runs[after.start - 1]
    if not moved:
        yield " No recorded package, commit, parameter or input moved there."
    elif len(moved) == 1:
        yield f" {moved[0]} moved there."
    else:
        yield f" {some_names(moved, 6)} moved there together: records cannot separate them, a bisect can."
    yield " "
    parameters = [("old", last_before.run_ref.value), ("new", first.run_ref.value), ("metric", finding.metric)]
    yield element("a", "Why", href=address("/why", parameters))


def _moved_words(finding: EnvironmentTimeline) -> str:
    packages = sum(item.kind == "package" for item in finding.lanes)
    others = [item.name for item in finding.lanes if item.kind != "package"]
    text = f"{count(packages, 'package')} changed, {number(finding.unchanged)} did not."
    return f"{text} Also changed: {some_names(others, 6)}." if others else text


# ---------------------------------------------------------------------------------------------- lanes


def _lanes(finding: EnvironmentTimeline, lanes: Sequence[Lane]) -> Element:
    rows = []
    if finding.metric is not None:
        name = element("span", finding.metric, class_="name")
        head = element("th", name, ticks_of(finding), scope="row", title=finding.metric)
        rows.append(element("tr", head, element("td", metric_plot(finding)), class_="metric"))
    last = None if finding.change is None else finding.levels[finding.change].start
    groups = (
        (
            "Moved at the drop" if _is_drop(finding) else "Moved at the change",
            [item for item in lanes if last is not None and last in item.moved_at],
        ),
        ("Moved elsewhere", [item for item in lanes if last is None or last not in item.moved_at]),
    )
    for title, items in groups:
        if items and last is not None:
            rows.append(element("tr", element("th", title, scope="rowgroup", class_="group"), element("td")))
        rows += [_line(item.name, lane(finding, item)) for item in items]
    rows.append(_line("Started", dates(finding)))
    content = element("table", element("tbody", *rows), class_="timeline")
    label = f"Versions and values over {len(finding.runs)} runs, the oldest left"
    return element("div", content, class_="timeline-box", role="region", tabindex="0", aria_label=label)


def _ordered(finding: EnvironmentTimeline) -> list[Lane]:
    """The lanes; those that moved at the last change of the level come first, larger steps before others."""
    first = [] if finding.change is None else _moved_at(finding, finding.levels[finding.change].start)
    names = {item.name for item in first}
    return [*first, *(item for item in finding.lanes if item.name not in names)]


def _is_drop(finding: EnvironmentTimeline) -> bool:
    return finding.change is not None and finding.levels[finding.change].worse is True


def _line(name: str, drawing: Element) -> Element:
    return element("tr", element("th", name, scope="row", title=name), element("td", drawing))


def _rest(request: Request, finding: EnvironmentTimeline, lanes: Sequence[Lane], shown: Sequence[Lane]) -> Element:
    words = [f"{count(len(finding.runs), 'run')}, the oldest left; equal steps, not time"]
    words += [f"{number(finding.older)} older runs are left out"] if finding.older else []
    words += [f"{number(finding.unchanged)} packages did not change"]
    link = None
    if len(shown) < len(lanes):
        pairs = [*request.query_params.multi_items(), ("lanes", "all")]
        link = element("a", f"Show {len(lanes) - len(shown)} more lanes", href=address("/timeline", pairs))
    return element("p", f"{'; '.join(words)}. ", link, _legend(), class_="quiet timeline-note")


def _legend() -> Element:
    """The meaning of the signs, in words."""
    signs = (
        ("old", "● before"),
        ("new", "◆ since the change"),
        ("mark", "┆ change of level"),
        ("since", "▭ version since then"),
    )
    return element("span", *(element("span", text, class_=f"sign {name}") for name, text in signs), class_="signs")


# ---------------------------------------------------------------------------------------------- change points


def _change_points(finding: EnvironmentTimeline) -> Element | None:
    if finding.metric is None:
        return None
    rows = []
    for before, after in zip(finding.levels, finding.levels[1:], strict=False):
        rows.append(_change_point(finding, before, after))
    odd = f"{count(len(finding.outliers), 'single odd run')} no step" if finding.outliers else ""
    note = " · ".join(filter(None, ["levels by least squares", odd]))
    if not rows:
        text = "The level did not change." if finding.levels else "Too few runs have the metric."
        return section("Change points", note, element("p", text, class_="quiet"))
    titles = ("First run", "Started (UTC)", ">Before", ">After", ">Change", "Moved at that run", "")
    return section("Change points", note, as_entries(table(titles, rows, "Change points")))


def _change_point(finding: EnvironmentTimeline, before: MetricLevel, after: MetricLevel) -> Element:
    first, previous = finding.runs[after.start], finding.runs[after.start - 1]
    delta = after.mean - before.mean
    text, tone = judged(after.worse)
    moved = _moved_at(finding, after.start)
    chips: list[Child] = []
    for item in moved[:_CHIPS]:
        chips += [_chip(item, after.start), " "]
    if len(moved) > _CHIPS:
        chips.append(f"and {len(moved) - _CHIPS} more")
    compare = address("/compare", [("run", previous.run_ref.value), ("run", first.run_ref.value)])
    return row(
        element("a", first.name, href=run_address(first.run_ref.value)),
        (moment(first.started_at)[:16], "short"),
        (number(float(f"{before.mean:.4g}")), "number"),
        (number(float(f"{after.mean:.4g}")), "number"),
        (f"{change(delta)} {text}".strip(), f"number {tone}".strip()),
        element("span", *chips) if chips else "nothing that was recorded",
        element("a", "Compare", href=compare),
    )


def _moved_at(finding: EnvironmentTimeline, start: int) -> list[Lane]:
    """The packages that changed at a run: larger steps first, added and removed ones last."""
    moved = [item for item in finding.lanes if start in item.moved_at]
    return sorted(moved, key=lambda item: _KINDS.index(_kind(*_versions_at(item, start))))


def _versions_at(item: Lane, start: int) -> tuple[str | None, str | None]:
    """The versions of a package before and since a run."""
    place = next(place for place, period in enumerate(item.periods) if period.start == start)
    return item.periods[place - 1].version, item.periods[place].version


def _kind(old: str | None, new: str | None) -> str:
    """The class of a step."""
    if old is None or new is None:
        return "removed"
    _, size = distance(old, new)
    return size if size in ("major", "minor") else "patch"


def _chip(item: Lane, start: int) -> Element:
    """The name and its new version or value, in the weight of the step."""
    old, new = _versions_at(item, start)
    title = f"{old} to {new}" if old is not None and new is not None else None
    return element(
        "span",
        f"{item.name} {'removed' if new is None else shortened(new, _VALUE)}",
        class_=f"chip {_kind(old, new)}",
        title=title,
    )


__all__ = ["timeline"]
