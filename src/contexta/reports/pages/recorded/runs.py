"""One run in detail, and reports about one or several runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from contexta.findings import (
    RUN_LEVEL,
    Artifact,
    RunDetails,
    StageSummary,
)
from contexta.findings.reproduction import RECONSTRUCTED, expected_metrics, uncertain_packages
from contexta.findings.runs import IMPORTED, MIRRORED, SETTINGS, imported_from, lost_records
from contexta.reports.document.blocks import Block, Paragraph, Report, Row, Section, Table
from contexta.reports.document.formatting import amount, count, moment, short_digest, size, some_names, span
from contexta.reports.pages.common import (
    as_text,
    branch_of,
    facts,
    marks_of,
    notes,
    python_and_platform,
    record_detail,
    record_tone,
    tone_of,
)

_UNOBSERVED = ("environment", "process")  # topics of notes about missing observations; they come first
_MOST_EVENTS = 20  # of one run on a screen
_MOST_TABLES = 5  # of one run
_UNKNOWN = "unknown: "  # starts the reason why the commit of the source could not be read


def details(finding: RunDetails) -> Report:
    return Report(title=f"Run {finding.label}", sections=(*sections_of(finding), *notes(notes_of(finding))))


def metrics_of_run(finding: RunDetails) -> Report:
    """The metrics of one run, by stage."""
    sections = tuple(map(_stage, finding.stages)) or (
        Section(title="", blocks=(Paragraph(text="No metrics.", tone="quiet"),)),
    )
    return Report(title=f"Metrics of {finding.label}", sections=sections)


def notes_of(finding: RunDetails) -> list[str]:
    """The notes for the end of a page."""
    return [f"{note.topic}: {note.text}" for note in finding.notes if note.topic not in _UNOBSERVED]


# ---------------------------------------------------------------------------------------------- one run


def sections_of(finding: RunDetails) -> Iterator[Section]:
    """Everything but the notes at the end."""
    yield Section(title="", blocks=tuple(_head(finding)))
    for stage in finding.stages:
        yield _stage(stage)
    if finding.params:
        yield Section(title="Parameters", blocks=(_parameters(finding),))
    yield from _settings(finding)
    yield from _events(finding)
    yield from _provenance(finding)
    yield from _artifacts(finding)


def _head(finding: RunDetails) -> Iterator[Block]:
    if RECONSTRUCTED in finding.metadata:
        yield from _reconstructed(finding)
        return
    times = f"since {moment(finding.started_at)} UTC"
    if finding.ended_at:
        times = f"{moment(finding.started_at)} to {moment(finding.ended_at)} UTC, {span(finding.duration_seconds)}"
    yield Paragraph(text=f"{finding.status}, {times}", tone=tone_of(finding.status))
    if finding.recorded_name is not None:
        yield Paragraph(text=f'recorded as {finding.run_ref.value}, "{finding.recorded_name}"')
    elif finding.name != finding.run_ref.name:
        yield Paragraph(text=f'name: "{finding.name}"')
    if marks := marks_of(finding):
        yield Paragraph(text=", ".join(marks))
    if finding.content_digest is not None:
        yield Paragraph(text=f"content digest sha256:{finding.content_digest}")
    if failure := finding.metadata.get("failure"):
        yield Paragraph(text=f"failed with {_failure(failure)}", tone="bad")
    if (lost := lost_records(finding)) is not None:
        yield Paragraph(text=lost, tone="warn")
    for note in finding.notes:
        if note.topic in _UNOBSERVED:
            yield Paragraph(text=f"{note.topic}: {note.text}", tone="warn")
    if finding.part_of is not None:
        yield Paragraph(text=f"part of {finding.part_of.value}: it began in a process of that run")
    if finding.parts:
        names = some_names([part.value for part in finding.parts])
        yield Paragraph(text=f"runs that began in its processes: {names}")
    if mirrored := finding.metadata.get(MIRRORED):
        yield Paragraph(text=f"mirrored from {', '.join(map(str, mirrored))}")
    if isinstance(origin := finding.metadata.get(IMPORTED), Mapping):
        yield Paragraph(text=f"imported from {imported_from(finding.metadata)}: {origin.get('path')}")
    if finding.description:
        yield Paragraph(text=finding.description)
    if finding.note is not None:
        yield Paragraph(text=f"note: {finding.note}")
    if finding.tags:
        tags = (f"{key}={value}" if value else key for key, value in finding.tags.items())
        yield Paragraph(text=f"tags: {', '.join(tags)}")


def _reconstructed(finding: RunDetails) -> Iterator[Block]:
    """The head of a run that was never recorded."""
    yield Paragraph(text=f"{', '.join(marks_of(finding))}, as of {moment(finding.ended_at)} UTC", tone="warn")
    if uncertain := uncertain_packages(finding.metadata):
        yield Paragraph(text=f"versions that were not observed: {some_names(uncertain)}", tone="warn")
    if expected := expected_metrics(finding.metadata):
        yield Paragraph(text=f"expected: {', '.join(f'{name} {amount(value)}' for name, value in expected.items())}")


def _settings(finding: RunDetails) -> Iterator[Section]:
    """Effective settings of libraries: a number on the screen, the table with ``--all``."""
    settings = finding.metadata.get(SETTINGS)
    if not isinstance(settings, Mapping) or not settings:
        return
    rows = tuple(
        Row(cells=(name, str(setting.get("value")), "default" if setting.get("default") else ""))
        for name, setting in sorted(settings.items())
    )
    yield Section(title="Effective settings", blocks=(Table(columns=("Setting", "Value", ""), rows=rows),), detail=True)


def _stage(stage: StageSummary) -> Section:
    rows = []
    for metric in stage.metrics:
        points = f"last of {metric.points}" if metric.points > 1 else ""
        step = f" (step {metric.step})" if metric.step is not None else ""
        name = f"{metric.metric_key} [{metric.slice_ref}]" if metric.slice_ref else metric.metric_key
        origin = "from the output" if metric.origin else ""
        rows.append(
            Row(cells=(name, amount(metric.value), ", ".join(filter(None, [f"{points}{step}".strip(), origin]))))
        )
    title = "Metrics" if stage.stage_name == RUN_LEVEL else f"Stage {stage.stage_name}"
    status = (Paragraph(text=stage.status, tone=tone_of(stage.status)),) if stage.status else ()
    table = Table(columns=("Metric", ">Last value", ""), rows=tuple(rows))
    return Section(title=title, blocks=(*status, table if rows else Paragraph(text="no metrics", tone="quiet")))


def _parameters(finding: RunDetails) -> Table:
    """The parameters, with their sources if the recorder read some of them."""
    sources = finding.param_sources
    if set(sources.values()) == {"program"}:
        return facts(finding.params)
    rows = (Row(cells=(name, as_text(value), sources[name])) for name, value in finding.params.items())
    return Table(columns=("Name", "Value", "Source"), rows=tuple(rows))


def _events(finding: RunDetails) -> Iterator[Section]:
    """Events and degradations."""
    if not finding.events:
        return
    rows = tuple(
        Row(
            cells=(
                moment(event.observed_at),
                event.key,
                event.stage_id.name if event.stage_id else "",
                event.message or "",
                record_detail(event),
            ),
            tone=record_tone(event),
        )
        for event in finding.events
    )
    blocks: list[Block] = [
        Table(
            columns=("Time (UTC)", "Key", "Stage", "Message", "Detail"),
            rows=rows,
            screen_rows=_MOST_EVENTS,
            is_log=True,
        )
    ]
    if finding.event_count > len(rows):
        text = f"the last {len(rows)} of {finding.event_count} events; `contexta snapshot` has all"
        blocks.append(Paragraph(text=text, tone="quiet"))
    yield Section(title="Events", blocks=tuple(blocks))


def _provenance(finding: RunDetails) -> Iterator[Section]:
    """Environment, command and source."""
    text, environment = "not recorded", finding.environment
    if environment is not None:
        packages = count(environment.package_count, "package")
        text = f"{python_and_platform(environment.python_version, environment.platform)}, {packages}"
    yield Section(title="Environment", blocks=(Paragraph(text=text, tone=None if environment else "warn"),))
    invocation, source = finding.metadata.get("invocation"), finding.metadata.get("source")
    command = finding.metadata.get("command") or (invocation.get("argv") if isinstance(invocation, Mapping) else None)
    if isinstance(command, (list, tuple)):
        yield Section(title="Command", blocks=(Paragraph(text=" ".join(map(str, command))),))
    if isinstance(source, Mapping):
        yield Section(title="Source", blocks=(Paragraph(text=_commit(source)),))


def _commit(source: Mapping[str, Any]) -> str:
    """``1a2b3c4d5e6f on main, with uncommitted changes``, or why no commit was recorded."""
    if not source.get("commit"):
        reason = str(source.get("reason") or "no commits yet")
        return reason if reason.startswith(_UNKNOWN) else f"no commit: {reason}"
    changes = ", with uncommitted changes" if source.get("dirty") else ""
    return f"{str(source['commit'])[:12]}{branch_of(source)}{changes}"


def _failure(failure: object) -> str:
    """``ValueError: row 7``; any other value as JSON."""
    if isinstance(failure, Mapping) and {"type", "message"} <= set(failure):
        return f"{failure['type']}: {failure['message']}"
    return as_text(failure)


def _artifacts(finding: RunDetails) -> Iterator[Section]:
    """Inputs, artifacts, and captured output."""
    for title, artifacts in (
        ("Inputs", [artifact for artifact in finding.artifacts if artifact.kind == "input"]),
        ("Artifacts", [artifact for artifact in finding.artifacts if artifact.kind not in ("input", "log")]),
    ):
        if artifacts:
            rows = tuple(_artifact(artifact, _directory(finding)) for artifact in artifacts)
            table = Table(columns=("Name", ">Size", "Digest", "Kind", "Path"), rows=rows)
            yield Section(title=title, blocks=(table,))
    for artifact in latest_tables(finding):
        yield Section(title=f"Table {artifact.name}", blocks=tuple(_first_rows(artifact, finding.selector)))
    logs = [
        f"{artifact.name} {size(artifact.attributes.get('bytes_written'))}"
        for artifact in finding.artifacts
        if artifact.kind == "log"
    ]
    if logs:
        text = f"{', '.join(logs)}; `contexta log {finding.selector}` prints it"
        yield Section(title="Output", blocks=(Paragraph(text=text),))


def image_caption(artifact: Artifact) -> str:
    """``samples, 64 x 64 pixels, step 3``."""
    return ", ".join([artifact.name, *_media_facts(artifact)])


def _media_facts(artifact: Artifact) -> list[str]:
    attributes = artifact.attributes
    pixels = (
        [f"{attributes['width']} x {attributes['height']} pixels"] if {"width", "height"} <= set(attributes) else []
    )
    return pixels + ([f"step {attributes['step']}"] if "step" in attributes else [])


def latest_tables(finding: RunDetails) -> list[Artifact]:
    """The latest table of each name with the rows that are recorded for screens."""
    tables = {item.name: item for item in finding.artifacts if item.kind == "table" and table_head(item)}
    return list(tables.values())[-_MOST_TABLES:]


def table_head(artifact: Artifact) -> list[list[str]]:
    """The titles and the first rows of a table; empty where none are recorded."""
    head = artifact.attributes.get("head")
    lines = [list(map(str, line)) for line in head if isinstance(line, Sequence)] if isinstance(head, Sequence) else []
    return lines if lines and all(lines) and len(set(map(len, lines))) == 1 else []


def table_size(artifact: Artifact) -> str:
    """``first 5 of 200 rows, first 12 of 40 columns``."""
    titles, *rows = table_head(artifact)
    parts = []
    for shown, total, noun in (
        (len(rows), artifact.attributes.get("rows"), "row"),
        (len(titles), artifact.attributes.get("columns"), "column"),
    ):
        if isinstance(total, int):
            parts.append(f"first {shown} of {count(total, noun)}" if shown < total else count(total, noun))
    return ", ".join(parts)


def _first_rows(artifact: Artifact, run: str) -> Iterator[Block]:
    titles, *rows = table_head(artifact)
    if rows:
        columns = (">Row", *(f" {title}" if title.startswith(">") else title for title in titles))  # > right-aligns
        cells = ((str(number), *row) for number, row in enumerate(rows, start=1))
        yield Table(columns=columns, rows=tuple(Row(cells=line) for line in cells), one_line=True)
    command = f"`contexta artifact {run} {artifact.artifact_ref.name} --to {artifact.artifact_ref.name}.csv` copies all"
    yield Paragraph(text=f"{table_size(artifact)}; {command}", tone="quiet")


def _directory(finding: RunDetails) -> str | None:
    """The directory that the run started in."""
    invocation = finding.metadata.get("invocation")
    directory = invocation.get("directory") if isinstance(invocation, Mapping) else None
    return directory if isinstance(directory, str) else None


def _artifact(artifact: Artifact, directory: str | None) -> Row:
    """directory: paths in it are shown without it."""
    files = artifact.attributes.get("files")
    words = [artifact.kind] if artifact.kind != "input" else []
    words += ["detected"] if artifact.attributes.get("detected") else []
    words += [f"{files} files"] if files is not None else []
    words += ["not kept"] if not artifact.kept and artifact.kind != "input" else []
    digest = short_digest(artifact.digest) if artifact.digest else "not read"
    words += _media_facts(artifact)
    path = str(artifact.attributes.get("path") or ("" if artifact.kept else artifact.location))
    for separator in ("/", "\\"):
        path = path.removeprefix(f"{directory}{separator}") if directory else path
    return Row(cells=(artifact.name, size(artifact.size_bytes), digest, ", ".join(words), path))
