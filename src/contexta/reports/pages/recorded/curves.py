"""Learning curves: one chart for each metric."""

from __future__ import annotations

from contexta.findings.metrics import LearningCurves
from contexta.reports.document.axes import chart_title
from contexta.reports.document.blocks import Curves, Paragraph, Report, Section
from contexta.reports.document.formatting import some_names
from contexta.reports.pages.common import notes, short_names

_SCREEN_CHARTS = 3


def learning_curves(finding: LearningCurves) -> Report:
    """A terminal shows the first charts."""
    names = short_names(finding.run_refs, finding.renamed)
    sections = tuple(
        Section(title=chart_title(chart), blocks=(Curves(chart=chart),), detail=number >= _SCREEN_CHARTS)
        for number, chart in enumerate(finding.charts)
    )
    if not sections:
        sections = (Section(title="", blocks=(Paragraph(text=_nothing(names)),)),)
    return Report(title=f"Curves of {some_names(names, 5)}", sections=(*sections, *notes(finding.completeness_notes)))


def _nothing(names: list[str]) -> str:
    metrics = "No metric has" if len(names) > 1 else f"No metric of {names[0]} has"
    return f"{metrics} more than one point. `contexta show {names[0]}` prints the last values."
