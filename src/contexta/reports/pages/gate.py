"""Whether a run may pass, on a page: for the comment of a build server."""

from __future__ import annotations

from contexta.findings import Gate
from contexta.reports.document.blocks import Paragraph, Report, Row, Section, Table
from contexta.reports.document.formatting import count
from contexta.reports.pages.common import tone_of


def gate(found: Gate) -> Report:
    broken = [rule for rule in found.rules if rule.status != "pass"]
    against = f" against {found.baseline_ref.value}" if found.baseline_ref else ""
    rules = count(len(found.rules), "rule")
    words = f"Passed: {rules}." if found.passed else f"Refused: {len(broken)} of {rules} not met."
    rows = tuple(
        Row(cells=(rule.name, rule.detail, rule.status), tone=tone_of(rule.status))
        for rule in sorted(found.rules, key=lambda rule: rule.status == "pass")
    )
    return Report(
        title=f"Check of {found.run_ref.value}{against}",
        sections=(
            Section(
                title="",
                blocks=(
                    Paragraph(text=words, tone="good" if found.passed else "bad"),
                    Table(columns=("Rule", "", "Status"), rows=rows),
                ),
            ),
        ),
    )
