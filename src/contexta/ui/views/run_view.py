"""One run, and its output."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from contexta.client.contexta import Contexta
from contexta.core.errors import InvalidInput
from contexta.ui.frame.elements import element
from contexta.ui.frame.layout import address, command, page
from contexta.ui.views.report_view import report_in


def run(workspace: Contexta, request: Request) -> Response:
    name = _named(request)
    report = workspace.build_run_report(name)
    reference = workspace.get_run(name).run_ref.value
    links = element(
        "p",
        element("a", "Compare with the previous run", href=address("/compare", [("run", reference)])),
        " · ",
        element("a", "Output", href=address("/log", [("run", reference)])),
    )
    parts = element("h1", reference), links, command(f"contexta show {reference}")
    return page(request, reference, *parts, report_in(element("div"), report), current="/")


def log(workspace: Contexta, request: Request) -> Response:
    """The output as plain text: a browser never takes it for a page."""
    found = workspace.read_log(_named(request), request.query_params.get("stream", "stdout"))
    policy = "default-src 'none'; sandbox; frame-ancestors 'none'"
    return PlainTextResponse(found.text, headers={"content-security-policy": policy})


def _named(request: Request) -> str:
    name = request.query_params.get("run")
    if not name:
        raise InvalidInput("the address names no run", hint="choose one on the page Runs")
    return name


__all__ = ["log", "run"]
