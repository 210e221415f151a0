"""Answers as pages: how each finding is told, and how a page is written as Markdown and as HTML.

``report_of`` is the one door: what has a page is listed here, with the function that tells it.
"""

from __future__ import annotations

from importlib import import_module

import contexta.asking  # noqa: F401  # the gate: before what may be too old
from contexta.reports.blocks import Block, Code, Level, List, Mark, Plot, Point, Report, Row, Section, Table, Words
from contexta.values import Value

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
    "Audit": "contexta.reports.audit:audit",
    "BestRun": "contexta.reports.questions:best",
    "EnvironmentSnapshot": "contexta.reports.environment:environment",
    "Gate": "contexta.reports.gate:gate",
    "BisectPlan": "contexta.reports.bisect:plan",
    "BisectReport": "contexta.reports.bisect:bisection",
    "Explanation": "contexta.reports.explain:explanation",
    "EnvironmentDiff": "contexta.reports.comparisons:environment_diff",
    "Lineage": "contexta.reports.questions:lineage",
    "MetricTrend": "contexta.reports.questions:trend",
    "MultiRunComparison": "contexta.reports.comparisons:side_by_side",
    "PackageTimeline": "contexta.reports.explain:timeline",
    "RunComparison": "contexta.reports.comparisons:comparison",
    "RunDetails": "contexta.reports.runs:details",
    "RunDiagnosis": "contexta.reports.questions:diagnosis",
    "RunDiff": "contexta.reports.comparisons:diff",
    "RunSnapshot": "contexta.reports.questions:snapshot",
}


def report_of(finding: Value) -> Report:
    """How an answer is told on a page: as its own page does, else field by field. A page is its own."""
    if isinstance(finding, Report):
        return finding
    home = PAGES.get(type(finding).__name__, "contexta.reports.plain:plain")
    module, _, name = home.partition(":")
    report: Report = getattr(import_module(module), name)(finding)
    return report
