"""A study of `contexta bisect`: live while it runs, its proof afterwards. No study is started or stopped from here."""

from __future__ import annotations

import shlex
import time
from collections.abc import Iterator
from pathlib import Path
from xml.etree.ElementTree import Element

from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response

from contexta.client.contexta import Contexta
from contexta.core.errors import ContextaError, NotFound, shown
from contexta.core.validation import to_microseconds
from contexta.findings.bisect import BisectReport, BisectStatus
from contexta.reports import report_of, to_html, to_markdown
from contexta.reports.document.blocks import Report
from contexta.reports.document.formatting import count, moment, span
from contexta.reports.pages.bisect import (
    cost,
    effect_sentences,
    expectation_sentence,
    first_bad,
    headline,
    seed_sentences,
)
from contexta.reports.writers.html import add_sections
from contexta.ui.frame.content import EN_DASH, copy_button, fact, row, section, table
from contexta.ui.frame.elements import Child, element
from contexta.ui.frame.icons import icon
from contexta.ui.frame.layout import address, command, page
from contexta.ui.views.artifact_view import SANDBOX
from contexta.ui.views.bisect_parts import (
    mix_text,
    plot_of,
    proof_of,
    releases_of,
    share,
    suspects_of,
    trials_of,
    values_of,
)

_MOST_STUDIES = 30  # in the list of studies
_STATES = {
    "interrupted": "stopped by Ctrl-C",
    "failed": "failed",
    "killed": "no end: the process is gone",
    "finished": "finished",
}
_PHASES = (("end", "Ends differ"), ("search", "Search"), ("proof", "Proof"), ("release", "First bad release"))
_VERDICTS = {
    "proved": ("better", "check", "proved"),
    "not_proved": ("warn", "question", "not proved"),
    "no_regression": ("better", "check", "no regression"),
    "undecided": ("warn", "question", "undecided"),
}
_DETAILS = ("Changes", "Pins of the proof", "Tools", "Notes")
"""Sections of the report that the page shows as they are."""


def bisect(workspace: Contexta, request: Request) -> Response:
    """The latest study, or the one that ``study`` names."""
    folders = workspace.list_bisects()
    folder = _chosen(folders, request.query_params.get("study"))
    status, report = _read(workspace, folder)
    parts: list[Child]
    if status is not None and (status.state != "finished" or report is None):
        parts = _unfinished(status)
    elif report is not None:
        parts = _finished(report, folder.name if folder is not None else "")
    else:
        parts = _nothing(folder)
    is_open = (status is not None and status.is_running) or (folder is not None and status is None and report is None)
    body = element("div", *parts, id="study", data_live="yes" if is_open else None)
    return page(request, "Bisect", body, _studies(workspace, folders, folder))


def bisect_html(workspace: Contexta, request: Request) -> Response:
    return _download(HTMLResponse(to_html(_named_report(workspace, request))), "bisect.html")


def bisect_json(workspace: Contexta, request: Request) -> Response:
    response = Response(_named_report(workspace, request).to_json(indent=2), media_type="application/json")
    return _download(response, "bisect.json")


def bisect_markdown(workspace: Contexta, request: Request) -> Response:
    return _download(PlainTextResponse(to_markdown(_named_report(workspace, request))), "bisect.md")


def _download(response: Response, name: str) -> Response:
    response.headers["content-security-policy"] = SANDBOX
    response.headers["content-disposition"] = f'attachment; filename="{name}"'
    return response


def _named_report(workspace: Contexta, request: Request) -> BisectReport:
    folder = _chosen(workspace.list_bisects(), request.query_params.get("study"))
    return workspace.last_bisect(folder)


def _chosen(folders: list[Path], name: str | None) -> Path | None:
    """The directory of a study by its name; of the latest by default. None where it may be outside of the workspace."""
    if name is None:
        return folders[0] if folders else None
    for folder in folders:
        if folder.name == name:
            return folder
    raise NotFound(f"there is no study {shown(name)} in this workspace")


def _read(workspace: Contexta, folder: Path | None) -> tuple[BisectStatus | None, BisectReport | None]:
    try:
        status = workspace.bisect_status(folder)
    except NotFound:
        status = None
    try:
        return status, workspace.last_bisect(folder)
    except NotFound:
        return status, None


def _nothing(folder: Path | None) -> list[Child]:
    if folder is not None:
        text = (
            f"The study {folder.name} has begun. It builds the environments of OLD and NEW; no trial has started yet."
        )
        return [element("h1", "Bisect"), element("p", text), element("p", "Resume it if it was stopped:"), _resume()]
    text = "No bisect yet. A bisect reruns the training in mixes of two environments, so it is started in a terminal:"
    return [element("h1", "Bisect"), element("p", text), command("contexta bisect OLD NEW --metric NAME")]


