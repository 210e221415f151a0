"""The plan of a bisect: the changes to try and the expected cost."""

from __future__ import annotations

from contexta.findings.bisect import BisectPlan
from contexta.reports.document.blocks import Paragraph, Report, Row, Section, Table
from contexta.reports.document.formatting import count, span
from contexta.reports.pages.common import notes


def plan(finding: BisectPlan) -> Report:
    groups = {key: " + ".join(group) for group in finding.atoms for key in group}
    rows = tuple(
        Row(
            cells=(
                change.key,
                change.left_value or "-",
                change.right_value or "-",
                f"{finding.prior[groups[change.key]]:.0%}",
                groups[change.key] if groups[change.key] != change.key else "",
                ", ".join(finding.needs.get(groups[change.key], ())),
            )
        )
        for change in finding.changes
    )
    table = Table(columns=("Change", "OLD", "NEW", ">Suspicion", "Only together", "Requires"), rows=rows)
    changes = Section(title="Changes", blocks=(Paragraph(text=count(len(rows), "change")), table))
    sections = (Section(title="", blocks=(Paragraph(text=expected_cost(finding)),)), changes)
    return Report(title="Plan of a bisect", sections=(*sections, *notes(finding.notes)))


def expected_cost(finding: BisectPlan) -> str:
    """The cost if a single change is the cause and the metric has no noise."""
    if not finding.changes:
        return "OLD and NEW differ in nothing that is compared: nothing would run."
    duration = "duration unknown" if finding.expected_seconds is None else f"about {span(finding.expected_seconds)}"
    return (
        f"About {_mixes(finding.expected_probes)} to try, {count(finding.expected_runs, 'run')} in total without noise "
        f"({duration}); at most {finding.max_runs} runs."
    )


def _mixes(number: float) -> str:
    return "1 mix" if number == 1 else f"{number:g} mixes"
