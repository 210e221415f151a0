"""What differs between runs, on a page. A page also holds what is the same: it can be hidden, and searched for."""

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
from contexta.reports.blocks import Report, Row, Section, Table, Words
from contexta.reports.formatting import amount, count, signed
from contexta.reports.pages.parts import metric_name, notes, short_names


def diff(found: RunDiff) -> Report:
    left, right = short_names((found.metrics.left_ref, found.metrics.right_ref))
    sections = [Section(title="", blocks=(Words(text=_summary(found)),)), *_metrics(found.metrics)]
    if found.environment.left_python_version is not None and found.environment.right_python_version is not None:
        sections += environment_sections(found.environment, left, right)
    if found.inputs.changes:
        about = Words(text=f"{len(found.inputs.changes)} changed, {found.inputs.unchanged_count} the same.")
        table = Table(columns=("", left, right, ""), rows=_changes(found.inputs.changes))
        sections.append(Section(title="Inputs", blocks=(about, table)))
    every = (found.metrics, found.environment, found.inputs)
    sections += notes(note for each in every for note in each.completeness_notes)
    return Report(title=f"{left} → {right}{_project(found.metrics)}", sections=tuple(sections))


def comparison(found: RunComparison) -> Report:
    left, right = short_names((found.left_ref, found.right_ref))
    sections = (*_metrics(found), *notes(found.completeness_notes))
    return Report(title=f"{left} → {right}{_project(found)}", sections=sections)


def environment_diff(found: EnvironmentDiff) -> Report:
    left, right = short_names((found.left_ref, found.right_ref))
    known = found.left_python_version is not None and found.right_python_version is not None
    sections = (*(environment_sections(found, left, right) if known else ()), *notes(found.completeness_notes))
    return Report(title=f"Environment: {left} → {right}", sections=sections)


def side_by_side(found: MultiRunComparison) -> Report:
    names = short_names(found.run_refs)
    rows = tuple(
        Row(
            cells=(metric_name(row.stage_name, row.metric_key, row.slice_ref), *map(amount, row.values)),
            same=len({amount(value) for value in row.values}) == 1,
        )
        for row in found.rows
    )
    table = Table(columns=("Metric", *(f">{name}" for name in names)), rows=rows)
    return Report(
        title=f"{count(len(names), 'run')} side by side",
        sections=(Section(title="Metrics", blocks=(table,)), *notes(found.completeness_notes)),
    )


def _project(found: RunComparison) -> str:
    left, right = found.left_ref, found.right_ref
    return f" ({left.components[0]})" if left.project == right.project else ""


def _summary(found: RunDiff) -> str:
    """The answer in a sentence."""
    environment = found.environment
    moved = sum(delta.differs for stage in found.metrics.stage_comparisons for delta in stage.metric_deltas)
    if not found.differs:
        return "Nothing that was recorded on both sides differs."
    if environment.left_python_version is None or environment.right_python_version is None:
        return f"{count(moved, 'metric')} moved; what changed in the environment is unknown."
    changed = [name for name, holds in _changed_things(environment) if holds]
    changed += [count(len(found.inputs.changes), "input")] if found.inputs.changes else []
    return f"{count(moved, 'metric')} moved; changed: {', '.join(changed) or 'nothing in the environment'}."


def _changed_things(found: EnvironmentDiff) -> Iterator[tuple[str, object]]:
    packages, variables = len(found.package_changes), len(found.variable_changes)
    yield "Python", found.python_version_changed
    yield "the platform", found.platform_changed
    yield count(packages, "package"), packages
    yield "builds or origins of packages", found.build_changes or found.origin_changes
    yield "the interpreter or the machine", found.interpreter_changes or found.machine_changes
    yield "native libraries", found.native_changes
    yield count(variables, "variable"), variables


def _metrics(found: RunComparison) -> Iterator[Section]:
    left, right = short_names((found.left_ref, found.right_ref))
    rows = [
        _delta_row(metric_name(stage.stage_name, delta.metric_key, delta.slice_ref), delta)
        for stage in found.stage_comparisons
        for delta in stage.metric_deltas
    ]
    if rows:
        columns = ("Metric", f">{left}", f">{right}", ">Change", ">")
        yield Section(title="Metrics", blocks=(Table(columns=columns, rows=tuple(rows)),))
    statuses = [
        Row(cells=(stage.stage_name, stage.left_status or "absent", stage.right_status or "absent"))
        for stage in found.stage_comparisons
        if stage.left_status != stage.right_status
    ]
    if statuses:
        yield Section(title="Stages", blocks=(Table(columns=("Stage", left, right), rows=tuple(statuses)),))


def _delta_row(name: str, delta: MetricDelta) -> Row:
    ratio = "" if delta.change_ratio is None or not delta.delta else f"{delta.change_ratio:+.1%}"
    change = signed(delta.delta) if delta.differs else "same"
    values = (amount(delta.left_value), amount(delta.right_value))
    return Row(cells=(name, *values, change, ratio), same=not delta.differs)


def environment_sections(found: EnvironmentDiff, left: str, right: str) -> Iterator[Section]:
    columns = ("", left, right, "")
    yield Section(
        title="Python and platform",
        blocks=(
            Table(
                columns=columns,
                rows=(
                    _pair(
                        "Python", found.left_python_version, found.right_python_version, found.python_version_changed
                    ),
                    _pair("Platform", found.left_platform, found.right_platform, found.platform_changed),
                ),
            ),
        ),
    )
    yield Section(title="Packages", blocks=(Words(text=_package_counts(found)), _packages(found, columns)))
    for title, changes in (*found.changes_beside_versions, ("Variables", found.variable_changes)):
        if changes:
            yield Section(title=title, blocks=(Table(columns=columns, rows=_changes(changes)),))


def _package_counts(found: EnvironmentDiff) -> str:
    return (
        f"{len(found.changed_packages)} changed, {len(found.added_packages)} added, "
        f"{len(found.removed_packages)} removed, {found.unchanged_package_count} the same."
    )


def _packages(found: EnvironmentDiff, columns: tuple[str, ...]) -> Table:
    """What was imported comes first, what neither run imported after it, what is the same last."""
    ordered = sorted(found.package_changes, key=lambda change: {True: 0, None: 1, False: 2}[change.imported])
    same = (Row(cells=(name, each, each, "same"), same=True) for name, each in found.unchanged_packages.items())
    return Table(columns=columns, rows=(*_changes(ordered), *same))


def _changes(changes: Iterable[Change]) -> tuple[Row, ...]:
    return tuple(
        Row(
            cells=(
                change.key,
                "absent" if change.left_value is None else change.left_value,
                "absent" if change.right_value is None else change.right_value,
                about(change) if isinstance(change, PackageChange) else "",
            )
        )
        for change in changes
    )


def about(change: PackageChange) -> str:
    """``minor upgrade, imported, asked for``"""
    kind = "added" if change.left_value is None else "removed" if change.right_value is None else ""
    words = [f"{change.size} {change.direction}"] if change.direction else [kind] if kind else []
    words += {True: ["imported"], False: ["not imported"], None: []}[change.imported]
    words += {True: ["asked for"], False: ["pulled in"], None: []}[change.requested]
    return ", ".join(words)


def _pair(name: str, left: str | None, right: str | None, changed: bool) -> Row:
    return Row(cells=(name, left or "-", right or "-", "changed" if changed else "same"), same=not changed)
