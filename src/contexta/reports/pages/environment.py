"""The environment of one run, on a page."""

from __future__ import annotations

from collections.abc import Iterator

from contexta.contract import EnvironmentSnapshot
from contexta.reports.document.blocks import Paragraph, Report, Row, Section, Table
from contexta.reports.document.formatting import count
from contexta.reports.pages.common import facts, notes


def environment(snapshot: EnvironmentSnapshot) -> Report:
    about = f"Python {snapshot.python_version} on {snapshot.platform}, {count(len(snapshot.packages), 'package')}."
    return Report(
        title=f"Environment of {snapshot.run_ref.value}",
        sections=(
            *notes(f"{note.topic}: {note.text}" for note in snapshot.notes),
            Section(title="", blocks=(Paragraph(text=about), _packages(snapshot))),
            *_facts(snapshot),
        ),
    )


def _packages(snapshot: EnvironmentSnapshot) -> Table:
    captured = {each.name: each for each in snapshot.distributions}
    imported = snapshot.imports["distributions"] if snapshot.imports is not None else {}
    rows = []
    for name, version in sorted(snapshot.packages.items()):
        distribution = captured.get(name)
        origin = "" if distribution is None else distribution.origin.kind
        address = (distribution.origin.url or "") if distribution is not None else ""
        rows.append(Row(cells=(name, version, origin, address, "imported" if name in imported else "")))
    return Table(columns=("Package", "Version", "Origin", "From", ""), rows=tuple(rows))


def _facts(snapshot: EnvironmentSnapshot) -> Iterator[Section]:
    native = {str(library.get("name")): library for library in snapshot.native_libraries}
    for title, table in (
        ("Variables", snapshot.environment_variables),
        ("Interpreter", snapshot.interpreter),
        ("Machine", snapshot.machine),
        ("Native libraries", native),
    ):
        if table:
            yield Section(title=title, blocks=(facts(table),))
