"""Findings as terminal screens. Nothing is computed here but widths; colour never says something alone."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from io import StringIO
from typing import Any

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from contexta.findings import (
    RUN_LEVEL,
    Audit,
    Change,
    EnvironmentDiff,
    MultiRunComparison,
    RunComparison,
    RunDetails,
    RunDiff,
    RunSummary,
    StageComparison,
)
from contexta.refs import StableRef

_PIPE_WIDTH = 10_000  # nobody's pipe wraps lines
_STATUS_STYLES = {
    "completed": "green",
    "pass": "green",
    "complete": "green",
    "open": "cyan",
    "failed": "red",
    "fail": "red",
}


def show(screen: Iterable[Any]) -> None:
    """Print a screen to stdout: styled on a terminal, plain text elsewhere."""
    if sys.stdout.isatty():
        console = Console(highlight=False, markup=False, emoji=False)
        for part in screen:
            console.print(part)
        return
    plain = StringIO()
    console = Console(file=plain, highlight=False, markup=False, emoji=False, color_system=None, width=_PIPE_WIDTH)
    for part in screen:
        console.print(part, soft_wrap=isinstance(part, Text))
    sys.stdout.writelines(f"{line.rstrip()}\n" for line in plain.getvalue().splitlines())


# ---------------------------------------------------------------------------------------------- screens


def runs(found: Sequence[RunSummary], limit: int) -> Iterator[Any]:
    if not found:
        yield Text("No runs yet.")
        return
    table = _table("Run", "Status", "Started (UTC)", ">Took", "Metrics")
    for run in found:
        metrics = [f"{key}={amount(value)}" for key, value in run.metrics.items()]
        more = f" +{len(metrics) - 4}" if len(metrics) > 4 else ""
        table.add_row(
            Text(run.run_ref.value, "bold"),
            _status(run.status),
            moment(run.started_at),
            span(run.duration_seconds),
            Text(" ".join(metrics[:4]) + more),
        )
    yield table
    if len(found) == limit:
        yield Text(f"The latest {limit}; --limit shows more.", "dim")


def run(details: RunDetails) -> Iterator[Any]:
    yield Text.assemble((details.run_ref.value, "bold"), "  ", _status(details.status), *_display_name(details))
    ended = f" to {moment(details.ended_at)}" if details.ended_at else ""
    yield Text(f"{moment(details.started_at)}{ended} UTC, {span(details.duration_seconds) or 'still open'}")
    failure = details.metadata.get("failure")
    if failure:
        yield Text(f"failed with {failure['type']}: {failure['message']}", "red")
    if details.description:
        yield Text(details.description)
    if details.tags:
        yield Text("tags: " + ", ".join(f"{key}={value}" if value else key for key, value in details.tags.items()))
    for stage in details.stages:
        yield Text()
        title = "Metrics" if stage.stage_name == RUN_LEVEL else f"Stage {stage.stage_name}"
        yield Text.assemble((title, "bold"), *((("  "), _status(stage.status)) if stage.status else ()))
        table = _table("", ">", "")
        for metric in stage.metrics:
            about = f"last of {metric.points}" if metric.points > 1 else ""
            about += f" (step {metric.step})" if metric.step is not None else ""
            table.add_row(_metric_name(metric.metric_key, metric.slice_ref), amount(metric.value), Text(about, "dim"))
        yield _indented(table)
    if details.params:
        yield Text()
        yield Text("Parameters", "bold")
        table = _table("", "")
        for name, value in details.params.items():
            table.add_row(Text(name), Text(value if isinstance(value, str) else json.dumps(value)))
        yield _indented(table)
    yield Text()
    environment = details.environment
    yield Text.assemble(
        ("Environment", "bold"),
        f"  Python {environment.python_version} on {environment.platform}, {environment.package_count} packages"
        if environment
        else "  not recorded",
    )
    yield from _notes(f"{note.topic}: {note.text}" for note in details.notes)


def comparison(found: RunComparison) -> Iterator[Any]:
    yield _versus(found.left_ref, found.right_ref)
    yield from _metrics(found)
    yield from _notes(found.completeness_notes)


def side_by_side(found: MultiRunComparison) -> Iterator[Any]:
    names = _short_names(found.run_refs)
    table = _table("Metric", *(f">{name}" for name in names))
    for row in found.rows:
        name = _in_stage(row.stage_name, row.metric_key, row.slice_ref)
        table.add_row(name, *(amount(value) for value in row.values))
    yield table
    yield from _notes(found.completeness_notes)


def diff(found: RunDiff) -> Iterator[Any]:
    metrics, environment = found.metrics, found.environment
    notes = list(dict.fromkeys(metrics.completeness_notes + environment.completeness_notes))
    if metrics.left_ref == metrics.right_ref:
        yield Text(f"Nothing differs: {notes[0]}.")
        return
    if not found.differs and not notes:
        measured = sum(len(stage.metric_deltas) for stage in metrics.stage_comparisons)
        same = f"{_count(measured, 'metric')}, Python, platform, "
        same += f"{_count(environment.unchanged_package_count, 'package')} and all variables are the same"
        yield Text(
            f"Nothing differs between {' and '.join(_short_names((metrics.left_ref, metrics.right_ref)))}: {same}."
        )
        return
    yield _versus(metrics.left_ref, metrics.right_ref)
    if not found.differs:
        yield Text("Nothing that was recorded on both sides differs.")
    yield from _metrics(metrics)
    if environment.left_python_version is not None and environment.right_python_version is not None:
        yield from _environment(environment)
    yield from _notes(notes)


def audit(found: Audit) -> Iterator[Any]:
    yield Text.assemble((found.run_ref.value, "bold"), "  reproducibility: ", _status(found.reproducibility_status))
    if found.python_version is not None:
        yield Text(
            f"Python {found.python_version} on {found.platform}, {found.package_count} packages, "
            f"{found.environment_variable_count} variables"
        )
    yield Text()
    table = _table("", "", "")
    for check in found.checks:
        words = Text(check.detail)
        if check.fix:
            words.append(f"\nfix: {check.fix}", "dim")
        table.add_row(_status(check.status), Text(check.name), words)
    yield table


# ---------------------------------------------------------------------------------------------- parts


def _metrics(found: RunComparison) -> Iterator[Any]:
    if not any(stage.metric_deltas for stage in found.stage_comparisons):
        return
    left, right = _short_names((found.left_ref, found.right_ref))
    table = _table("Metric", f">{left}", f">{right}", ">Change", "")
    for stage in found.stage_comparisons:
        for delta in stage.metric_deltas:
            ratio = "" if delta.change_ratio is None or not delta.delta else f"{delta.change_ratio:+.1%}"
            style = "bold" if delta.differs else "dim"
            table.add_row(
                Text.assemble((_in_stage(stage.stage_name, delta.metric_key, delta.slice_ref).plain, style)),
                amount(delta.left_value),
                amount(delta.right_value),
                Text(_signed(delta.delta) if delta.differs else "same", style),
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


def _environment(found: EnvironmentDiff) -> Iterator[Any]:
    yield Text()
    table = _table("", "")
    table.add_row(
        Text("Python", "bold"),
        _was_is(found.left_python_version, found.right_python_version, found.python_version_changed),
    )
    table.add_row(Text("Platform", "bold"), _was_is(found.left_platform, found.right_platform, found.platform_changed))
    table.add_row(
        Text("Packages", "bold"),
        Text(
            f"{len(found.changed_packages)} changed, {len(found.added_packages)} added, "
            f"{len(found.removed_packages)} removed, {found.unchanged_package_count} the same"
        ),
    )
    yield table
    if found.package_changes:
        yield _indented(_change_table(found.package_changes))
    variables = found.variable_changes
    yield Text.assemble(("Variables", "bold"), f"  {len(variables) or 'none'} changed")
    if variables:
        yield _indented(_change_table(variables))


def _change_table(changes: Sequence[Change]) -> Table:
    table = _table("", "", "", "")
    for change in changes:
        if change.left_value is None:
            table.add_row(Text(change.key, "bold"), Text("added", "green"), "", Text(change.right_value or ""))
        elif change.right_value is None:
            table.add_row(Text(change.key, "bold"), Text(change.left_value), "", Text("removed", "red"))
        else:
            table.add_row(Text(change.key, "bold"), Text(change.left_value), "->", Text(change.right_value))
    return table


def _was_is(left: str | None, right: str | None, changed: bool) -> Text:
    return Text(f"{left} -> {right}", "bold") if changed else Text(f"{right}  (same)")


def _versus(left: StableRef, right: StableRef) -> Text:
    one, two = _short_names((left, right))
    project = f"  ({left.components[0]})" if left.project == right.project else ""
    return Text.assemble((one, "bold"), " -> ", (two, "bold"), (project, "dim"))


def _short_names(refs: Sequence[StableRef]) -> list[str]:
    """The run's own component where all are of one project."""
    one_project = len({ref.project for ref in refs}) == 1
    return [ref.name if one_project else ref.value for ref in refs]


