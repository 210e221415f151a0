"""The last bisect. A bisect is never started from a browser."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from contexta.client.contexta import Contexta
from contexta.core.errors import NotFound
from contexta.ui.frame.elements import element
from contexta.ui.frame.layout import command, page
from contexta.ui.views.report_view import report_in


def bisect(workspace: Contexta, request: Request) -> Response:
    try:
        report = workspace.last_bisect()
    except NotFound:
        start = command("contexta bisect OLD NEW --metric NAME")
        text = "No bisect has ended yet. A bisect reruns the training, so it is started in a terminal:"
        return page(request, "Bisect", element("h1", "Bisect"), element("p", text), start)
    body = report_in(element("div"), report)
    return page(request, "Bisect", element("h1", "Bisect"), command("contexta bisect --show"), body)


__all__ = ["bisect"]