def _resume() -> Element:
    return command("contexta bisect --resume")


# ---------------------------------------------------------------------------------------------- not finished


def _unfinished(status: BisectStatus) -> list[Child]:
    elapsed = _elapsed(status)
    return [
        _heading(status, [copy_button("Command", shlex.join(status.command))]),
        _now(status, elapsed),
        _phases(status),
        _facts(status, elapsed),
        element("div", plot_of(status), suspects_of(status), class_="two-columns"),
        trials_of(status, elapsed),
    ]


def _heading(study: BisectStatus | BisectReport, buttons: list[Child]) -> Element:
    verb = "lowered" if study.higher_is_better else "raised"
    words = count(len(study.changes), "change")
    return element(
        "div",
        element("h1", f"Which change {verb} {study.metric} ", element("span", words, class_="count")),
        element("div", *buttons, class_="end"),
        class_="heading",
    )


def _elapsed(status: BisectStatus) -> float | None:
    """Seconds of the trial that runs."""
    if status.running is None:
        return None
    return max(0.0, time.time() - to_microseconds(status.running.since) / 1e6)


def _now(status: BisectStatus, elapsed: float | None) -> Element:
    """The current step of the study, and its purpose."""
    running, parts = status.running, []
    if not status.is_running:
        reason = f": {status.reason}" if status.reason else ""
        state = element("span", icon("warning"), f" {_STATES[status.state]}", class_="chip warn")
        parts = [
            element("p", state, f" since {moment(status.updated)} UTC{reason}"),
            element("p", f"{count(len(status.trials), 'trial')} ended and count.", class_="headline"),
            element("p", "Continue it in a terminal:"),
            _resume(),
        ]
    elif running is not None:
        mix = mix_text(running.at_new, status.changes)
        parts = [
            element(
                "p",
                element("span", f"Running trial {running.number}", class_="running"),
                f" for {span(elapsed)}, seed {running.seed}",
            ),
            element("p", f"Trying {mix}.", class_="headline"),
            element("p", *_why(status, running.why)),
        ]
    else:
        text = "Searching the releases of the culprit" if status.state == "releases" else "Choosing the next trial"
        parts = [element("p", element("span", text, class_="running")), element("p", f"{text}.", class_="headline")]
    return element("section", *parts, class_="now live" if status.is_running else "now")


def _why(status: BisectStatus, why: str) -> Iterator[Child]:
    yield f"Why: {why}. "
    if status.suspects:
        first = status.suspects[0]
        yield element("b", f"{' with '.join(first.changes)} is the leading suspect at {share(first.probability)}.")


def _phases(status: BisectStatus) -> Element:
    purposes = [name for name, _ in _PHASES]
    purpose = (
        status.running.purpose if status.running is not None else status.trials[-1].purpose if status.trials else "end"
    )
    current = purposes.index("release" if status.state == "releases" else purpose)
    items = []
    for place, (_, title) in enumerate(_PHASES):
        if place < current:
            items.append(element("li", icon("check"), f" {title}", element("span", ", done", class_="unseen")))
        elif place == current:
            items.append(
                element(
                    "li",
                    element("span", title, class_="running" if status.is_running else "strong"),
                    aria_current="step",
                )
            )
        else:
            items.append(element("li", title, class_="quiet"))
    return element("ol", *items, class_="phases")


def _facts(status: BisectStatus, elapsed: float | None) -> Element:
    done, left = len(status.trials), status.remaining_runs
    seconds = [trial.seconds for trial in status.trials]
    pace = f"at {span(sum(seconds) / len(seconds))} a run" if seconds else ""
    names = {key for suspect in status.suspects for key in suspect.changes}
    possible = f"{len(names)} of {len(status.changes)}" if names else f"{len(status.changes)}"
    remaining = status.remaining_seconds
    if not status.is_running:
        left_text, rest = EN_DASH, "not running"
    elif remaining is None:
        left_text, rest = "unknown", pace or "the first trial has not ended"
    else:
        left_text, rest = f"about {span(max(0.0, remaining - (elapsed or 0.0)))}", pace
    expected = f"done, about {left} left, " if left is not None else "done, "
    return element(
        "dl",
        _figure("Trials", str(done), f"{expected}{status.max_runs} at most"),
        _figure("Time left", left_text, rest),
        _figure("Spent", span(sum(seconds) + (elapsed or 0.0)), "in trials"),
        _figure("Still possible", possible, "changes, alone or together"),
        class_="facts",
    )


def _figure(title: str, value: str, rest: str) -> Element:
    return fact(title, element("span", value, class_="figure"), f" {rest}")


# ---------------------------------------------------------------------------------------------- finished


