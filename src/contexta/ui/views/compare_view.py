"""Two to ten runs compared."""

from __future__ import annotations

from xml.etree.ElementTree import Element

from starlette.requests import Request
from starlette.responses import Response

from contexta.client.contexta import Contexta
from contexta.core.errors import InvalidInput
from contexta.ui.frame.elements import element
from contexta.ui.frame.layout import address, command, field, page
from contexta.ui.views.report_view import report_in

_MOST = 10


def compare(workspace: Contexta, request: Request) -> Response:
    """Compare the runs of the parameters ``run``; by default the last two."""
    names = [name for name in request.query_params.getlist("run") if name]
    if len(names) > _MOST:
        raise InvalidInput(f"{len(names)} runs are selected, and {_MOST} can be compared", hint="select fewer runs")
    if len(names) <= 2:
        finding = workspace.diff_runs(*names)
        names = [finding.metrics.left_ref.value, finding.metrics.right_ref.value]
        links = element(
            "p",
            element("a", "Swap", href=address("/compare", [("run", name) for name in reversed(names)])),
            " · ",
            element("a", "Why did it change?", href=address("/why", [("old", names[0]), ("new", names[1])])),
        )
        parts = [two_runs_form("/compare", *names), links, command(f"contexta diff {' '.join(names)}")]
        body = report_in(element("div"), finding)
    else:
        parts = [command(f"contexta compare {' '.join(names)}")]
        body = report_in(element("div"), workspace.compare_multiple_runs(names))
    if charts := _charts(workspace, names):
        parts.append(charts)
    return page(request, "Compare", element("h1", " → ".join(names)), *parts, body)


def two_runs_form(path: str, old: str, new: str, metric: str | None = None) -> Element:
    """A form that names OLD and NEW; without a script, too."""
    names = ("run", "run") if path == "/compare" else ("old", "new")
    inputs = [
        field(label, element("input", name=name, value=value, size="24", spellcheck="false"))
        for label, name, value in zip(("OLD", "NEW"), names, (old, new), strict=True)
    ]
    if path == "/why":
        inputs.append(field("Metric", element("input", name="metric", value=metric or "", size="16")))
    return element("form", *inputs, element("button", "Show"), method="get", action=path, class_="controls")


def _charts(workspace: Contexta, names: list[str]) -> Element | None:
    from contexta.core.errors import ContextaError

    try:
        curves = workspace.plot(*names)
    except ContextaError:  # no metric has two points, or none is in all runs; the table says so
        return None
    return report_in(element("section"), curves)


__all__ = ["compare", "two_runs_form"]
