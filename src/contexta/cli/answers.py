"""Answers about many runs, or about all that lies below one, on a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from rich.text import Text

from contexta.cli.layout import columns, note_lines, short, short_names, status_word, words
from contexta.cli.words import amount, count, moment
from contexta.contract import DeploymentExecution
from contexta.findings import BestRun, Lineage, MetricTrend, RunDiagnosis, RunSnapshot, SnapshotRecord
from contexta.reports import Report
from contexta.reports.document.formatting import sparkline
from contexta.reports.pages.queries import changed

_SHOWN = 30  # records on a screen; --json has all
_STYLES = {"error": "red", "warning": "yellow", "info": "dim"}


def snapshot(found: RunSnapshot) -> Iterator[Any]:
    run = found.run
    yield Text.assemble((run.run_ref.value, "bold"), "  ", status_word(run.status))
    table = columns("", "Name", "Since (UTC)", "")
    for stage in found.stages:
        table.add_row("stage", words(stage.stage_name), moment(stage.started_at), status_word(stage.status))
    for batch in found.batches:
        table.add_row("batch", words(batch.batch_name), moment(batch.started_at), status_word(batch.status))
    for sample in found.samples:
        table.add_row("sample", words(sample.sample_name), moment(sample.observed_at), "")
    for artifact in found.artifacts:
        name = words(short(artifact.location_ref, 60))
        table.add_row("artifact", name, moment(artifact.created_at), words(artifact.artifact_kind))
    for each in found.deployments:
        table.add_row("deployment", words(each.deployment_name), moment(each.started_at), status_word(each.status))
    if table.row_count:
        yield Text()
        yield table
    if found.records:
        yield Text()
        yield from _records(found.records)
    yield from note_lines(found.completeness_notes)


def _records(records: Sequence[SnapshotRecord]) -> Iterator[Any]:
    table = columns("Record", "Key", "Stage", ">Step", "Value", "")
    for record in records[:_SHOWN]:
        key = f"{record.key} [{record.slice_ref}]" if record.slice_ref else record.key
        value = short(record.value, 60) if isinstance(record.value, str) else amount(record.value)
        step = "" if record.step is None else str(record.step)
        stage = record.stage_id.name if record.stage_id else ""
        table.add_row(record.record_type, words(key), stage, step, words(value), words(record.detail or "", "dim"))
    yield table
    if len(records) > _SHOWN:
        yield Text(f"and {len(records) - _SHOWN} more records; --json lists all", "dim")


def diagnosis(found: RunDiagnosis) -> Iterator[Any]:
    if not found.issues:
        yield Text.assemble((found.run_ref.value, "bold"), "  no problems found")
    else:
        yield Text.assemble((found.run_ref.value, "bold"), f"  {count(len(found.issues), 'thing')} to look at")
        yield Text()
        table = columns("", "", "")
        for issue in found.issues:
            about = words(short(issue.summary, 400))
            if issue.fix:
                about.append(f"\nfix: {issue.fix}", "dim")
            table.add_row(Text(issue.severity, _STYLES[issue.severity]), Text(issue.code), about)
        yield table
    yield from note_lines(found.completeness_notes)


def lineage(found: Lineage) -> Iterator[Any]:
    yield Text.assemble((str(found.root_ref), "bold"), f"  {found.direction}, {count(len(found.edges), 'edge')}")
    if found.edges:
        yield Text()
        table = columns(">", "From", "", "To", "")
        for edge in found.edges:
            about = words(f"{edge.origin}, {edge.confidence}" if edge.relation_ref else "", "dim")
            table.add_row(str(edge.depth), edge.source_ref, words(edge.relation_type, "dim"), edge.target_ref, about)
        yield table
    yield from note_lines(found.completeness_notes)


def best(found: BestRun) -> Iterator[Any]:
    metric = f"{found.stage_name}/{found.metric_key}" if found.stage_name else found.metric_key
    way = "highest" if found.higher_is_better else "lowest"
    if found.run_ref is None:
        yield words(f"No run has a finite {metric}.")
    else:
        yield Text.assemble((found.run_ref.value, "bold"), words(f"  has the {way} {metric}: {amount(found.value)}"))
    if found.candidates:
        yield Text()
        table = columns(">Rank", "Run", f">{metric}", "")
        names = short_names([each.run_ref for each in found.candidates])
        for each, name in list(zip(found.candidates, names, strict=True))[:_SHOWN]:
            rank = "-" if each.rank is None else str(each.rank)
            table.add_row(rank, name, amount(each.value), status_word(each.status))
        yield table
        if len(found.candidates) > _SHOWN:
            yield Text(f"and {len(found.candidates) - _SHOWN} more runs; --json lists all", "dim")
    yield from note_lines(found.completeness_notes)


def trend(found: MetricTrend) -> Iterator[Any]:
    metric = f"{found.stage_name}/{found.metric_key}" if found.stage_name else found.metric_key
    yield Text.assemble((metric, "bold"), f"  over {count(len(found.points), 'run')}")
    if found.points:
        yield Text(sparkline([point.value for point in found.points[-60:]]))
        yield Text()
        table = columns("Run", "Started (UTC)", f">{metric}", "Changed before it")
        names = short_names([point.run_ref for point in found.points])
        for number, (point, name) in enumerate(zip(found.points, names, strict=True)):
            about = words(changed(point.changes) if number else "", "dim" if point.changes is None else "")
            table.add_row(name, moment(point.started_at), amount(point.value), about)
        yield table
    yield from note_lines(found.completeness_notes)


def deployments(found: Sequence[DeploymentExecution]) -> Iterator[Any]:
    if not found:
        yield Text("No deployments.")
        return
    table = columns("Deployment", "Name", "Status", "Since (UTC)", "Runs")
    for each in found:
        runs = each.artifact_ref or each.run_ref or each.environment_snapshot_ref or ""
        name = words(each.deployment_name)
        table.add_row(
            each.deployment_execution_ref.value, name, status_word(each.status), moment(each.started_at), runs
        )
    yield table


def markdown(found: Report) -> Iterator[Any]:
    yield Text(found.to_markdown().rstrip("\n"))
