"""One run on a page."""

from __future__ import annotations

from collections.abc import Iterator

from contexta.findings import RUN_LEVEL, RunDetails, StageSummary
from contexta.reports.blocks import Block, Report, Row, Section, Table, Words
from contexta.reports.parts import facts, notes, tone_of
from contexta.reports.words import amount, count, moment, span


def details(found: RunDetails) -> Report:
    told = [f"{note.topic}: {note.text}" for note in found.notes]
    return Report(title=f"Run {found.run_ref.value}", sections=(*run_sections(found), *notes(told)))


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
    yield Section(title="Environment", blocks=(Words(text=about, tone=None if environment else "warn"),))


def _head(found: RunDetails) -> Iterator[Block]:
    ended = f"to {moment(found.ended_at)} UTC, {span(found.duration_seconds)}" if found.ended_at else "UTC, still open"
    yield Words(text=f"{found.status}, {moment(found.started_at)} {ended}", tone=tone_of(found.status))
    if found.description:
        yield Words(text=found.description)
    failure = found.metadata.get("failure")
    if isinstance(failure, dict) and {"type", "message"} <= set(failure):
        yield Words(text=f"Failed with {failure['type']}: {failure['message']}", tone="bad")
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
    status = (Words(text=stage.status, tone=tone_of(stage.status)),) if stage.status else ()
    table = Table(columns=("Metric", ">Last value", ""), rows=tuple(rows))
    return Section(title=title, blocks=(*status, *((table,) if rows else (Words(text="no metrics", tone="quiet"),))))
