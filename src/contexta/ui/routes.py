"""The addresses of the pages."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from importlib.resources import files

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from contexta.client.contexta import Contexta
from contexta.core.errors import ContextaError, NotFound
from contexta.reports.theme.stylesheet import SEARCH_SCRIPT, STYLESHEET
from contexta.ui.comparison import compare_view
from contexta.ui.frame import layout
from contexta.ui.frame.elements import element
from contexta.ui.frame.submitted import Submitted, submitted
from contexta.ui.runs import list_data, list_view, run_changes
from contexta.ui.views import (
    artifact_view,
    bisect_view,
    curve_view,
    export_view,
    run_view,
    theme_view,
    timeline_view,
    why_view,
)

View = Callable[[Contexta, Request], Response]
Change = Callable[[Contexta, Submitted], Response]
VIEWS: dict[str, View] = {
    "/": list_view.runs,
    "/complete": list_data.complete,
    "/go": list_data.go_to,
    "/sparks": list_data.sparks,
    "/choose": run_changes.choose,
    "/run": run_view.run,
    "/log": run_view.log,
    "/artifact": artifact_view.artifact,
    "/image": artifact_view.image,
    "/curves": curve_view.curves,
    "/curves.json": curve_view.curve_points,
    "/export": export_view.export,
    "/compare": compare_view.compare,
    "/compare.md": compare_view.compare_markdown,
    "/why": why_view.why,
    "/timeline": timeline_view.timeline,
    "/bisect": bisect_view.bisect,
    "/bisect.html": bisect_view.bisect_html,
    "/bisect.json": bisect_view.bisect_json,
    "/bisect.md": bisect_view.bisect_markdown,
}
CHANGES: dict[str, Change] = {
    "/annotate": run_changes.annotate,
    "/archive": run_changes.archive,
    "/theme": theme_view.choose_theme,
}
"""The changes that a form may request, by POST."""


def site(workspace: Contexta) -> Starlette:
    """The pages of a workspace. Every address but those of ``VIEWS`` and the static files is not found."""
    routes = [Route(path, _answered(view), methods=["GET"]) for path, view in VIEWS.items()]
    routes += [Route(path, _changed(change), methods=["POST"]) for path, change in CHANGES.items()]
    static = {
        "/static/contexta.css": (STYLESHEET, "text/css"),
        "/static/contexta.js": (_text("contexta.js"), "text/javascript"),
        "/static/runs.js": (_text("runs.js"), "text/javascript"),
        "/static/find.js": (SEARCH_SCRIPT, "text/javascript"),
        "/static/charts.js": (_text("charts.js"), "text/javascript"),
        "/static/compare.js": (_text("compare.js"), "text/javascript"),
        "/static/uplot.js": (_text("uplot/uPlot.iife.min.js"), "text/javascript"),
        "/static/uplot.css": (_text("uplot/uPlot.min.css"), "text/css"),
        "/static/icon.svg": (_text("icon.svg"), "image/svg+xml"),
    }
    routes += [Route(path, _file(*content), methods=["GET"]) for path, content in static.items()]
    application = Starlette(routes=routes, exception_handlers={404: _not_found, Exception: _failed})
    application.state.workspace = workspace
    application.state.curves = curve_view.CurveCache()
    return application


def _text(name: str) -> str:
    return files("contexta.ui").joinpath("static", name).read_text(encoding="utf-8")


def _answered(view: View) -> Callable[[Request], Response]:
    def answer(request: Request) -> Response:
        try:
            return view(request.app.state.workspace, request)
        except ContextaError as error:
            return _error(request, error)

    return answer


def _changed(change: Change) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        try:
            form = submitted(await request.body())
            return await run_in_threadpool(change, request.app.state.workspace, form)
        except ContextaError as error:
            return _error(request, error)

    return answer


def _file(content: str, media_type: str) -> Callable[[Request], Response]:
    def answer(_: Request) -> Response:
        return Response(content, media_type=media_type, headers={"cache-control": "private, max-age=60"})

    return answer


def _error(request: Request, error: ContextaError) -> Response:
    hint = element("p", f"hint: {error.hint}", class_="quiet") if error.hint else None
    title = "Not found" if isinstance(error, NotFound) else "This cannot be shown"
    status = 404 if isinstance(error, NotFound) else 400
    parts = element("h1", title), element("p", error.what, class_="bad", role="alert"), hint
    return layout.page(request, title, *parts, status=status)


async def _not_found(request: Request, _: Exception) -> Response:
    return layout.page(request, "Not found", element("h1", "Not found"), status=404)


async def _failed(request: Request, error: Exception) -> Response:
    reason = f"{type(error).__name__}: the page could not be made. Nothing was changed."
    return layout.page(request, "Error", element("h1", "Error"), element("p", reason, class_="bad"), status=500)


__all__ = ["VIEWS", "site"]
