"""Everything that is stored of one run."""

from __future__ import annotations

from collections.abc import Iterator

from contexta.findings import RunSnapshot, SnapshotRecord
from contexta.reports.document.blocks import Paragraph, Report, Row, Section, Table
from contexta.reports.document.formatting import amount, moment
from contexta.reports.pages.common import notes, record_detail, record_tone, run_label, tone_of


def snapshot(finding: RunSnapshot) -> Report:
    run = finding.run
    times = (
        f"{moment(run.started_at)} to {moment(run.ended_at)} UTC"
        if run.ended_at
        else f"since {moment(run.started_at)} UTC"
    )
    sections = [Section(title="", blocks=(Paragraph(text=f"{run.status}, {times}", tone=tone_of(run.status)),))]
    if entities := tuple(_entities(finding)):
        table = Table(columns=("Kind", "Name", "Since (UTC)", "Status"), rows=entities)
        sections.append(Section(title="Contents", blocks=(table,)))
    if finding.records:
        records = sorted(finding.records, key=lambda record: record.record_type == "metric")  # there are many metrics
        columns = ("Record", "Key", "Stage", ">Step", "Value", "Detail")
        table = Table(columns=columns, rows=tuple(map(_record, records)), screen_rows=30)
        sections.append(Section(title="Records", blocks=(table,)))
    return Report(
        title=f"Snapshot of {run_label(run.run_ref, finding.renamed)}",
        sections=(*sections, *notes(finding.completeness_notes)),
    )


def _entities(finding: RunSnapshot) -> Iterator[Row]:
    executions = [("stage", stage.stage_name, stage.started_at, stage.status) for stage in finding.stages]
    executions += [("batch", batch.batch_name, batch.started_at, batch.status) for batch in finding.batches]
    executions += [("deployment", d.deployment_name, d.started_at, d.status) for d in finding.deployments]
    for kind, name, started_at, status in executions:
        yield Row(cells=(kind, name, moment(started_at), status), tone=tone_of(status))
    for sample in finding.samples:
        yield Row(cells=("sample", sample.sample_name, moment(sample.observed_at), ""))
    for operation in finding.operations:
        yield Row(cells=("operation", operation.operation_name, moment(operation.observed_at), ""))
    for artifact in finding.artifacts:
        place = "" if artifact.location_ref.startswith("object:") else f" at {artifact.location_ref}"
        cells = ("artifact", f"{artifact.name}{place}", moment(artifact.created_at), artifact.artifact_kind)
        yield Row(cells=cells)
    for edge in finding.relations:
        name = f"{edge.source_ref} -> {edge.target_ref}"
        yield Row(cells=("relation", name, moment(edge.recorded_at), edge.relation_type))


def _record(record: SnapshotRecord) -> Row:
    key = f"{record.key} [{record.slice_ref}]" if record.slice_ref else record.key
    value = record.value if isinstance(record.value, str) else amount(record.value)
    unit = "s" if record.record_type == "span" else record.unit
    stage = record.stage_id.name if record.stage_id else ""
    step = "" if record.step is None else str(record.step)
    cells = (record.record_type, key, stage, step, f"{value} {unit}" if unit else value, record_detail(record))
    return Row(cells=cells, tone=record_tone(record))
