"""Environments on a terminal, and what differs between two."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from rich.table import Table
from rich.text import Text

from contexta.cli.layout import columns, facts_table, indented, note_lines, short, short_names, versus, words
from contexta.cli.screens import metrics_table
from contexta.cli.words import count
from contexta.contract import Distribution, EnvironmentSnapshot
from contexta.findings import Change, EnvironmentDiff, PackageChange, RunDiff

_MOST_SHOWN = 60  # characters of one side of a change; --json has all
_DIGEST = re.compile(r"[0-9a-f]{64}\Z")


def diff(found: RunDiff, everything: bool) -> Iterator[Any]:
    metrics, environment = found.metrics, found.environment
    notes = list(
        dict.fromkeys(metrics.completeness_notes + environment.completeness_notes + found.inputs.completeness_notes)
    )
    if metrics.left_ref == metrics.right_ref:
        yield Text(f"Nothing differs: {notes[0]}.")
        return
    if not found.differs and not notes:
        measured = sum(len(stage.metric_deltas) for stage in metrics.stage_comparisons)
        same = f"{count(measured, 'metric')}, Python, platform, "
        same += f"{count(environment.unchanged_package_count, 'package')} and all variables are the same"
        yield Text(
            f"Nothing differs between {' and '.join(short_names((metrics.left_ref, metrics.right_ref)))}: {same}."
        )
        return
    yield versus(metrics.left_ref, metrics.right_ref)
    if not found.differs:
        yield Text("Nothing that was recorded on both sides differs.")
    yield from metrics_table(metrics)
    if found.inputs.changes:
        yield Text()
        yield Text.assemble(
            ("Inputs", "bold"), f"  {len(found.inputs.changes)} changed, {found.inputs.unchanged_count} the same"
        )
        yield indented(_change_table(found.inputs.changes))
    if environment.left_python_version is not None and environment.right_python_version is not None:
        yield from _environment(environment, everything)
    yield from note_lines(notes)


def environment(snapshot: EnvironmentSnapshot) -> Iterator[Any]:
    yield Text.assemble((snapshot.run_ref.value, "bold"), f"  Python {snapshot.python_version} on {snapshot.platform}")
    captured = {found.name: found for found in snapshot.distributions}
    seen = snapshot.imports["distributions"] if snapshot.imports is not None else {}
    table = columns("Package", "Version", "")
    for name, version in sorted(snapshot.packages.items()):
        found = captured.get(name)
        about: list[str] = [found.origin.kind] if found and found.origin.kind not in ("index", "unknown") else []
        about += ["imported"] if name in seen else []
        about += ["asked for"] if found and found.requested else []
        table.add_row(words(name), words(version), Text(", ".join(about), "dim"))
    yield Text()
    yield table
    for title, facts in (
        ("Variables", snapshot.environment_variables),
        ("Interpreter", snapshot.interpreter),
        ("Machine", snapshot.machine),
        ("Native libraries", {str(library.get("name")): library for library in snapshot.native_libraries}),
    ):
        if facts:
            yield Text()
            yield Text(title, "bold")
            yield indented(facts_table(facts))
    yield from note_lines(f"{note.topic}: {note.text}" for note in snapshot.notes)


def requirements(snapshot: EnvironmentSnapshot) -> Iterator[Any]:
    """A requirements file: what an index has by version, the rest by origin, a comment where neither will do."""
    captured = {found.name: found for found in snapshot.distributions}
    for name, version in sorted(snapshot.packages.items()):
        found = captured.get(name)
        yield Text(f"{name}=={version}" if found is None else _requirement(found))


def _requirement(found: Distribution) -> str:
    origin = found.origin
    if origin.kind == "vcs" and origin.url and origin.commit:
        return f"{found.name} @ git+{origin.url.removeprefix('git+')}@{origin.commit}"
    if origin.kind == "archive" and origin.url:
        return f"{found.name} @ {origin.url}"
    if origin.kind in ("editable", "directory"):
        return f"# {found.name}=={found.version} was installed from {origin.url or 'a local directory'}"
    return f"{found.name}=={found.version}"


def _environment(found: EnvironmentDiff, everything: bool) -> Iterator[Any]:
    yield Text()
    table = columns("", "")
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
    yield from _packages(found.package_changes, everything)
    for title, changes in found.changes_beside_versions:
        if changes:
            yield Text.assemble((title, "bold"), f"  {len(changes)} changed")
            yield indented(_change_table(changes))
    variables = found.variable_changes
    yield Text.assemble(("Variables", "bold"), f"  {len(variables) or 'none'} changed")
    if variables:
        yield indented(_change_table(variables))


def _packages(changes: Sequence[PackageChange], everything: bool) -> Iterator[Any]:
    """What was imported comes first; what neither run imported is folded into a count."""
    imported = [change for change in changes if change.imported]
    unknown = [change for change in changes if change.imported is None]
    unused = [change for change in changes if change.imported is False]
    shown = imported + unknown + (unused if everything else [])
    if shown:
        yield indented(_change_table(shown))
    if unused and not everything:
        yield Text(f"  {len(unused)} more that neither run imported; --all lists them", "dim")


def _change_table(changes: Sequence[Change]) -> Table:
    table = columns("", "", "", "", "")
    for change in changes:
        about = Text(_about(change) if isinstance(change, PackageChange) else "", "dim")
        if change.left_value is None:
            table.add_row(words(change.key, "bold"), Text("added", "green"), "", _short(change.right_value), about)
        elif change.right_value is None:
            table.add_row(words(change.key, "bold"), _short(change.left_value), "", Text("removed", "red"), about)
        else:
            table.add_row(words(change.key, "bold"), _short(change.left_value), "->", _short(change.right_value), about)
    return table


def _about(change: PackageChange) -> str:
    """``minor upgrade, imported, asked for``"""
    words = [f"{change.size} {change.direction}"] if change.direction else []
    words += {True: ["imported"], False: ["not imported"], None: []}[change.imported]
    words += {True: ["asked for"], False: ["pulled in"], None: []}[change.requested]
    return ", ".join(words)


def _short(value: str | None) -> Text:
    text = value or ""
    return Text(text[:12]) if _DIGEST.match(text) else words(short(text, _MOST_SHOWN))


def _was_is(left: str | None, right: str | None, changed: bool) -> Text:
    return Text(f"{left} -> {right}", "bold") if changed else Text(f"{right}  (same)")