def _in_stage(stage_name: str, key: str, slice_ref: str | None) -> Text:
    return _metric_name(key if stage_name == RUN_LEVEL else f"{stage_name}/{key}", slice_ref)


def _metric_name(key: str, slice_ref: str | None) -> Text:
    return Text(f"{key} [{slice_ref}]" if slice_ref else key)


def _display_name(details: RunDetails) -> Iterator[str]:
    if details.name != details.run_ref.name:
        yield f'  "{details.name}"'


def _status(status: str | None) -> Text:
    return Text(status or "", _STATUS_STYLES.get(status or "", "yellow"))


def _notes(notes: Iterable[str]) -> Iterator[Any]:
    lines = list(notes)
    if lines:
        yield Text()
    for line in lines[:20]:
        yield Text(f"note: {line}", "yellow")
    if len(lines) > 20:
        yield Text(f"note: and {len(lines) - 20} more; --json lists all", "yellow")


def _table(*titles: str) -> Table:
    """A table without lines; a title that starts with ``>`` is a right-aligned column."""
    table = Table(
        box=None, padding=(0, 2, 0, 0), show_header=any(title.strip(">") for title in titles), header_style="dim"
    )
    for title in titles:
        table.add_column(Text(title.lstrip(">")), justify="right" if title.startswith(">") else "left", overflow="fold")
    return table


def _indented(table: Table) -> Padding:
    return Padding(table, (0, 0, 0, 2), expand=False)


# ---------------------------------------------------------------------------------------------- words


def amount(value: int | float | None) -> str:
    """A number short enough for a column; a dash for none."""
    if value is None:
        return "-"
    if isinstance(value, int):
        return str(value) if abs(value) < 10**12 else f"{Decimal(value):.5E}"
    return f"{value:.6g}"


def _signed(delta: int | float | None) -> str:
    if delta is None:
        return ""
    if isinstance(delta, int):
        return f"{delta:+d}" if abs(delta) < 10**12 else f"{Decimal(delta):+.3E}"
    return f"{delta:+.4f}" if 1e-3 <= abs(delta) < 1e9 else f"{delta:+.3g}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def moment(text: str | None) -> str:
    """A timestamp to the second, in UTC."""
    return (text or "")[:19].replace("T", " ")


def span(seconds: float | None) -> str:
    """A duration in its two largest units."""
    if seconds is None:
        return ""
    if seconds < 60:
        return f"{seconds:.1f}s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes}m {rest:02}s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours}h {minutes:02}m" if hours < 24 else f"{hours // 24}d {hours % 24}h"
