"""Pages of runs: the report of `contexta show`, with learning curves, source and output."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from contexta.findings import (
    Audit,
    Excerpt,
    LearningCurves,
    MultiRunComparison,
    RunDetails,
    RunDiagnosis,
    RunDiff,
    RunEvidence,
)
from contexta.reports.document.blocks import Block, Bullets, Code, Curves, Paragraph, Picture, Report, Section
from contexta.reports.document.formatting import count
from contexta.reports.pages.checks import audit_blocks, audit_notes, issues
from contexta.reports.pages.common import notes
from contexta.reports.pages.comparisons import diff, side_by_side
from contexta.reports.pages.recorded.runs import details, notes_of, sections_of


def run_page(
    finding: RunDetails, curves: LearningCurves, evidence: RunEvidence, pictures: Sequence[Picture] = ()
) -> Report:
    """One run with its curves, its images, its uncommitted changes and its output."""
    head, *rest = _for_page(finding, evidence)
    lines = (*notes_of(finding), *evidence.completeness_notes)
    shown = (*_curve_sections(curves), *_picture_sections(pictures))
    sections = (head, *shown, *rest, *_evidence(evidence), *notes(lines))
    return Report(title=details(finding).title, sections=sections)


def run_report(
    finding: RunDetails,
    curves: LearningCurves,
    evidence: RunEvidence,
    diagnosis: RunDiagnosis,
    audit: Audit,
    pictures: Sequence[Picture] = (),
) -> Report:
    """The page of a run with its problems, and whether its environment can be rebuilt."""
    head, *rest = _for_page(finding, evidence)
    lines = (*notes_of(finding), *audit_notes(audit), *evidence.completeness_notes)
    sections = (
        head,
        Section(title="Problems", blocks=issues(diagnosis)),
        *_curve_sections(curves),
        *_picture_sections(pictures),
        *rest,
        Section(title="Can it be rebuilt?", blocks=audit_blocks(audit)),
        *_evidence(evidence),
        *notes(lines),
    )
    return Report(title=details(finding).title, sections=sections)


def two_run_report(finding: RunDiff, curves: LearningCurves, diagnoses: Sequence[RunDiagnosis]) -> Report:
    """The differences between two runs, their curves, and the problems of each."""
    return with_curves(diff(finding), curves, diagnoses)


def multi_run_report(finding: MultiRunComparison, curves: LearningCurves, diagnoses: Sequence[RunDiagnosis]) -> Report:
    """Several runs side by side, their curves, and the problems of each."""
    return with_curves(side_by_side(finding), curves, diagnoses)


def with_curves(page: Report, curves: LearningCurves, diagnoses: Sequence[RunDiagnosis] = ()) -> Report:
    """A page with curves after the metrics, or after its first section, and the problems of each run at its end."""
    titles = [section.title for section in page.sections]
    place = titles.index("Metrics") + 1 if "Metrics" in titles else 1
    problems = (
        Section(title=f"Problems of {diagnosis.run_ref.name}", blocks=issues(diagnosis)) for diagnosis in diagnoses
    )
    sections = (*page.sections[:place], *_curve_sections(curves), *page.sections[place:], *problems)
    return Report(title=page.title, sections=sections)


def _for_page(finding: RunDetails, evidence: RunEvidence) -> Iterator[Section]:
    """The sections of a run; on a page a command is code, and the output follows in full."""
    for section in sections_of(finding):
        if section.title == "Command":
            texts = [block.text for block in section.blocks if isinstance(block, Paragraph)]
            yield Section(title=section.title, blocks=tuple(Code(text=text) for text in texts))
        elif section.title != "Output" or not evidence.outputs:
            yield section


def _curve_sections(curves: LearningCurves) -> Iterator[Section]:
    blocks: list[Block] = [Curves(chart=chart) for chart in curves.charts]
    if curves.completeness_notes:
        blocks.append(Bullets(items=curves.completeness_notes, tone="quiet"))
    if blocks:
        yield Section(title="Curves", blocks=tuple(blocks), page_only=True)


def _picture_sections(pictures: Sequence[Picture]) -> Iterator[Section]:
    if pictures:
        yield Section(title="Images", blocks=tuple(pictures), page_only=True)


def _evidence(evidence: RunEvidence) -> Iterator[Section]:
    """The patch, and the end of each output."""
    patch = evidence.patch
    if patch is not None:
        blocks: list[Block] = [Paragraph(text=f"{count(len(evidence.patched_files), 'file')} with uncommitted changes")]
        if len(evidence.patched_files) > 1:
            blocks.append(Bullets(items=evidence.patched_files))
        blocks.append(Code(text=patch.text, is_patch=True))
        if patch.omitted_lines:
            text = f"The last {patch.omitted_lines} of {patch.lines} lines are left out."
            blocks.append(Paragraph(text=text, tone="quiet"))
        yield Section(title="Uncommitted changes", blocks=tuple(blocks), page_only=True)
    for output in evidence.outputs:
        yield Section(title=f"Output: {output.title}", blocks=tuple(_output(output, evidence)), page_only=True)


def _output(output: Excerpt, evidence: RunEvidence) -> Iterator[Block]:
    if output.is_unfinished:
        text = "The last lines so far: the whole output is stored when the command ends."
        yield Paragraph(text=text, tone="quiet")
    if output.omitted_lines:
        stream = " --stderr" if output.title == "stderr" else ""
        text = (
            f"The first {output.omitted_lines} of {output.lines} lines are left out; "
            f"`contexta log {evidence.run_ref.name}{stream}` prints all."
        )
        yield Paragraph(text=text, tone="quiet")
    yield Code(text=output.text) if output.text.strip() else Paragraph(text="no output", tone="quiet")
