"""Differences between runs: metrics, environment, inputs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from contexta.findings import (
    Change,
    EnvironmentDiff,
    MetricDelta,
    MultiRunComparison,
    PackageChange,
    RunComparison,
    RunDiff,
)
from contexta.reports.document.blocks import Paragraph, Report, Row, Section, Table
from contexta.reports.document.formatting import amount, count, short_digest, signed
from contexta.reports.pages.common import metric_name, notes, short_names


def diff(finding: RunDiff) -> Report:
    parts = (finding.metrics, finding.environment, finding.inputs)
    note_lines = [note for part in parts for note in part.completeness_notes]
    left, right = short_names((finding.metrics.left_ref, finding.metrics.right_ref))
    sections = list(_metrics(finding.metrics))
    if _is_known(finding.environment):
        sections += environment_sections(finding.environment, left, right)
    if finding.inputs.changes:
        sections.append(_changes_section("Inputs", finding.inputs.changes, left, right, finding.inputs.unchanged_count))
    if finding.metrics.left_ref == finding.metrics.right_ref:
        sections = []
    elif not finding.differs:
        sections = [section.model_copy(update={"detail": True}) for section in sections]
    summary = Section(title="", blocks=(Paragraph(text=_summary(finding, bool(note_lines))),))
    return Report(title=_title(finding.metrics), sections=(summary, *sections, *notes(note_lines)))


def comparison(finding: RunComparison) -> Report:
    return Report(title=_title(finding), sections=(*_metrics(finding), *notes(finding.completeness_notes)))


def environment_diff(finding: EnvironmentDiff) -> Report:
    left, right = short_names((finding.left_ref, finding.right_ref))
    sections = environment_sections(finding, left, right) if _is_known(finding) else ()
    return Report(title=f"Environment: {left} -> {right}", sections=(*sections, *notes(finding.completeness_notes)))


def side_by_side(finding: MultiRunComparison) -> Report:
    names = short_names(finding.run_refs)
    rows = tuple(
        Row(
            cells=(metric_name(row.stage_name, row.metric_key, row.slice_ref), *map(amount, row.values)),
            fold="same" if len({amount(value) for value in row.values}) == 1 else None,
        )
        for row in finding.rows
    )
    table = Table(columns=("Metric", *(f">{name}" for name in names)), rows=rows)
    return Report(
        title=f"{count(len(names), 'run')} side by side",
        sections=(Section(title="Metrics", blocks=(table,)), *notes(finding.completeness_notes)),
    )


def environment_sections(finding: EnvironmentDiff, left: str, right: str) -> Iterator[Section]:
    """Python, platform, packages and everything else that the two snapshots hold."""
    yield _pair("Python", finding.left_python_version, finding.right_python_version, finding.python_version_changed)
    yield _pair("Platform", finding.left_platform, finding.right_platform, finding.platform_changed)
    counts = (
        f"{len(finding.changed_packages)} changed, {len(finding.added_packages)} added, "
        f"{len(finding.removed_packages)} removed, {finding.unchanged_package_count} the same"
    )
    yield Section(title="Packages", blocks=(Paragraph(text=counts), _packages(finding, left, right)))
    for title, changes in finding.changes_beside_versions:
        if changes:
            yield _changes_section(title, changes, left, right)
    yield _changes_section("Variables", finding.variable_changes, left, right)


def _is_known(finding: EnvironmentDiff) -> bool:
    return finding.left_python_version is not None and finding.right_python_version is not None


def _title(finding: RunComparison) -> str:
    left, right = short_names((finding.left_ref, finding.right_ref))
    project = f" ({finding.left_ref.components[0]})" if finding.left_ref.project == finding.right_ref.project else ""
    return f"{left} -> {right}{project}"


def _summary(finding: RunDiff, has_notes: bool) -> str:
    """The result in one sentence."""
    environment = finding.environment
    metrics = [delta for stage in finding.metrics.stage_comparisons for delta in stage.metric_deltas]
    moved = sum(delta.differs for delta in metrics)
    if not finding.differs and not has_notes:
        packages = count(environment.unchanged_package_count, "package")
        return f"Nothing differs: {count(len(metrics), 'metric')}, Python, platform, {packages} and all variables."
    if not finding.differs:
        return "Nothing that was recorded on both sides differs."
    if not _is_known(environment):
        return f"{count(moved, 'metric')} changed; the differences between the environments are unknown."
    changed = [name for name, value in _changed_things(environment) if value]
    changed += [count(len(finding.inputs.changes), "input")] if finding.inputs.changes else []
    return f"{count(moved, 'metric')} changed; also changed: {', '.join(changed) or 'nothing in the environment'}."


def _changed_things(finding: EnvironmentDiff) -> Iterator[tuple[str, object]]:
    packages, variables = len(finding.package_changes), len(finding.variable_changes)
    yield "Python", finding.python_version_changed
    yield "the platform", finding.platform_changed
    yield count(packages, "package"), packages
    yield "builds or origins of packages", finding.build_changes or finding.origin_changes
    yield "the interpreter or the machine", finding.interpreter_changes or finding.machine_changes
    yield "native libraries", finding.native_changes
    yield count(variables, "variable"), variables


def _metrics(finding: RunComparison) -> Iterator[Section]:
    left, right = short_names((finding.left_ref, finding.right_ref))
    rows = tuple(
        _metric_row(metric_name(stage.stage_name, delta.metric_key, delta.slice_ref), delta)
        for stage in finding.stage_comparisons
        for delta in stage.metric_deltas
    )
    if rows:
        table = Table(columns=("Metric", f">{left}", f">{right}", ">Change", ">"), rows=rows)
        yield Section(title="Metrics", blocks=(table,))
    statuses = tuple(
        Row(cells=(stage.stage_name, stage.left_status or "absent", stage.right_status or "absent"))
        for stage in finding.stage_comparisons
        if stage.left_status != stage.right_status
    )
    if statuses:
        yield Section(title="Stages", blocks=(Table(columns=("Stage", left, right), rows=statuses),))


def _metric_row(name: str, delta: MetricDelta) -> Row:
    ratio = "" if delta.change_ratio is None or not delta.delta else f"{delta.change_ratio:+.1%}"
    change = signed(delta.delta) if delta.differs else "same"
    cells = (name, amount(delta.left_value), amount(delta.right_value), change, ratio)
    return Row(cells=cells, fold=None if delta.differs else "same")


def _pair(name: str, left: str | None, right: str | None, changed: bool) -> Section:
    return Section(title=name, blocks=(Paragraph(text=f"{left} -> {right}" if changed else f"{right} (same)"),))


def _packages(finding: EnvironmentDiff, left: str, right: str) -> Table:
    """Imported packages first, then those that neither run imported, then those that are the same."""
    changes = sorted(finding.package_changes, key=lambda change: {True: 0, None: 1, False: 2}[change.imported])
    same = (Row(cells=(name, value, value, "same"), fold="same") for name, value in finding.unchanged_packages.items())
    return Table(columns=("Package", left, right, ""), rows=(*map(_change_row, changes), *same))


def _changes_section(
    title: str, changes: Iterable[Change], left: str, right: str, unchanged_count: int | None = None
) -> Section:
    rows = tuple(map(_change_row, changes))
    same = "" if unchanged_count is None else f", {unchanged_count} the same"
    summary = Paragraph(text=f"{len(rows) or 'none'} changed{same}")
    return Section(title=title, blocks=(summary, *((Table(columns=("", left, right, ""), rows=rows),) if rows else ())))


def _change_row(change: Change) -> Row:
    left, right = (
        "absent" if value is None else short_digest(value) for value in (change.left_value, change.right_value)
    )
    is_unused = isinstance(change, PackageChange) and change.imported is False
    return Row(cells=(change.key, left, right, _about(change)), fold="unused" if is_unused else None)


def _about(change: Change) -> str:
    """``minor upgrade, imported, requested``"""
    words = ["added"] if change.left_value is None else ["removed"] if change.right_value is None else []
    if isinstance(change, PackageChange):
        words += [f"{change.size} {change.direction}"] if change.direction else []
        words += {True: ["imported"], False: ["not imported"], None: []}[change.imported]
        words += {True: ["requested"], False: ["dependency"], None: []}[change.requested]
    return ", ".join(words)
