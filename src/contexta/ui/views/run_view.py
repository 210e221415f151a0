"""One run: its answer, curves, environment, files, output, and what was not captured."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from xml.etree.ElementTree import Element

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from contexta.analysis.metrics.compare import delta_of
from contexta.analysis.metrics.direction import Directions, direction_order, familiarity, is_worse
from contexta.client.contexta import Contexta
from contexta.client.report_pages import evidence_of, list_processes
from contexta.contract.environment import EnvironmentSnapshot
from contexta.core.errors import InvalidInput, NotFound
from contexta.findings import Audit, MetricValue, RunDetails, RunDiagnosis, RunEvidence
from contexta.findings.runs import lost_records
from contexta.reports.document.formatting import count, moment
from contexta.reports.pages.common import metric_name, origin_of, record_detail
from contexta.ui.frame.charts import ChartScale, chart_scripts, curve_figure, scale_switches
from contexta.ui.frame.content import change, copy_button, judged, number, row, section, table
from contexta.ui.frame.elements import Child, element
from contexta.ui.frame.icons import icon
from contexta.ui.frame.layout import address, export_address, page
from contexta.ui.frame.patch_lines import patch_lines
from contexta.ui.views import run_media, run_parts
from contexta.ui.views.artifact_view import SANDBOX

_LOG_LINES = 40
_WARNING_WORDS = ("warning", "error", "traceback", "exception")


def run(workspace: Contexta, request: Request) -> Response:
    details = workspace.get_run(_named(request))
    reference = details.run_ref.value
    snapshot = _snapshot(workspace, reference)
    audit, diagnosis = workspace.audit_reproducibility(reference), workspace.diagnose_run(reference)
    evidence = evidence_of(workspace, details)
    baseline = request.query_params.get("baseline")
    other = workspace.get_run(baseline) if baseline else None
    directions = workspace._directions()
    metrics = sorted(_metrics(details), key=lambda item: _order(item[0], item[1], directions))
    is_live = "yes" if details.status == "open" else None
    live = element(
        "div",
        element("p", *_answer(details, metrics, other, directions, audit, diagnosis), class_="answer"),
        run_parts.facts_of(details, snapshot),
        id="run-head",
        data_live=is_live,
    )
    parts = [
        _heading(details, other),
        live,
        *_curves(details, metrics, ChartScale.of(request.query_params), baseline),
        _problems(diagnosis),
        run_media.images(details),
        *run_media.tables(details),
        run_parts.parameters_of(details),
        run_parts.environment_of(audit, snapshot),
        element(
            "div",
            element("div", *_output(details, evidence), id="run-output", data_live=is_live),
            run_parts.not_captured(details, snapshot, evidence.completeness_notes),
            class_="two-columns",
        ),
        run_parts.files_of(details),
        _patch(evidence),
        run_parts.processes(list_processes(workspace, reference)),
    ]
    return page(request, reference, *parts, *chart_scripts(), current="/")


def log(workspace: Contexta, request: Request) -> Response:
    """The output as plain text: a browser never takes it for a page."""
    stored = workspace.read_log(_named(request), request.query_params.get("stream", "stdout"))
    return PlainTextResponse(stored.text, headers={"content-security-policy": SANDBOX})


def _named(request: Request) -> str:
    name = request.query_params.get("run")
    if not name:
        raise InvalidInput("the address names no run", hint="choose one on the page Runs")
    return name


def _snapshot(workspace: Contexta, reference: str) -> EnvironmentSnapshot | None:
    try:
        return workspace.get_environment(reference)
    except NotFound:
        return None


# ---------------------------------------------------------------------------------------------- head


def _heading(run: RunDetails, baseline: RunDetails | None) -> Element:
    reference = run.run_ref.value
    tags = [element("span", f"{key}={value}" if value else key, class_="chip") for key, value in run.tags.items()]
    runs = [("run", baseline.run_ref.value)] if baseline is not None else []
    compared = address("/compare", [*runs, ("run", reference)])
    buttons = (
        element("a", "Make baseline", href=address("/", [("baseline", reference)]), class_="button"),
        copy_button("Command", f"contexta show {reference}"),
        copy_button("Rebuild command", f"contexta rebuild {reference} --into rebuilt"),
        element("a", "Save as HTML", href=export_address([reference]), class_="button", download=True),
        element(
            "a",
            "Compare with the baseline" if baseline else "Compare",
            href=compared,
            class_="button primary",
        ),
    )
    return element(
        "div",
        element("h1", run.label),
        _status(run),
        element("span", origin, class_="chip") if (origin := origin_of(run)) is not None else None,
        *tags,
        element("div", *buttons, class_="end"),
        class_="heading",
    )


def _status(run: RunDetails) -> Element:
    if run.status == "open":
        return element("span", "running", class_="running")
    signs = {"completed": "check", "failed": "cross"}
    return element("span", icon(signs.get(run.status, "question")), f" {run.status}", class_="status")


def _answer(
    run: RunDetails,
    metrics: list[tuple[str, MetricValue]],
    baseline: RunDetails | None,
    directions: Directions,
    audit: Audit,
    diagnosis: RunDiagnosis,
) -> Iterator[Child]:
    """The result in one sentence: the main metric, its distance from the baseline, and what is wrong."""
    if metrics:
        name, metric = metrics[0]
        yield f"{name} {'is at' if run.status == 'open' else 'ended at'} "
        yield element("b", number(metric.value))
        yield from _distance(metric, baseline, directions)
        yield ". "
    else:
        yield "No metric was recorded. "
    failure = run.metadata.get("failure")
    if isinstance(failure, dict) or failure:
        yield element("b", "It failed. ", class_="worse")
    if (lost := lost_records(run)) is not None:
        yield f"{lost}. "
    problems = sum(issue.severity != "info" for issue in diagnosis.issues)
    failed = sum(check.status == "fail" for check in audit.checks)
    yield f"{count(problems, 'problem')} found" if problems else "No problems found"
    verb = "is" if failed == 1 else "are"
    yield f", {count(failed, 'thing')} that a rebuild needs {verb} missing." if failed else "."


def _distance(metric: MetricValue, baseline: RunDetails | None, directions: Directions) -> Iterator[Child]:
    if baseline is None:
        return
    value = baseline.metrics.get(metric.metric_key)
    if value is None:
        yield f"; {baseline.run_ref.value} has no such metric"
        return
    delta, _ = delta_of(value, metric.value)
    if not delta:
        yield f", {number(value)} in {baseline.run_ref.value}" if delta is None else f", as in {baseline.run_ref.value}"
        return
    text, tone = judged(is_worse(metric.metric_key, delta, directions))
    yield ", "
    yield element("span", " ".join(filter(None, [change(delta), text])), class_=tone or None)
    yield f" {'than' if text else 'from'} {baseline.run_ref.value}"


# ---------------------------------------------------------------------------------------------- metrics


def _metrics(run: RunDetails) -> Iterator[tuple[str, MetricValue]]:
    for stage in run.stages:
        for metric in stage.metrics:
            yield metric_name(stage.stage_name, metric.metric_key, metric.slice_ref), metric


def _order(name: str, metric: MetricValue, directions: Directions) -> tuple[bool, int, int, str]:
    """Metrics of all data before those of slices, then by how well their direction is known."""
    key = metric.metric_key
    return metric.slice_ref is not None, direction_order(key, directions), familiarity(key), name


def _curves(
    run: RunDetails, metrics: list[tuple[str, MetricValue]], scale: ChartScale, baseline: str | None
) -> Iterator[Element]:
    """A curve for each metric of several points, and a table of the others."""
    curves = [(name, metric) for name, metric in metrics if metric.points > 1]
    singles = [(name, metric) for name, metric in metrics if metric.points == 1]
    state = [("run", run.run_ref.value), *([("baseline", baseline)] if baseline else [])]
    is_open = run.status == "open"
    figures = []
    for name, metric in curves:
        last = element("b", number(metric.value), data_last="yes")
        summary = element("span", last, f" of {number(metric.points)}", class_="last")
        figures.append(curve_figure([run.run_ref.value], name, summary, is_open=is_open))
    if not metrics:
        yield section("Metrics", "", element("p", "No metrics.", class_="quiet"), id_="curves")
        return
    words = f"{count(len(curves), 'curve')}, {count(len(singles), 'single value')}"
    switches = scale_switches("/run", state, scale) if curves else None
    values = [
        row(name, (number(metric.value), "number"), "from the output" if metric.origin else None)
        for name, metric in singles
    ]
    yield section(
        "Metrics",
        words,
        element("div", *figures, class_="curve-grid") if figures else None,
        table(("Metric", ">Value", ""), values, "Single values") if values else None,
        id_="curves",
        end=switches,
    )


def _problems(diagnosis: RunDiagnosis) -> Element | None:
    issues = [issue for issue in diagnosis.issues if issue.severity != "info"]
    if not issues:
        return None
    rows = [
        row(run_parts.mark("fail" if issue.severity == "error" else "warn"), issue.summary, issue.fix)
        for issue in issues
    ]
    return section("Problems", str(len(rows)), table(("", "Problem", "How to avoid it"), rows, "Problems"))


# ---------------------------------------------------------------------------------------------- output, patch


def _output(run: RunDetails, evidence: RunEvidence) -> Iterator[Element]:
    """The last lines of each stored stream, and the last events, which a live run shows as they come."""
    for output in evidence.outputs:
        lines = output.text.split("\n")[-_LOG_LINES:]
        if output.is_unfinished:
            words = f"{output.title}, the latest {count(len(lines), 'line')}; all are stored when the command ends"
            yield section("Log", words, _log(map(_log_line, lines)))
            continue
        link = element("a", "Whole log", href=address("/log", [("run", run.run_ref.value), ("stream", output.title)]))
        words = f"{output.title}, last {len(lines)} of {number(output.lines)} lines"
        yield section("Log", words, _log(map(_log_line, lines)), end=link)
    if run.events or run.status == "open":
        yield _events(run)
    if not evidence.outputs and run.status == "open":
        text = "No output so far. Only `contexta run -- COMMAND` records the output."
        yield section("Log", "", element("p", text, class_="quiet"))
    elif not evidence.outputs and not run.events:
        text = "No output was stored: `contexta run -- COMMAND` stores it."
        yield section("Log", "", element("p", text, class_="quiet"))


def _log(lines: Iterable[Element]) -> Element:
    """A box that shows the end of its lines."""
    return element("pre", element("code", *lines), tabindex="0", class_="log")


def _log_line(line: str) -> Element:
    is_warning = any(word in line.lower() for word in _WARNING_WORDS)
    return element("span", f"{line}\n", class_="line warn" if is_warning else "line")


def _events(run: RunDetails) -> Element:
    shown = run.events[-_LOG_LINES:]
    lines = [
        element(
            "span",
            element("span", moment(event.observed_at)[11:], class_="quiet"),
            " ",
            element("b", event.key),
            f" {event.message or ''} {record_detail(event)}".rstrip() + "\n",
            class_="line warn" if event.payload.get("level") in ("warning", "error", "critical") else "line",
        )
        for event in shown
    ]
    words = f"last {len(shown)} of {number(run.event_count)}" if shown else "none so far"
    return section("Events", words, _log(lines), id_="events")


def _patch(evidence: RunEvidence) -> Element | None:
    if evidence.patch is None:
        return None
    words = f"{count(len(evidence.patched_files), 'file')}, {number(evidence.patch.lines)} lines"
    lines = element("pre", element("code", *patch_lines(evidence.patch.text)), tabindex="0")
    rest = evidence.patch.omitted_lines
    more = element("p", f"{number(rest)} more lines are not shown.", class_="quiet") if rest else None
    return section("Uncommitted changes", words, lines, more, id_="patch")


__all__ = ["log", "run"]
