"""Explain a change of a metric between two runs: its significance, its suspects, its start, and what to do next."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from statistics import stdev
from xml.etree.ElementTree import Element

from starlette.requests import Request
from starlette.responses import Response

from contexta.client.contexta import Contexta
from contexta.findings import Explanation, History, MetricShift, NextStep, Suspect
from contexta.reports import report_of
from contexta.reports.document.blocks import Report
from contexta.reports.document.formatting import count, some_names, span
from contexta.reports.pages.common import metric_name, short_names, value_text
from contexta.reports.writers.html import add_sections
from contexta.ui.frame.content import as_entries, change, judged, number, percent, row, same_decimals, section, table
from contexta.ui.frame.elements import Child, element
from contexta.ui.frame.layout import address, command, field, page
from contexta.ui.frame.point_plot import PlotLevel, PlotMark, PlotPoint, Side, point_plot
from contexta.ui.views.bisect_parts import share, share_bar

_MOST_SUSPECTS, _MOST_NAMED, _LONGEST_VALUE = 40, 4, 40
TIMES = "\N{MULTIPLICATION SIGN}"
_SHOWN = ("Summary", "Metrics", "Suspects", "Next", "Notes", "Not recorded")
"""Sections of the report that the page shows in its own way."""


def why(workspace: Contexta, request: Request) -> Response:
    old, new, metric = (request.query_params.get(name) or None for name in ("old", "new", "metric"))
    finding = workspace.explain_regression(old, new, metric=metric)
    names = finding.old_ref.value, finding.new_ref.value
    left, right = short_names((finding.old_ref, finding.new_ref), finding.renamed)
    first, *others = (text.replace("->", "→") for text in finding.answer or ("Nothing to explain.",))
    parts = [
        element("h1", f"{_title(finding)} ", element("span", f"{left} → {right}", class_="count")),
        _form(*names, metric),
        element("p", element("b", first), f" {' '.join(others)}", class_="answer"),
        _next(finding.next),
        _suspects(finding.suspects),
        _history(finding),
        _is_it_real(finding.metrics),
        _unknown(finding),
        _rest(finding),
        section("The same in a terminal", "", command(_command(names, metric))),
    ]
    return page(request, f"Why: {left} → {right}", *parts, current="/compare")


def _form(old: str, new: str, metric: str | None) -> Element:
    """Names OLD, NEW and the metric; without a script, too."""
    inputs = [
        field(label, element("input", name=name, value=value, size=size, spellcheck="false"))
        for label, name, value, size in (
            ("OLD", "old", old, "24"),
            ("NEW", "new", new, "24"),
            ("Metric", "metric", metric or "", "16"),
        )
    ]
    return element("form", *inputs, element("button", "Show"), method="get", action="/why", class_="controls")


def _title(finding: Explanation) -> str:
    if finding.metric is None:
        return "Why"
    shift = finding.metric
    verb = "changed" if not shift.change else "fell" if shift.change < 0 else "rose"
    return f"Why {metric_name(shift.stage_name, shift.metric_key)} {verb}"


def _command(names: tuple[str, str], metric: str | None) -> str:
    return f"contexta why {names[0]} {names[1]}" + (f" --metric {metric}" if metric else "")


def _next(steps: Sequence[NextStep]) -> Element | None:
    parts: list[Child] = []
    for step in steps:
        cost = [count(step.runs, "run")] if step.runs else []
        cost += [span(step.seconds)] if step.seconds else []
        price = f": about {', '.join(cost)}" if cost else ""
        words = "" if step.complete else ". Replace the words in capitals"
        parts += [element("p", f"{step.purpose[:1].upper()}{step.purpose[1:]}{price}{words}"), command(step.command)]
    return section("What to do next", "", *parts) if parts else None


# ---------------------------------------------------------------------------------------------- suspects


def _suspects(suspects: Sequence[Suspect]) -> Element | None:
    if not suspects:
        return None
    rows = [_suspect(suspect) for suspect in suspects[:_MOST_SUSPECTS]]
    hidden = element("span", "Bar of the share", class_="unseen")
    titles = ("Rank", "Suspect", hidden, ">Share", "Because")
    words = "a ranking of what changed, no proof. The share is the product of the factors over the sum of all products."
    more = f"{len(suspects) - _MOST_SUSPECTS} more are less likely." if len(suspects) > _MOST_SUSPECTS else None
    key = element(
        "p",
        element("span", element("span", f"{TIMES}2 and more", class_="chip strong"), " speaks for it"),
        element("span", element("span", f"{TIMES}1 to {TIMES}2", class_="chip weak"), " little"),
        element("span", element("span", f"below {TIMES}1", class_="chip against"), " speaks against it"),
        class_="key-row",
    )
    note = element("p", more, class_="quiet") if more else None
    return section("Suspects", words, as_entries(table(titles, rows, "Suspects", "suspects ranked")), note, key)


def _suspect(suspect: Suspect) -> Element:
    left, right = (value_text(value, _LONGEST_VALUE) for value in (suspect.left_value, suspect.right_value))
    versions = element("div", f"{left} → ", element("b", right), class_="mono versions")
    together = f"changed together with {some_names(suspect.moved_with, _MOST_NAMED)}" if suspect.moved_with else None
    factors = sorted(suspect.evidence, key=lambda item: -item.weight)
    chips: list[Child] = []
    for item in factors:
        if item.name == "kind" and item.weight == 1:
            continue
        name = "strong" if item.weight >= 2 else "weak" if item.weight >= 1 else "against"
        weight = f"{TIMES}{item.weight:.3g}"
        chips.append(element("span", f"{item.text} ", element("b", weight), class_=f"chip {name}", title=item.reason))
    return row(
        str(suspect.rank),
        element("div", element("div", element("b", suspect.name)), versions),
        share_bar(suspect.score),
        (share(suspect.score), "number strong"),
        element(
            "div",
            element("div", *chips, class_="reasons"),
            element("div", together, class_="quiet small") if together else None,
        ),
    )


# ---------------------------------------------------------------------------------------------- history


def _history(finding: Explanation) -> Element | None:
    history, shift = finding.history, finding.metric
    if history is None or shift is None or len(history.points) < 2:
        return None
    name = metric_name(shift.stage_name, shift.metric_key)
    main = _first_after(history)
    changed = [place for place, point in enumerate(history.points) if point.changed]
    marks = [PlotMark(place, str(number_), place == main) for number_, place in enumerate(changed, 1)]
    items = [_mark_text(history, place, place == main) for place in changed]
    plot = point_plot(
        _points(history, main), list(_levels(history, main)), marks, f"{name} of {len(history.points)} runs"
    )
    words = f"{name} over {count(len(history.points), 'run')} of the project"
    if history.left_out:
        words += f"; {history.left_out} without it or not completed"
    numbers = element("ol", *items, class_="mark-list") if items else None
    link = element("a", "Timeline", href=address("/timeline", [("metric", shift.metric_key)]))
    return section("Since when", words, plot, numbers, end=link)


def _first_after(history: History) -> int | None:
    """The place of the first run on the new level; None without a change of the level."""
    if history.change_point is None:
        return None
    refs = [point.run_ref for point in history.points]
    return refs.index(history.change_point.first_after) if history.change_point.first_after in refs else None


def _points(history: History, main: int | None) -> list[PlotPoint]:
    return [
        PlotPoint(
            label=point.run_ref.name if place in (0, len(history.points) - 1) else "",
            value=float(point.value),
            title=f"{point.run_ref.name}: {number(float(point.value))}",
            side=_side(place, main),
        )
        for place, point in enumerate(history.points)
    ]


def _side(place: int, main: int | None) -> Side | None:
    return None if main is None else "old" if place < main else "new"


def _levels(history: History, main: int | None) -> Iterator[PlotLevel]:
    points, start = history.points, 0
    write = same_decimals(float(point.value) for point in points)
    for stop in range(1, len(points) + 1):
        if stop == len(points) or points[stop].level != points[start].level:
            values = [float(point.value) for point in points[start:stop]]
            deviation = stdev(values) if len(values) > 1 else None
            last = write(points[start].level) if stop == len(points) else ""
            yield PlotLevel(_side(start, main), points[start].level, deviation, start, stop, last)
            start = stop


def _mark_text(history: History, place: int, is_main: bool) -> Element:
    point = history.points[place]
    text = some_names(point.changed, _MOST_NAMED).replace("->", "→")
    return element("li", element("b", f"{text}; first run: {point.run_ref.name}") if is_main else text)


# ---------------------------------------------------------------------------------------------- the rest


def _is_it_real(shifts: Sequence[MetricShift]) -> Element | None:
    if not shifts:
        return None
    tested = [shift for shift in shifts if shift.test is not None]
    words = (
        f"{shifts[0].why}" if len(shifts) == 1 else f"corrected for {count(len(tested), 'metric')}" if tested else ""
    )
    titles = ("Metric", ">OLD", ">NEW", ">Change", ">", "95 % interval", ">p", "Runs", "Verdict")
    return section("Is it real?", words, as_entries(table(titles, map(_shift, shifts), "Is it real?")))


def _shift(shift: MetricShift) -> Element:
    text, tone = judged(shift.worse if shift.verdict == "real" else None)
    interval = "" if shift.low is None or shift.high is None else f"{change(shift.low)} to {change(shift.high)}"
    p_value = "" if shift.p_adjusted is None else f"{shift.p_adjusted:.2g}"
    write = same_decimals((shift.old.mean, shift.new.mean))
    return row(
        metric_name(shift.stage_name, shift.metric_key),
        (write(shift.old.mean), "number"),
        (write(shift.new.mean), "number"),
        (f"{change(shift.change)} {text}".strip(), f"number {tone}".strip()),
        (percent(shift.change_ratio), "number"),
        (interval, "short"),
        (p_value, "number"),
        (f"{len(shift.old.values)} / {len(shift.new.values)}", "short"),
        (f"{shift.verdict.replace('_', ' ')}: {shift.why}", "prose"),
    )


def _unknown(finding: Explanation) -> Element | None:
    items = [f"{aspect.what}: not recorded ({aspect.side}: {aspect.reason})" for aspect in finding.unknowns]
    items += [str(note) for note in finding.completeness_notes]
    if not items:
        return None
    lines = [element("li", text) for text in dict.fromkeys(items)]
    return section("Unknown, may have changed", "", element("ul", *lines, class_="notes"))


def _rest(finding: Explanation) -> Element:
    """The other sections of the report, folded."""
    whole = report_of(finding)
    rest = Report(title=whole.title, sections=tuple(part for part in whole.sections if part.title not in _SHOWN))
    box = element("details", element("summary", "All evidence and differences"), class_="more")
    add_sections(box, rest, "h2")
    return box


__all__ = ["why"]
