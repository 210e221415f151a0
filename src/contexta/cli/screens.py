"""Runs, comparisons and audits on a terminal. Nothing is computed here but widths."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.text import Text

from contexta.cli.layout import (
    columns,
    facts_table,
    in_stage,
    indented,
    metric_name,
    note_lines,
    short,
    short_names,
    status_word,
    versus,
    words,
)
from contexta.cli.words import amount, moment, signed, size, span
from contexta.findings import (
    RUN_LEVEL,
    Artifact,
    Audit,
    MultiRunComparison,
    RunComparison,
    RunDetails,
    RunSummary,
    StageComparison,
)
from contexta.findings.runs import lost_records
from contexta.recorder.source.repository import UNKNOWN
from contexta.reports.document.formatting import printable, some_names


def runs(found: Sequence[RunSummary], limit: int, filtered: bool = False) -> Iterator[Any]:
    if not found:
        yield Text("No such runs." if filtered else "No runs yet.")
        return
    table = columns("Run", "Status", "Started (UTC)", ">Took", "Metrics")
    for run in found:
        metrics = [f"{key}={amount(value)}" for key, value in run.metrics.items()]
        more = f" +{len(metrics) - 4}" if len(metrics) > 4 else ""
        table.add_row(
            Text(run.run_ref.value, "bold"),
            status_word(run.status),
            moment(run.started_at),
            span(run.duration_seconds),
            words(" ".join(metrics[:4]) + more),
        )
    yield table
    if len(found) == limit:
        yield Text(f"{limit} runs; the next page: the same with --after {found[-1].run_ref.value}", "dim")


_UNOBSERVED = ("environment", "process")
"""The topics of notes that tell of what could not be observed: they come first."""


def run(details: RunDetails) -> Iterator[Any]:
    yield Text.assemble((details.run_ref.value, "bold"), "  ", status_word(details.status), *_display_name(details))
    ended = f" to {moment(details.ended_at)}" if details.ended_at else ""
    yield Text(f"{moment(details.started_at)}{ended} UTC, {span(details.duration_seconds) or 'still open'}")
    failure = details.metadata.get("failure")
    if failure:
        yield words(f"failed with {_failure(failure)}", "red")
    if (lost := lost_records(details)) is not None:
        yield words(lost, "yellow")
    for note in details.notes:
        if note.topic in _UNOBSERVED:
            yield words(f"{note.topic}: {note.text}", "yellow")
    if details.part_of is not None:
        yield words(f"part of {details.part_of.value}: it began in a process of that run")
    if details.parts:
        yield words(f"runs that began in its processes: {some_names([part.value for part in details.parts])}")
    if details.description:
        yield words(details.description)
    if details.tags:
        yield words("tags: " + ", ".join(f"{key}={value}" if value else key for key, value in details.tags.items()))
    for stage in details.stages:
        yield Text()
        title = "Metrics" if stage.stage_name == RUN_LEVEL else f"Stage {printable(stage.stage_name)}"
        yield Text.assemble((title, "bold"), *((("  "), status_word(stage.status)) if stage.status else ()))
        table = columns("", ">", "")
        for metric in stage.metrics:
            about = f"last of {metric.points}" if metric.points > 1 else ""
            about += f" (step {metric.step})" if metric.step is not None else ""
            table.add_row(metric_name(metric.metric_key, metric.slice_ref), amount(metric.value), Text(about, "dim"))
        yield indented(table)
    if details.params:
        yield Text()
        yield Text("Parameters", "bold")
        yield indented(facts_table(details.params))
    yield Text()
    environment = details.environment
    yield Text.assemble(
        ("Environment", "bold"),
        f"  Python {environment.python_version} on {environment.platform}, {environment.package_count} packages"
        if environment
        else "  not recorded",
    )
    yield from _provenance(details.metadata)
    yield from _artifacts(details)
    yield from note_lines(f"{note.topic}: {note.text}" for note in details.notes if note.topic not in _UNOBSERVED)


def _artifacts(details: RunDetails) -> Iterator[Any]:
    """What the run read, what it made, and where its output is to be read."""
    for title, shown in (
        ("Inputs", [each for each in details.artifacts if each.kind == "input"]),
        ("Artifacts", [each for each in details.artifacts if each.kind not in ("input", "log")]),
    ):
        if shown:
            yield Text()
            yield Text(title, "bold")
            table = columns("", ">", "", "")
            for each in shown:
                table.add_row(
                    words(each.name, "bold"), size(each.size_bytes), _digest(each), words(_about(each), "dim")
                )
            yield indented(table)
    logs = [
        f"{each.name} {size(each.attributes.get('bytes_written'))}" for each in details.artifacts if each.kind == "log"
    ]
    if logs:
        yield Text.assemble(
            ("Output", "bold"), f"       {', '.join(logs)}", (f"  contexta log {details.run_ref.name}", "dim")
        )


def _digest(artifact: Artifact) -> Text:
    kind, _, digest = (artifact.digest or "").partition(":")
    return Text(f"{kind}:{digest[:12]}") if digest else Text("not read", "yellow")


def _about(artifact: Artifact) -> str:
    where = str(artifact.attributes.get("path") or artifact.location)
    files = artifact.attributes.get("files")
    about = [where if artifact.kind == "input" else f"{artifact.kind}, {where}"]
    about += [f"{files} files"] if files is not None else []
    about += [] if artifact.kept or artifact.kind == "input" else ["not kept"]
    return ", ".join(about)


def _provenance(metadata: Mapping[str, Any]) -> Iterator[Any]:
    """The command and the source, where a live run recorded them."""
    invocation, source = metadata.get("invocation"), metadata.get("source")
    command = metadata.get("command") or (invocation.get("argv") if isinstance(invocation, Mapping) else None)
    if isinstance(command, (list, tuple)):
        yield Text.assemble(("Command", "bold"), "      ", words(short(" ".join(map(str, command)), 200)))
    if isinstance(source, Mapping):
        where = _commit(source)
        yield Text.assemble(("Source", "bold"), "       ", words(where))


def _commit(source: Mapping[str, Any]) -> str:
    """``1a2b3c4d5e6f on main, with uncommitted changes``; or why there is no commit to show."""
    reason = str(source.get("reason") or "no commits yet")
    if not source.get("commit"):
        return reason if reason.startswith(UNKNOWN) else f"no commit: {reason}"
    where = str(source["commit"])[:12]
    where += f" on {source['branch']}" if source.get("branch") else " on a detached HEAD"
    return where + (", with uncommitted changes" if source.get("dirty") else "")


def comparison(found: RunComparison) -> Iterator[Any]:
    yield versus(found.left_ref, found.right_ref)
    yield from metrics_table(found)
    yield from note_lines(found.completeness_notes)


def side_by_side(found: MultiRunComparison) -> Iterator[Any]:
    names = short_names(found.run_refs)
    table = columns("Metric", *(f">{name}" for name in names))
    for row in found.rows:
        name = in_stage(row.stage_name, row.metric_key, row.slice_ref)
        table.add_row(name, *(amount(value) for value in row.values))
    yield table
    yield from note_lines(found.completeness_notes)


def audit(found: Audit) -> Iterator[Any]:
    yield Text.assemble((found.run_ref.value, "bold"), "  reproducibility: ", status_word(found.reproducibility_status))
    if found.python_version is not None:
        yield Text(
            f"Python {found.python_version} on {found.platform}, {found.package_count} packages, "
            f"{found.environment_variable_count} variables"
        )
    yield Text()
    table = columns("", "", "")
    for check in found.checks:
        detail = words(check.detail)
        if check.fix:
            detail.append(f"\nfix: {check.fix}", "dim")
        table.add_row(status_word(check.status), Text(check.name), detail)
    yield table


def metrics_table(found: RunComparison) -> Iterator[Any]:
    if not any(stage.metric_deltas for stage in found.stage_comparisons):
        return
    left, right = short_names((found.left_ref, found.right_ref))
    table = columns("Metric", f">{left}", f">{right}", ">Change", "")
    for stage in found.stage_comparisons:
        for delta in stage.metric_deltas:
            ratio = "" if delta.change_ratio is None or not delta.delta else f"{delta.change_ratio:+.1%}"
            style = "bold" if delta.differs else "dim"
            table.add_row(
                Text.assemble((in_stage(stage.stage_name, delta.metric_key, delta.slice_ref).plain, style)),
                amount(delta.left_value),
                amount(delta.right_value),
                Text(signed(delta.delta) if delta.differs else "same", style),
                Text(ratio, "dim"),
            )
    yield Text()
    yield table
    statuses = [line for stage in found.stage_comparisons if (line := _status_change(stage))]
    for line in statuses:
        yield Text(line)


def _status_change(stage: StageComparison) -> str | None:
    if stage.left_status == stage.right_status:
        return None
    return f"stage {stage.stage_name}: {stage.left_status or 'absent'} -> {stage.right_status or 'absent'}"


def _failure(failure: object) -> str:
    """``ValueError: row 7``; whatever else was put there by hand, as it is."""
    if isinstance(failure, Mapping) and {"type", "message"} <= set(failure):
        return f"{failure['type']}: {failure['message']}"
    return str(failure)


def _display_name(details: RunDetails) -> Iterator[str]:
    if details.name != details.run_ref.name:
        yield f'  "{printable(details.name)}"'
