"""Two to ten runs compared: what differs first, found by text or regular expression."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from xml.etree.ElementTree import Element

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from contexta.analysis.metrics.direction import Directions, direction_order, familiarity
from contexta.client.contexta import Contexta
from contexta.contract.environment import EnvironmentSnapshot
from contexta.core.errors import InvalidInput, NotFound
from contexta.core.model import Value
from contexta.findings import RunDetails, RunDiff
from contexta.reports import to_markdown
from contexta.reports.document.formatting import count
from contexta.reports.pages.common import origin_of, short_names
from contexta.ui.comparison import comparison_parts
from contexta.ui.comparison.code_section import code_section
from contexta.ui.comparison.comparison_state import ComparisonState, Part, totals
from contexta.ui.frame.charts import chart_scripts, curve_figure, points_of_metrics, scale_switches
from contexta.ui.frame.content import as_entries, change, copy_button, number, percent, section, table
from contexta.ui.frame.elements import Child, add, element
from contexta.ui.frame.icons import icon
from contexta.ui.frame.layout import address, command, export_address, page, run_address

_FIRST = ("Metrics",)
"""The parts before the curves."""
_BESIDE = ("Parameters", "Command", "Inputs", "Outputs")
"""The parts beside the main curve."""


@dataclass
class _Comparison:
    """The runs of a page, and what differs between them."""

    runs: list[RunDetails]
    names: list[str]
    finding: Value
    parts: list[Part]
    diff: RunDiff | None
    """Of two runs."""
    directions: Directions


def compare(workspace: Contexta, request: Request) -> Response:
    """Compare the runs of the parameters ``run``; by default the last two."""
    state = ComparisonState.of(request.query_params)
    comparison = _comparison(workspace, state)
    state = replace(state, runs=tuple(run.run_ref.value for run in comparison.runs))
    error, matches = _matcher(state, comparison)
    by_title = {part.title: part for part in comparison.parts}
    rest = [part for part in comparison.parts if part.title not in (*_FIRST, *_BESIDE)]
    figures = _figures(comparison, state)
    main, others = (figures[0], figures[1:]) if figures else (None, [])
    beside = [
        *(code_section(comparison.diff, *comparison.runs) if comparison.diff is not None else ()),
        _filtered("beside", [by_title[title] for title in _BESIDE if title in by_title], state, matches, comparison),
    ]
    parts: list[Child] = [
        _heading(comparison, state),
        element("p", *_answer(comparison), class_="answer"),
        _controls(state, comparison, matches, error),
        _filtered("first", [by_title[title] for title in _FIRST if title in by_title], state, matches, comparison),
        element("div", _main_curve(main, state), element("div", *beside), class_="two-columns compared"),
        _filtered("rest", rest, state, matches, comparison),
        _same(comparison),
        section("More curves", str(len(others)), element("div", *others, class_="curve-grid wide-charts"))
        if others
        else None,
        _unknowns(comparison),
        command(_command(state)),
    ]
    scripts = [*chart_scripts(), element("script", src="/static/compare.js", type="module")]
    title = " → ".join(comparison.names)
    return page(request, title, *parts, *scripts, current="/compare", status=200 if error is None else 400)


def compare_markdown(workspace: Contexta, request: Request) -> Response:
    """The same comparison as Markdown, to copy."""
    comparison = _comparison(workspace, ComparisonState.of(request.query_params))
    return PlainTextResponse(to_markdown(comparison.finding), media_type="text/markdown; charset=utf-8")


# ---------------------------------------------------------------------------------------------- data


def _comparison(workspace: Contexta, state: ComparisonState) -> _Comparison:
    directions = workspace._directions()
    if len(state.runs) <= 2:
        diff = workspace.diff_runs(*state.runs)
        latest = diff.metrics.right_ref
        if len(state.runs) == 1 and diff.metrics.left_ref == latest:  # the latest run: with the one before it
            diff = workspace.diff_runs(f"{latest.components[0]}@latest~1", str(latest))
        references = diff.metrics.left_ref, diff.metrics.right_ref
        runs = [workspace.get_run(str(reference)) for reference in references]
        left, right = short_names(references, diff.metrics.renamed)
        names = (left, right) if left != right else (f"{left} (OLD)", f"{right} (NEW)")
        snapshots = _snapshots(workspace, runs)
        parts = [
            comparison_parts.metrics_of_two(diff.metrics, names, directions),
            comparison_parts.packages_of_two(diff.environment, snapshots, names),
            *comparison_parts.others_of_two(diff, names),
        ]
        return _Comparison(runs, list(names), diff, parts, diff, directions)
    several = workspace.compare_multiple_runs(state.runs)
    runs = [workspace.get_run(str(reference)) for reference in several.run_refs]
    labels = short_names(several.run_refs, several.renamed)
    parts = [
        comparison_parts.metrics_of_many(several, labels),
        *comparison_parts.others_of_many(several.differences or (), _snapshots(workspace, runs), labels),
    ]
    return _Comparison(runs, labels, several, parts, None, directions)


def _snapshots(workspace: Contexta, runs: Sequence[RunDetails]) -> list[EnvironmentSnapshot | None]:
    snapshots: list[EnvironmentSnapshot | None] = []
    for run in runs:
        try:
            snapshots.append(workspace.get_environment(str(run.run_ref)))
        except NotFound:
            snapshots.append(None)
    return snapshots


def _matcher(state: ComparisonState, comparison: _Comparison) -> tuple[InvalidInput | None, Callable[[str], bool]]:
    try:
        return None, state.matcher(part.text_of(row) for part in comparison.parts for row in part.rows)
    except InvalidInput as error:
        return error, lambda _: True


# ---------------------------------------------------------------------------------------------- head


def _heading(comparison: _Comparison, state: ComparisonState) -> Element:
    title = element("h1")
    for place, (run, name) in enumerate(zip(comparison.runs, comparison.names, strict=True)):
        side = ("side-old", "side-new")[place] if len(comparison.runs) == 2 else None
        add(title, [" → " if place else None, element("a", name, href=run_address(run.run_ref.value), class_=side)])
        if (origin := origin_of(run)) is not None:
            add(title, [" ", element("span", origin, class_="chip")])
    references = list(state.runs)
    buttons = [element("a", "Save as HTML", href=export_address(references), class_="button", download=True)]
    if len(references) == 2:
        swapped = state.address(runs=tuple(reversed(references)))
        buttons = [
            element("a", "Swap", href=swapped, class_="button"),
            *buttons,
            element(
                "a", "Why", href=address("/why", [("old", references[0]), ("new", references[1])]), class_="button"
            ),
            copy_button("Bisect command", f"contexta bisect {references[0]} {references[1]}"),
        ]
    projects = dict.fromkeys(run.project_ref.value for run in comparison.runs)
    return element(
        "div",
        title,
        element("span", ", ".join(projects), class_="quiet"),
        element("div", *buttons, class_="end"),
        class_="heading",
    )


def _answer(comparison: _Comparison) -> Iterator[Child]:
    """The main metric, then how much of what changed."""
    changed = [f"{part.title.lower()} ({part.differing})" for part in comparison.parts if part.differing]
    if comparison.diff is None:
        yield f"{len(comparison.runs)} runs; they differ in {', '.join(changed)}." if changed else "Nothing differs."
        return
    yield from _main_metric(comparison.diff, comparison.directions)
    things = changed[1:] if comparison.parts[0].differing else changed
    if comparison.diff.code.differs:
        things.insert(0, "code")
    yield f"Changed: {', '.join(things)}. " if things else "Nothing else that both runs recorded differs. "
    unknown = [aspect.what for aspect in comparison.diff.unknowns]
    yield f"Unknown: {', '.join(dict.fromkeys(unknown))}." if unknown else None


def _main_metric(diff: RunDiff, directions: Directions) -> Iterator[Child]:
    deltas = [delta for stage in diff.metrics.stage_comparisons for delta in stage.metric_deltas if delta.delta]
    readings = [(comparison_parts.reading_of(delta, directions), delta) for delta in deltas]
    judged = next((pair for pair in readings if pair[0][1] == "worse"), readings[0] if readings else None)
    if judged is None:
        yield "No metric differs. "
        return
    (reading, tone), delta = judged
    verb = "fell" if (delta.delta or 0) < 0 else "rose"
    yield element(
        "b",
        f"{delta.metric_key} {verb} from {number(delta.left_value)} to {number(delta.right_value)} "
        f"({', '.join(filter(None, [change(delta.delta), percent(delta.change_ratio)]))})",
    )
    yield ", "
    yield element("span", reading, class_=tone or None)
    yield ". "


def _controls(
    state: ComparisonState, comparison: _Comparison, matches: Callable[[str], bool], error: InvalidInput | None
) -> Element:
    hidden = [
        element("input", type="hidden", name=name, value=value)
        for name, value in (*replace(state, query="", is_regex=False).parameters(), *state.scale.parameters())
    ]
    query = element(
        "input",
        type="search",
        name="q",
        value=state.query,
        id="filter",
        placeholder="Search names and values",
        aria_label="Search names and values",
        aria_invalid="true" if error else None,
        aria_describedby="query-message",
        autocomplete="off",
        spellcheck="false",
    )
    regex = element("input", type="checkbox", name="regex", value="1", checked=state.is_regex, id="regex")
    form = element(
        "form",
        element("div", icon("search"), query, element("kbd", "/"), class_="box"),
        element("label", regex, " regex"),
        element("button", "Search"),
        *hidden,
        method="get",
        action="/compare",
        class_="filter",
        role="search",
    )
    switch = [
        element(
            "a", "only differences", href=state.address(everything=False), aria_current=_current(not state.everything)
        ),
        element("a", "everything", href=state.address(everything=True), aria_current=_current(state.everything)),
    ]
    message = f"{error.what}. {error.hint or ''}" if error else None
    markdown = address("/compare.md", [("run", name) for name in state.runs])
    return element(
        "div",
        form,
        element("span", *switch, class_="segmented", id="differences"),
        _summary(state, comparison, matches),
        element("a", icon("copy"), element("span", "Markdown"), href=markdown, class_="button", data_fetch_copy="yes"),
        copy_button("Command", _command(state)),
        element("p", message, id="query-message", class_="bad" if error else None, role="alert" if error else None),
        class_="compare-controls",
    )


def _command(state: ComparisonState) -> str:
    """The command that prints the same comparison."""
    return f"contexta {'diff' if len(state.runs) == 2 else 'compare'} {' '.join(state.runs)}"


def _current(is_current: bool) -> str | None:
    return "true" if is_current else None


def _summary(state: ComparisonState, comparison: _Comparison, matches: Callable[[str], bool]) -> Element:
    differing, same = totals(comparison.parts)
    shown = sum(len(part.shown(state, matches)) for part in comparison.parts)
    text = f"{count(differing, 'line')}, {number(same)} more the same"
    if state.query:
        text = f"{count(shown, 'line')} of {number(differing + (same if state.everything else 0))}"
    return element("output", text, id="matches", data_filtered="yes", class_="quiet")


# ---------------------------------------------------------------------------------------------- parts


def _filtered(
    name: str, parts: Sequence[Part], state: ComparisonState, matches: Callable[[str], bool], comparison: _Comparison
) -> Element:
    """The tables of some parts, which the script replaces while somebody types in the search box."""
    box = element("div", id=f"compared-{name}", data_filtered="yes")
    for part in parts:
        rows = part.shown(state, matches)
        if not rows:
            continue  # what is the same or unknown is listed at the end of the page
        words = f"{part.differing} of {number(part.differing + part.same)} differ"
        words = " · ".join(filter(None, [words, part.note]))
        box.append(section(part.title, words, _part_table(part, rows, comparison)))
    if not len(box) and name == "first" and state.query:
        box.append(element("p", "No line matches. ", element("a", "Clear the search", href=state.address(query=""))))
    return box


def _same(comparison: _Comparison) -> Element | None:
    """The parts without any difference, on one line."""
    parts = [
        f"{part.title.lower()} ({number(part.same)})" for part in comparison.parts if part.same and not part.differing
    ]
    if comparison.diff is not None and comparison.diff.code.differs is False:
        parts.append("code")
    return element("p", element("b", "The same: "), ", ".join(parts)) if parts else None


def _part_table(part: Part, rows: Sequence[Element], comparison: _Comparison) -> Element:
    content = as_entries(table(part.titles, rows, part.title, "compared"))
    if comparison.diff is not None:
        sides = dict(zip(comparison.names, ("side-old", "side-new"), strict=True))
        for title in content[0][0][0]:
            if title.text in sides:
                title.set("class", f"{title.get('class') or ''} {sides[title.text]}".strip())
    return content


def _figures(comparison: _Comparison, state: ComparisonState) -> list[Element]:
    """A place for each metric with a curve, the best known metric first."""
    points: dict[str, int] = {}
    for run in comparison.runs:
        for name, number_of_points in points_of_metrics(run):
            points[name] = max(points.get(name, 0), number_of_points)
    curves = [name for name, most in points.items() if most > 1]
    is_open = any(run.status == "open" for run in comparison.runs)
    return [
        curve_figure(state.runs, name, _legend(comparison), is_open=is_open)
        for name in sorted(curves, key=lambda name: _order(name, comparison.directions))
    ]


def _order(name: str, directions: Directions) -> tuple[int, int, str]:
    key = name.rpartition("/")[2]
    return direction_order(key, directions), familiarity(key), name


def _legend(comparison: _Comparison) -> Element | None:
    if len(comparison.names) != 2:
        return None
    sides = [
        element("span", name, class_=f"key {side}")
        for name, side in zip(comparison.names, ("side-old", "side-new"), strict=True)
    ]
    return element("span", *sides, class_="last")


def _main_curve(figure: Element | None, state: ComparisonState) -> Element:
    if figure is None:
        return section("Curves", "", element("p", "No metric has more than one point.", class_="quiet"))
    switches = scale_switches("/compare", state.parameters(), state.scale)
    return section("Curves", "", figure, id_="curves", end=switches)


def _unknowns(comparison: _Comparison) -> Element | None:
    if comparison.diff is None or not comparison.diff.unknowns:
        return None
    sides = {"old": comparison.names[0], "new": comparison.names[1], "both": "both runs"}
    items = [
        element("li", element("b", aspect.what), f": {aspect.reason} ({sides[aspect.side]})")
        for aspect in comparison.diff.unknowns
    ]
    return section("Unknown", "it may have changed", element("ul", *items))


__all__ = ["compare", "compare_markdown"]
