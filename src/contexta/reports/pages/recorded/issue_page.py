"""A draft for the issue tracker of a package."""

from __future__ import annotations

from collections.abc import Iterator

from contexta.findings import IssueDraft, SideVersions
from contexta.reports.document.blocks import Block, Paragraph, Report, Row, Section, Table
from contexta.reports.document.formatting import amount, count
from contexta.reports.pages.common import metric_name, notes, short_names


def issue(finding: IssueDraft) -> Report:
    left, right = short_names((finding.old.run_ref, finding.new.run_ref), finding.renamed)
    sections = [Section(title="Metrics", blocks=(_metrics(finding, left, right),))] if finding.metrics else []
    sections.append(Section(title="Changed packages", blocks=tuple(_changes(finding, left, right))))
    for name, side in ((left, finding.old), (right, finding.new)):
        sections.append(Section(title=f"Versions in {name}", blocks=tuple(_versions(side))))
    title = f"Different results between {left} and {right}"
    return Report(title=title, sections=(*sections, *notes(finding.completeness_notes)))


def _metrics(finding: IssueDraft, left: str, right: str) -> Table:
    rows = (
        Row(
            cells=(
                metric_name(delta.stage_name, delta.metric_key, delta.slice_ref),
                amount(delta.left_value),
                amount(delta.right_value),
            )
        )
        for delta in finding.metrics
    )
    return Table(columns=("Metric", f">{left}", f">{right}"), rows=tuple(rows))


def _changes(finding: IssueDraft, left: str, right: str) -> Iterator[Block]:
    rows = tuple(
        Row(
            cells=(
                change.key,
                change.left_value or "absent",
                change.right_value or "absent",
                change.label or f"unknown: {change.reason}",
            ),
            url=change.url,
        )
        for change in finding.changes
    )
    if rows:
        yield Table(columns=("Package", left, right, "Release notes"), rows=rows)
    else:
        yield Paragraph(text="no package changed that was recorded")


def _versions(side: SideVersions) -> Iterator[Block]:
    if side.versions:
        yield Table(columns=("", "Version"), rows=tuple(Row(cells=pair) for pair in side.versions.items()))
        if side.others:
            yield Paragraph(text=f"and {count(side.others, 'package')} that no run imported", tone="quiet")
    else:
        yield Paragraph(text="no environment was recorded", tone="warn")
