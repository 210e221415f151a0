"""Download a report as one HTML file that opens offline."""

from __future__ import annotations

import re

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from contexta.client.contexta import Contexta
from contexta.core.errors import InvalidInput
from contexta.reports import Report, to_html
from contexta.ui.views.artifact_view import SANDBOX


def export(workspace: Contexta, request: Request) -> Response:
    """The report of one run, or of several runs side by side. Parameters: ``run``, once or more often."""
    runs = [name for name in request.query_params.getlist("run") if name]
    if not runs:
        raise InvalidInput("the address names no run", hint="choose one on the page Runs")
    report = _report(workspace, runs)
    name = re.sub(r"[^\w.-]+", "-", "-".join(runs))[:120].strip("-.") or "report"
    headers = {
        "content-security-policy": SANDBOX,
        "content-disposition": f'attachment; filename="{name.encode("ascii", "ignore").decode() or "report"}.html"',
    }
    return HTMLResponse(to_html(report), headers=headers)


def _report(workspace: Contexta, runs: list[str]) -> Report:
    if len(runs) <= 2:
        return workspace.build_run_report(*runs)
    return workspace.build_multi_run_report(runs)


__all__ = ["export"]
