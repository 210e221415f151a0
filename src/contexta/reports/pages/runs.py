"""One run on a page; and pages of several answers about one or more runs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from contexta.findings import RUN_LEVEL, Audit, MultiRunComparison, RunDetails, RunDiagnosis, RunDiff, StageSummary
from contexta.findings.runs import lost_records
from contexta.reports.document.blocks import Block, Paragraph, Report, Row, Section, Table
from contexta.reports.document.formatting import amount, count, moment, some_names, span
from contexta.reports.pages.audit import audit
from contexta.reports.pages.common import facts, notes, tone_of
from contexta.reports.pages.comparisons import diff, side_by_side
from contexta.reports.pages.queries import issues


def details(found: RunDetails) -> Report:
    told = [f"{note.topic}: {note.text}" for note in found.notes]
    return Report(title=f"Run {found.run_ref.value}", sections=(*run_sections(found), *notes(told)))


def run_report(found: RunDetails, diagnosis: RunDiagnosis, checked: Audit) -> Report:
    """What it is, what stands out, whether it can be had again."""
    head, *rest = run_sections(found)
    reproducible = audit(checked)
    said = Section(title="Can it be had again?", blocks=tuple(part for s in reproducible.sections for part in s.blocks))
    standing = Section(title="What stands out", blocks=issues(diagnosis))
    return Report(title=f"Run {found.run_ref.value}", sections=(head, standing, *rest, said))


def two_run_report(found: RunDiff, left: RunDiagnosis, right: RunDiagnosis) -> Report:
    """What differs between two runs, and what stands out in each."""
    page = diff(found)
    return Report(title=page.title, sections=(*page.sections, *_standing((left, right))))


def multi_run_report(found: MultiRunComparison, diagnoses: Sequence[RunDiagnosis]) -> Report:
    """Several runs side by side, and what stands out in each."""
    page = side_by_side(found)
    return Report(title=page.title, sections=(*page.sections, *_standing(diagnoses)))


def _standing(diagnoses: Sequence[RunDiagnosis]) -> Iterator[Section]:
    return (Section(title=f"What stands out in {each.run_ref.name}", blocks=issues(each)) for each in diagnoses)


def run_sections(found: RunDetails) -> Iterator[Section]:
    """Everything of it but the notes."""
    yield Section(title="", blocks=tuple(_head(found)))
    for stage in found.stages:
        yield _stage(stage)
    if found.params:
        yield Section(title="Parameters", blocks=(facts(found.params),))
    environment = found.environment
    about = "not recorded"
    if environment is not None:
        about = f"Python {environment.python_version} on {environment.platform}, "
        about += count(environment.package_count, "package")
    yield Section(title="Environment", blocks=(Paragraph(text=about, tone=None if environment else "warn"),))


def _head(found: RunDetails) -> Iterator[Block]:
    ended = f"to {moment(found.ended_at)} UTC, {span(found.duration_seconds)}" if found.ended_at else "UTC, still open"
    yield Paragraph(text=f"{found.status}, {moment(found.started_at)} {ended}", tone=tone_of(found.status))
    if found.description:
        yield Paragraph(text=found.description)
    failure = found.metadata.get("failure")
    if isinstance(failure, dict) and {"type", "message"} <= set(failure):
        yield Paragraph(text=f"Failed with {failure['type']}: {failure['message']}", tone="bad")
    if (lost := lost_records(found)) is not None:
        yield Paragraph(text=lost, tone="warn")
    if found.part_of is not None:
        yield Paragraph(text=f"Part of {found.part_of.value}: it began in a process of that run")
    if found.parts:
        yield Paragraph(text=f"Runs that began in its processes: {some_names([part.value for part in found.parts])}")
    if found.tags:
        yield facts({f"tag {key}": value for key, value in found.tags.items()})


def _stage(stage: StageSummary) -> Section:
    rows = []
    for metric in stage.metrics:
        about = f"last of {metric.points}" if metric.points > 1 else ""
        about += f" (step {metric.step})" if metric.step is not None else ""
        name = f"{metric.metric_key} [{metric.slice_ref}]" if metric.slice_ref else metric.metric_key
        rows.append(Row(cells=(name, amount(metric.value), about.strip())))
    title = "Metrics" if stage.stage_name == RUN_LEVEL else f"Stage {stage.stage_name}"
    status = (Paragraph(text=stage.status, tone=tone_of(stage.status)),) if stage.status else ()
    table = Table(columns=("Metric", ">Last value", ""), rows=tuple(rows))
    return Section(
        title=title, blocks=(*status, *((table,) if rows else (Paragraph(text="no metrics", tone="quiet"),)))
    )
