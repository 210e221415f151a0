"""What is asked of many runs, or of all that lies below one, on pages."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from contexta.findings import (
    BestRun,
    Change,
    Lineage,
    LineageStep,
    MetricTrend,
    RunDiagnosis,
    RunSnapshot,
    SnapshotRecord,
    TrendPoint,
)
from contexta.reports.document.blocks import Block, Mark, Paragraph, Plot, Point, Report, Row, Section, Table
from contexta.reports.document.formatting import amount, count, moment
from contexta.reports.pages.common import notes, short_names, tone_of

_MOST_NAMED = 4  # changes of one run that are named beside it


def snapshot(found: RunSnapshot) -> Report:
    run = found.run
    ended = moment(run.ended_at) or "still open"
    head = Paragraph(text=f"{run.status}, {moment(run.started_at)} to {ended} UTC", tone=tone_of(run.status))
    executed = [("stage", each.stage_name, each.status, each.started_at) for each in found.stages]
    executed += [("batch", each.batch_name, each.status, each.started_at) for each in found.batches]
    executed += [("deployment", each.deployment_name, each.status, each.started_at) for each in found.deployments]
    parts = [Row(cells=(kind, name, moment(at), status), tone=tone_of(status)) for kind, name, status, at in executed]
    parts += [Row(cells=("sample", each.sample_name, moment(each.observed_at), "")) for each in found.samples]
    parts += [
        Row(cells=("artifact", each.location_ref, moment(each.created_at), each.artifact_kind))
        for each in found.artifacts
    ]
    sections = [Section(title="", blocks=(head,))]
    if parts:
        columns = ("", "Name", "Since (UTC)", "")
        sections.append(Section(title="What it is made of", blocks=(Table(columns=columns, rows=tuple(parts)),)))
    if found.records:
        titles = ("Record", "Key", "Stage", ">Step", "Value", "")
        table = Table(columns=titles, rows=tuple(map(_record, found.records)))
        sections.append(Section(title="Records", blocks=(table,)))
    return Report(title=f"Snapshot of {run.run_ref.value}", sections=(*sections, *notes(found.completeness_notes)))


def _record(record: SnapshotRecord) -> Row:
    key = f"{record.key} [{record.slice_ref}]" if record.slice_ref else record.key
    value = record.value if isinstance(record.value, str) else amount(record.value)
    stage = record.stage_id.name if record.stage_id else ""
    step = "" if record.step is None else str(record.step)
    tone = "warn" if record.record_type == "degraded" else None
    return Row(cells=(record.record_type, key, stage, step, value, record.detail or ""), tone=tone)


def diagnosis(found: RunDiagnosis) -> Report:
    sections = (Section(title="", blocks=issues(found)), *notes(found.completeness_notes))
    return Report(title=f"Diagnosis of {found.run_ref.value}", sections=sections)


def issues(found: RunDiagnosis) -> tuple[Block, ...]:
    """What stands out in one run; a sentence where nothing does."""
    if not found.issues:
        return (Paragraph(text="Nothing stands out.", tone="good"),)
    fixes = any(issue.fix for issue in found.issues)
    rows = tuple(
        Row(
            cells=(
                issue.severity,
                issue.summary,
                issue.subject_ref or "",
                *((issue.fix or "",) if fixes else ()),
                issue.code,
            ),
            tone=tone_of(issue.severity),
        )
        for issue in found.issues
    )
    return (Table(columns=("", "What", "Where", *(("How to fix it",) if fixes else ()), "Code"), rows=rows),)


def lineage(found: Lineage) -> Report:
    rows = tuple(
        Row(cells=(str(edge.depth), edge.source_ref, edge.relation_type, edge.target_ref, _authority(edge)))
        for edge in found.edges
    )
    head = Paragraph(
        text=f"{found.direction}: {count(len(found.edges), 'edge')}, {count(len(found.visited_refs), 'thing')}"
    )
    table = Table(columns=(">Depth", "From", "", "To", "Who says so"), rows=rows)
    sections = (Section(title="", blocks=(head, *((table,) if rows else ()))), *notes(found.completeness_notes))
    return Report(title=f"Lineage of {found.root_ref}", sections=sections)


def _authority(edge: LineageStep) -> str:
    return f"{edge.origin}, {edge.confidence}" if edge.relation_ref else "follows from what was put"


def best(found: BestRun) -> Report:
    metric = f"{found.stage_name}/{found.metric_key}" if found.stage_name else found.metric_key
    way = "highest" if found.higher_is_better else "lowest"
    said = f"{found.run_ref} has the {way} {metric}: {amount(found.value)}"
    said = said if found.run_ref else f"No run has a finite {metric}."
    names = short_names([each.run_ref for each in found.candidates])
    rows = tuple(
        Row(cells=("-" if each.rank is None else str(each.rank), name, amount(each.value), each.status))
        for each, name in zip(found.candidates, names, strict=True)
    )
    table = Table(columns=(">Rank", "Run", f">{metric}", ""), rows=rows)
    return Report(
        title=f"Best by {metric}",
        sections=(Section(title="", blocks=(Paragraph(text=said), table)), *notes(found.completeness_notes)),
    )


def trend(found: MetricTrend) -> Report:
    metric = f"{found.stage_name}/{found.metric_key}" if found.stage_name else found.metric_key
    names = short_names([point.run_ref for point in found.points])
    blocks: tuple[Block, ...] = ()
    if found.points:
        before = ["", *(changed(point.changes) for point in found.points[1:])]
        rows = tuple(
            Row(cells=(name, moment(point.started_at), amount(point.value), about, point.status))
            for point, name, about in zip(found.points, names, before, strict=True)
        )
        columns = ("Run", "Started (UTC)", f">{metric}", "Changed before it", "")
        blocks = (plot(metric, found.points, names), Table(columns=columns, rows=rows))
    return Report(
        title=f"{metric} over {count(len(found.points), 'run')}",
        sections=(Section(title="", blocks=blocks), *notes(found.completeness_notes)),
    )


def plot(metric: str, points: Sequence[TrendPoint], names: Sequence[str]) -> Plot:
    """The metric over runs, with what changed between them marked."""
    return Plot(
        title=metric,
        points=tuple(
            Point(label=name, value=point.value, about=f"{moment(point.started_at)} UTC, {point.status}")
            for point, name in zip(points, names, strict=True)
        ),
        marks=tuple(Mark(at=at, label=changed(point.changes)) for at, point in enumerate(points) if point.changes),
    )


def changed(changes: Iterable[Change] | None) -> str:
    """The first few by name, the rest counted; ``unknown`` where that is so."""
    if changes is None:
        return "unknown"
    named = [str(change) for change in changes]
    more = f", and {len(named) - _MOST_NAMED} more" if len(named) > _MOST_NAMED else ""
    return ", ".join(named[:_MOST_NAMED]) + more
