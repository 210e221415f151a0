"""How far a run can be had again, on a page."""

from __future__ import annotations

from contexta.findings import Audit
from contexta.reports.document.blocks import Paragraph, Report, Row, Section, Table
from contexta.reports.document.formatting import count
from contexta.reports.pages.common import notes, tone_of


def audit(found: Audit) -> Report:
    lines = [
        Paragraph(text=f"Reproducibility: {found.reproducibility_status}", tone=tone_of(found.reproducibility_status))
    ]
    if found.python_version is not None:
        about = f"Python {found.python_version} on {found.platform}, {count(found.package_count, 'package')}, "
        lines.append(Paragraph(text=about + count(found.environment_variable_count, "variable")))
    rows = tuple(
        Row(cells=(check.name, check.detail, check.fix or "", check.status), tone=tone_of(check.status))
        for check in found.checks
    )
    checks = Section(title="Checks", blocks=(Table(columns=("Check", "", "How to fix it", "Status"), rows=rows),))
    return Report(
        title=f"Audit of {found.run_ref.value}",
        sections=(Section(title="", blocks=tuple(lines)), checks, *notes(found.completeness_notes)),
    )
