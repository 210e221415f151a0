"""Findings as reports: `report_of` turns a finding into a report, and a writer turns a report into text.

`PAGES` names the function for each type of finding. Every other type is shown field by field.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module

import contexta.core.check_requirements  # noqa: F401  # before the imports that need a recent pydantic
from contexta.core.model import Value
from contexta.findings.runs import RunList
from contexta.reports.document.blocks import (
    Block,
    Bullets,
    Code,
    Curves,
    Level,
    Mark,
    Paragraph,
    Picture,
    Plot,
    Point,
    Report,
    Row,
    Section,
    Table,
)

__all__ = [
    "Block",
    "Bullets",
    "Code",
    "Curves",
    "Level",
    "Mark",
    "Paragraph",
    "Picture",
    "Plot",
    "Point",
    "Report",
    "Row",
    "Section",
    "Table",
    "report_of",
]

# type of finding -> module of contexta.reports.pages and its function
PAGES = {
    "Audit": "checks:audit",
    "Backup": "workspace:backup",
    "BestRun": "metrics:best",
    "BisectPlan": "bisect_plan:plan",
    "BisectReport": "bisect:bisection",
    "BisectStatus": "bisect:study_status",
    "CacheContents": "workspace:cache",
    "Cleanup": "workspace:cleanup",
    "Delivery": "workspace:delivery",
    "Diagnosis": "checks:doctor",
    "EnvironmentDiff": "comparisons:environment_diff",
    "EnvironmentSnapshot": "recorded.environment:environment",
    "Explanation": "explain:explanation",
    "Export": "workspace:export",
    "Gate": "checks:gate",
    "ImportedRuns": "recorded.import_page:imported_runs",
    "IssueDraft": "recorded.issue_page:issue",
    "KeptWheels": "reproduce:kept_wheels",
    "LearningCurves": "recorded.curves:learning_curves",
    "Lineage": "recorded.lineage:lineage",
    "Lock": "reproduce:lock",
    "MetricSeries": "metrics:series",
    "MetricTrend": "metrics:trend",
    "MultiRunComparison": "comparisons:side_by_side",
    "PackageTimeline": "timeline:timeline",
    "Rebuild": "reproduce:rebuild",
    "Reconstruction": "recorded.reconstruction:reconstruction",
    "Rerun": "reproduce:rerun",
    "RunComparison": "comparisons:comparison",
    "RunDetails": "recorded.runs:details",
    "RunDiagnosis": "checks:diagnosis",
    "RunDiff": "comparisons:diff",
    "RunGroups": "recorded.run_groups:run_groups",
    "RunList": "recorded.run_list:run_list",
    "RunSnapshot": "recorded.snapshot:snapshot",
    "SentRuns": "workspace:sent_runs",
    "Site": "recorded.site_pages:site",
    "Upgrade": "workspace:upgrade",
    "Verification": "workspace:verification",
}


def report_of(finding: Value | RunList) -> Report:
    """The report of a finding; a report is its own."""
    if isinstance(finding, Report):
        return finding
    module, _, function = PAGES.get(type(finding).__name__, "any_finding:fields").partition(":")
    report: Report = getattr(import_module(f"contexta.reports.pages.{module}"), function)(finding)
    return report


def to_markdown(finding: Value) -> str:
    from contexta.reports.writers.markdown import markdown

    return markdown(report_of(finding))


def to_html(finding: Value) -> str:
    from contexta.reports.writers.html import page

    return page(report_of(finding))


def to_html_fragment(finding: Value | RunList) -> str:
    from contexta.reports.writers.html import fragment

    return fragment(report_of(finding))


def blocks_to_markdown(blocks: Sequence[Block]) -> str:
    from contexta.reports.writers import markdown

    return markdown.blocks(blocks)
