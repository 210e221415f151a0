"""Data that the scripts ask for: completions, names and small curves."""

from __future__ import annotations

from time import monotonic
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from contexta.client.contexta import Contexta
from contexta.core.errors import ContextaError
from contexta.findings.runs import RunList
from contexta.reports.document.formatting import finite
from contexta.store.query.completion import quoted
from contexta.ui.frame.layout import NAVIGATION, run_address

_MOST_RUNS = 60
_MOST_FOUND = 12
_POINTS = 42
_SECONDS = 0.25


def complete(workspace: Contexta, request: Request) -> Response:
    """Suggestions for the written part of the filter."""
    start, suggestions = workspace.complete_query(request.query_params.get("text", ""))
    return JSONResponse({"start": start, "suggestions": suggestions})


def sparks(workspace: Contexta, request: Request) -> Response:
    """Run -> its reduced curve of a metric: steps, and values or null. Runs beyond the time limit are left out."""
    metric = request.query_params.get("metric", "")
    until = monotonic() + _SECONDS
    curves: dict[str, Any] = {}
    for name in request.query_params.getlist("run")[:_MOST_RUNS]:
        if curves and monotonic() > until:
            break
        try:
            series = workspace.metric_series(name, metric, points=_POINTS)
        except ContextaError:
            curves[name] = None
            continue
        places = [bucket.first if bucket.step is None else bucket.step for bucket in series.buckets]
        curves[name] = [places, [finite(bucket.last) for bucket in series.buckets]]
    return JSONResponse(curves)


def go_to(workspace: Contexta, request: Request) -> Response:
    """Pages and the latest runs with a text in their names: the titles and the addresses."""
    text = request.query_params.get("text", "").strip()
    pages = [(name, path) for name, path in NAVIGATION if name.casefold().startswith(text.casefold())]
    where = f"name contains {quoted(text)} or run contains {quoted(text)}" if text else None
    try:
        runs = workspace.list_runs(where=where, limit=_MOST_FOUND)
    except ContextaError:  # a text that no name can have
        runs = RunList()
    return JSONResponse([*pages, *((run.label, run_address(run.run_ref.value)) for run in runs)])


__all__ = ["complete", "go_to", "sparks"]