def _finished(report: BisectReport, study: str) -> list[Child]:
    parameters = [("study", study)]
    buttons: list[Child] = [
        element("a", text, href=address(path, parameters), class_="button", download=True)
        for text, path in (("Markdown", "/bisect.md"), ("Save as HTML", "/bisect.html"), ("JSON", "/bisect.json"))
    ]
    cost_text = f"{cost(report)}. Digest {report.digest[:14]}…"
    releases = releases_of(report.releases, values_of(report)) if report.releases is not None else None
    spent = section("Cost", "", element("p", cost_text), command("contexta bisect --show"))
    return [
        _heading(report, buttons),
        _verdict(report),
        proof_of(report),
        element("div", releases, spent, class_="two-columns") if releases is not None else spent,
        suspects_of(report) if report.suspects else None,
        plot_of(report),
        trials_of(report),
        _details(report),
    ]


def _verdict(report: BisectReport) -> Element:
    name, sign, word = _VERDICTS[report.verdict]
    at_seed = "" if report.only_seed is None else f" at seed {report.only_seed}"
    chip = element("span", icon(sign), f" {word}{at_seed}", class_=f"chip {name}")
    text = headline(report).partition(": ")[2]
    answer = [
        element("p", chip, f" {report.why}" if report.verdict == "proved" else None),
        element("p", *_headline(report, text), class_="headline"),
    ]
    sentences = [*list(effect_sentences(report))[_changed(report) :], *seed_sentences(report)]
    if report.releases is not None:
        sentences += first_bad(report.releases)
    answer.append(element("p", " ".join(sentences), class_="answer"))
    for side, end in (("OLD", report.old), ("NEW", report.new)):
        if end.mean is not None:
            answer.append(
                element(
                    "p", f"{side}: {values_of(report)(end.mean)} over {count(len(end.values), 'run')}", class_="quiet"
                )
            )
    if report.expected is not None and report.old.mean is not None:
        sentence = expectation_sentence(report.expected, report.metric, report.old.mean)
        answer.append(element("p", sentence, class_="quiet"))
    steps: list[Child] = [element("p", element("b", "What to do next"))] if report.next else []
    steps += [command(line) for line in report.next if line.strip()]
    return element("section", element("div", *answer), element("div", *steps), class_=f"verdict result is-{name}")


def _changed(report: BisectReport) -> int:
    """The number of sentences of the effect that the headline repeats: the versions of the culprits."""
    return sum(change.key in report.culprits for change in report.changes)


def _headline(report: BisectReport, text: str) -> Iterator[Child]:
    if report.verdict != "proved" or report.old.mean is None or report.new.mean is None:
        yield text
        return
    changes = [change for change in report.changes if change.key in report.culprits]
    for place, change in enumerate(changes):
        yield f"{' and ' if place else ''}{change.key} "
        yield element("code", change.left_value or "absent", class_="side-old")
        yield " → "
        yield element("code", change.right_value or "absent", class_="side-new")
    verb = "lowered" if report.new.mean < report.old.mean else "raised"
    yield f" {verb} {report.metric} by {values_of(report)(abs(report.new.mean - report.old.mean))}"


def _details(report: BisectReport) -> Element:
    """The other sections of the report, folded."""
    whole = report_of(report)
    rest = Report(title=whole.title, sections=tuple(part for part in whole.sections if part.title in _DETAILS))
    box = element("details", element("summary", "Changes, pins, tools and notes"), class_="more")
    add_sections(box, rest, "h2")
    return box


# ---------------------------------------------------------------------------------------------- all studies


def _studies(workspace: Contexta, folders: list[Path], current: Path | None) -> Element | None:
    if len(folders) < 2:
        return None
    rows = [_study_row(workspace, folder, folder == current) for folder in folders[:_MOST_STUDIES]]
    words = f"the latest {len(rows)} of {len(folders)}" if len(rows) < len(folders) else str(len(rows))
    return section("Studies", words, table(("Study", "Metric", "Result", ">Trials", "Changes"), rows, "Studies"))


def _study_row(workspace: Contexta, folder: Path, is_current: bool) -> Element:
    name: Child = folder.name
    if not is_current:
        name = element("a", folder.name, href=address("/bisect", [("study", folder.name)]))
    try:
        status, report = _read(workspace, folder)
    except ContextaError as error:
        return row(name, EN_DASH, error.what, ("", "number"), "")
    study = report if report is not None and (status is None or status.state == "finished") else status
    if study is None:
        return row(name, EN_DASH, "no trial yet", ("0", "number"), "")
    if isinstance(study, BisectReport):
        result: Child = headline(study)
    else:
        result = element("span", "running", class_="running") if study.is_running else _STATES[study.state]
    changes = ", ".join(change.key for change in study.changes[:4]) + (", …" if len(study.changes) > 4 else "")
    return row(name, study.metric, result, (str(len(study.trials)), "number"), changes)


__all__ = ["bisect", "bisect_html", "bisect_json", "bisect_markdown"]
