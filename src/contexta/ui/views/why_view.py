"""Why a metric changed between two runs."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from contexta.client.contexta import Contexta
from contexta.ui.frame.elements import element
from contexta.ui.frame.layout import command, page
from contexta.ui.views.compare_view import two_runs_form
from contexta.ui.views.report_view import report_in


def why(workspace: Contexta, request: Request) -> Response:
    old, new, metric = (request.query_params.get(name) or None for name in ("old", "new", "metric"))
    finding = workspace.explain_regression(old, new, metric=metric)
    names = finding.old_ref.value, finding.new_ref.value
    line = f"contexta why {names[0]} {names[1]}" + (f" --metric {metric}" if metric else "")
    parts = [element("h1", f"Why: {names[0]} → {names[1]}"), two_runs_form("/why", *names, metric), command(line)]
    if finding.metric is not None:
        parts.append(command(f"contexta bisect {names[0]} {names[1]} --metric {finding.metric.metric_key}"))
    return page(request, "Why", *parts, report_in(element("div"), finding), current="/compare")


__all__ = ["why"]
