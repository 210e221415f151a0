"""The points of curves for the script of charts, and their drawing for a browser without scripts."""

from __future__ import annotations

import json
from collections.abc import Sequence
from hashlib import sha256
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from contexta.client.contexta import Contexta
from contexta.core.errors import ContextaError, InvalidInput, NotFound
from contexta.core.validation import to_microseconds
from contexta.findings import RunDetails
from contexta.findings.metrics import Chart
from contexta.reports.document.formatting import finite
from contexta.ui.frame.charts import MOST_RUNS, ChartScale, points_of_metrics
from contexta.ui.frame.elements import element
from contexta.ui.frame.layout import command, page, run_address
from contexta.ui.views.report_view import report_in

_COLUMNS = range(10, 4001)
_REMEMBERED = 64


class CurveCache:
    """The last answers, by what they depend on: a curve of a million points is reduced once."""

    def __init__(self) -> None:
        self._answers: dict[str, bytes] = {}

    def get(self, tag: str) -> bytes | None:
        return self._answers.get(tag)

    def put(self, tag: str, answer: bytes) -> None:
        self._answers[tag] = answer
        while len(self._answers) > _REMEMBERED:
            self._answers.pop(next(iter(self._answers)), None)


def curve_points(workspace: Contexta, request: Request) -> Response:
    """The curves of one metric as JSON, with at most two points for each pixel column: the lowest and the highest.

    An answer has a tag of the number of points, so that a browser asks for a live curve again at no cost.
    """
    try:
        references, metric, columns = _arguments(request)
        scale = ChartScale.of(request.query_params)
        runs = [workspace.get_run(reference) for reference in references]
        counts = [sum(value[1] for value in points_of_metrics(run) if value[0] == metric) for run in runs]
        key = json.dumps([[str(run.run_ref) for run in runs], counts, metric, columns, scale.axis, scale.is_log])
        tag = f'"{sha256((key + scale.smooth).encode()).hexdigest()[:32]}"'
        headers = {"etag": tag, "cache-control": "private, no-cache"}
        if request.headers.get("if-none-match") == tag:
            return Response(status_code=304, headers=headers)
        cache: CurveCache = request.app.state.curves
        answer = cache.get(tag)
        if answer is None:
            answer = json.dumps(_answer(workspace, runs, metric, scale, columns), allow_nan=False).encode()
            cache.put(tag, answer)
    except ContextaError as error:
        return JSONResponse({"error": error.what}, 404 if isinstance(error, NotFound) else 400)
    return Response(answer, media_type="application/json", headers=headers)


def curves(workspace: Contexta, request: Request) -> Response:
    """One metric as a drawing in the page."""
    references, metric, _ = _arguments(request)
    scale = ChartScale.of(request.query_params)
    runs = [workspace.get_run(reference) for reference in references]
    finding = workspace.plot(
        *(str(run.run_ref) for run in runs), metrics=[metric], x=scale.axis, log=scale.is_log, smooth=scale.weight
    )
    names = [run.run_ref.value for run in runs]
    back = element("p", *(element("a", name, href=run_address(name)) for name in names))
    line = f"contexta plot {' '.join(names)} --metric {metric}"
    return page(
        request, metric, element("h1", metric), back, command(line), report_in(element("div"), finding), current="/"
    )


def _arguments(request: Request) -> tuple[list[str], str, int]:
    references = [reference for reference in request.query_params.getlist("run") if reference]
    metric, columns = request.query_params.get("metric", ""), request.query_params.get("columns", "240")
    if not references or not metric:
        raise InvalidInput("the address names no run or no metric", hint="choose a run on the page Runs")
    if len(references) > MOST_RUNS:
        raise InvalidInput(f"{len(references)} runs are selected, and {MOST_RUNS} can be compared")
    if not columns.isdecimal() or len(columns) > 4 or int(columns) not in _COLUMNS:
        raise InvalidInput(f"columns are {_COLUMNS.start} to {_COLUMNS.stop - 1}, not {columns[:20]}")
    return references, metric, int(columns)


def _answer(
    workspace: Contexta, runs: Sequence[RunDetails], metric: str, scale: ChartScale, columns: int
) -> dict[str, Any]:
    references = [str(run.run_ref) for run in runs]
    started = {run.run_ref: to_microseconds(run.started_at) / 1e6 for run in runs}

    def chart(smooth: float) -> Chart:
        curves = workspace.plot(
            *references, metrics=[metric], x=scale.axis, log=scale.is_log, smooth=smooth, columns=columns
        )
        return next((item for item in curves.charts if item.metric == metric), curves.charts[0])

    raw = chart(0.0)
    smoothed = {curve.run_ref: curve for curve in chart(scale.weight).curves} if scale.weight else {}
    curves = []
    for curve in raw.curves:
        points: dict[str, Any] = {
            "run": curve.run_ref.value,
            "name": curve.name,
            "started": started.get(curve.run_ref, 0.0),
            "points": curve.points,
            "not_finite": curve.not_finite,
            **{name: finite(getattr(curve, name)) for name in ("low", "high", "last")},
            "x": list(curve.x),
            "y": list(map(finite, curve.y)),
        }
        if curve.run_ref in smoothed:
            front = smoothed[curve.run_ref]
            points["smooth"] = {"x": list(front.x), "y": list(map(finite, front.y))}
        curves.append(points)
    return {"metric": raw.metric, "axis": raw.axis, "curves": curves}


__all__ = ["CurveCache", "curve_points", "curves"]
