"""The versions of a package over the runs, with a metric above them."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from contexta.client.contexta import Contexta
from contexta.ui.frame.elements import element
from contexta.ui.frame.layout import command, field, page
from contexta.ui.views.report_view import report_in


def timeline(workspace: Contexta, request: Request) -> Response:
    package, metric, project = (request.query_params.get(name) or None for name in ("package", "metric", "project"))
    inputs = [
        field(label, element("input", name=name, value=value or "", size="20", spellcheck="false"))
        for label, name, value in (("Package", "package", package), ("Metric", "metric", metric))
    ]
    form = element("form", *inputs, element("button", "Show"), method="get", action="/timeline", class_="controls")
    parts = [element("h1", "Timeline"), form]
    if package is None:
        parts.append(element("p", "Name a package to see its versions over the runs, and a metric above them."))
    else:
        finding = workspace.package_timeline(package, project=project, metric=metric)
        parts.append(command(f"contexta timeline {package}" + (f" --metric {metric}" if metric else "")))
        parts.append(report_in(element("div"), finding))
    return page(request, "Timeline", *parts)


__all__ = ["timeline"]
