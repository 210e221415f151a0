"""Lists of checks: audit of an environment, gate for a build server, diagnosis of a run, doctor of a workspace."""

from __future__ import annotations

from collections.abc import Iterable

from contexta.findings import Audit, Check, Diagnosis, Gate, RunDiagnosis
from contexta.reports.document.blocks import Block, Paragraph, Report, Row, Section, Table
from contexta.reports.document.formatting import count
from contexta.reports.pages.common import notes, python_and_platform, run_label, tone_of, with_hint


def audit(finding: Audit) -> Report:
    sections = (Section(title="", blocks=audit_blocks(finding)), *notes(audit_notes(finding)))
    return Report(title=f"Audit of {run_label(finding.run_ref, finding.renamed)}", sections=sections)


def audit_blocks(finding: Audit) -> tuple[Block, ...]:
    is_missing = finding.reproducibility_status == "missing"
    tone = tone_of("missing" if is_missing else finding.worst)
    paragraphs = [Paragraph(text=f"Reproducibility: {finding.headline}", tone=tone)]
    if finding.python_version is not None:
        packages = count(finding.package_count, "package")
        variables = count(finding.environment_variable_count, "variable")
        interpreter = python_and_platform(finding.python_version, finding.platform)
        paragraphs.append(Paragraph(text=f"{interpreter}, {packages}, {variables}"))
    return (*paragraphs, _checks(finding.checks))


def audit_notes(finding: Audit) -> list[str]:
    """The notes that do not only repeat a check."""
    checks = {f"{check.name}: {check.detail}" for check in finding.checks}
    return [note for note in finding.completeness_notes if note not in checks]


def gate(finding: Gate) -> Report:
    """Rules that do not hold come first."""
    baseline = f" against {run_label(finding.baseline_ref, finding.renamed)}" if finding.baseline_ref else ""
    failed = sum(rule.status != "pass" for rule in finding.rules)
    rules = count(len(finding.rules), "rule")
    verdict = f"passed: {rules}" if finding.passed else f"failed: {failed} of {rules}"
    rows = tuple(
        Row(cells=(rule.status, rule.name, rule.detail), tone=tone_of(rule.status))
        for rule in sorted(finding.rules, key=lambda rule: rule.status == "pass")
    )
    blocks = (
        Paragraph(text=verdict, tone="good" if finding.passed else "bad"),
        Table(columns=("Status", "Rule", "Detail"), rows=rows),
    )
    title = f"Check of {run_label(finding.run_ref, finding.renamed)}{baseline}"
    return Report(title=title, sections=(Section(title="", blocks=blocks),))


def diagnosis(finding: RunDiagnosis) -> Report:
    sections = (Section(title="", blocks=issues(finding)), *notes(finding.completeness_notes))
    return Report(title=f"Diagnosis of {run_label(finding.run_ref, finding.renamed)}", sections=sections)


def issues(finding: RunDiagnosis) -> tuple[Block, ...]:
    """The problems of one run, most severe first."""
    if not finding.issues:
        return (Paragraph(text="no problems found", tone="good"),)
    rows = tuple(
        Row(
            cells=(issue.severity, with_hint(issue.summary, issue.fix), issue.subject_ref or "", issue.code),
            tone=tone_of(issue.severity),
        )
        for issue in finding.issues
    )
    table = Table(columns=("Severity", "Problem", "Where", "Code"), rows=rows)
    return (Paragraph(text=f"{count(len(rows), 'problem')} found"), table)


def doctor(finding: Diagnosis) -> Report:
    section = Section(title="", blocks=(_checks(finding.checks),))
    return Report(title=f"Workspace {finding.workspace}", sections=(section,))


def _checks(checks: Iterable[Check]) -> Table:
    rows = tuple(
        Row(
            cells=(check.status, check.name, with_hint(check.detail, check.fix if check.status != "pass" else None)),
            tone=tone_of(check.status),
        )
        for check in checks
    )
    return Table(columns=("Status", "Check", "Detail"), rows=rows)
