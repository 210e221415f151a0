"""The environment of one run."""

from __future__ import annotations

from contexta.contract import Distribution, EnvironmentSnapshot
from contexta.reports.document.blocks import Paragraph, Report, Row, Section, Table
from contexta.reports.document.formatting import count
from contexta.reports.pages.common import facts, notes, python_and_platform


def environment(snapshot: EnvironmentSnapshot, run_label: str | None = None) -> Report:
    """run_label: ``project.name`` of a renamed run; by default that of its reference."""
    interpreter = python_and_platform(snapshot.python_version, snapshot.platform)
    about = f"{interpreter}, {count(len(snapshot.packages), 'package')}"
    native = {str(library.get("name")): library for library in snapshot.native_libraries}
    tables = (
        ("Variables", snapshot.environment_variables),
        ("Interpreter", snapshot.interpreter),
        ("Machine", snapshot.machine),
        ("Native libraries", native),
    )
    return Report(
        title=f"Environment of {run_label or snapshot.run_ref.value}",
        sections=(
            Section(title="", blocks=(Paragraph(text=about), _packages(snapshot))),
            *(Section(title=title, blocks=(facts(values),)) for title, values in tables if values),
            *notes(f"{note.topic}: {note.text}" for note in snapshot.notes),
        ),
    )


def _packages(snapshot: EnvironmentSnapshot) -> Table:
    distributions = {distribution.name: distribution for distribution in snapshot.distributions}
    imported = snapshot.imports["distributions"] if snapshot.imports is not None else {}
    rows = []
    for name, version in sorted(snapshot.packages.items()):
        distribution = distributions.get(name)
        words = ["imported"] if name in imported else []
        words += ["requested"] if distribution is not None and distribution.requested else []
        rows.append(Row(cells=(name, version, *_origin(distribution), ", ".join(words))))
    return Table(columns=("Package", "Version", "Origin", "From", ""), rows=tuple(rows))


def _origin(distribution: Distribution | None) -> tuple[str, str]:
    """Kind and address of the origin of a package; empty for an ordinary package of an index."""
    if distribution is None or distribution.origin.kind in ("index", "unknown"):
        return "", ""
    return distribution.origin.kind, distribution.origin.url or ""
