"""Answers as pages: how each finding is told, and how a page is written as Markdown and as HTML.

``report_of`` is the one door: what has a page is listed here, with the function that tells it.
"""

from __future__ import annotations

from importlib import import_module

import contexta.core.check_requirements  # noqa: F401  # the gate: before what may be too old
from contexta.core.model import Value
from contexta.reports.blocks import Block, Code, Level, List, Mark, Plot, Point, Report, Row, Section, Table, Words

__all__ = [
    "Block",
    "Code",
    "Level",
    "List",
    "Mark",
    "Plot",
    "Point",
    "Report",
    "Row",
    "Section",
    "Table",
    "Words",
    "report_of",
]

# finding -> module:function that makes a Report of it
PAGES = {
    "Audit": "contexta.reports.pages.audit:audit",
    "BestRun": "contexta.reports.pages.queries:best",
    "EnvironmentSnapshot": "contexta.reports.pages.environment:environment",
    "Gate": "contexta.reports.pages.gate:gate",
    "BisectPlan": "contexta.reports.pages.bisect:plan",
    "BisectReport": "contexta.reports.pages.bisect:bisection",
    "Explanation": "contexta.reports.pages.explain:explanation",
    "EnvironmentDiff": "contexta.reports.pages.comparisons:environment_diff",
    "Lineage": "contexta.reports.pages.queries:lineage",
    "MetricTrend": "contexta.reports.pages.queries:trend",
    "MultiRunComparison": "contexta.reports.pages.comparisons:side_by_side",
    "PackageTimeline": "contexta.reports.pages.explain:timeline",
    "RunComparison": "contexta.reports.pages.comparisons:comparison",
    "RunDetails": "contexta.reports.pages.runs:details",
    "RunDiagnosis": "contexta.reports.pages.queries:diagnosis",
    "RunDiff": "contexta.reports.pages.comparisons:diff",
    "RunSnapshot": "contexta.reports.pages.queries:snapshot",
}


def report_of(finding: Value) -> Report:
    """How an answer is told on a page: as its own page does, else field by field. A page is its own."""
    if isinstance(finding, Report):
        return finding
    home = PAGES.get(type(finding).__name__, "contexta.reports.pages.any_finding:plain")
    module, _, name = home.partition(":")
    report: Report = getattr(import_module(module), name)(finding)
    return report
