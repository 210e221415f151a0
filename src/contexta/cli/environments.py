"""Environments on a terminal, and what differs between two."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from rich.text import Text

from contexta.cli.layout import columns, facts_table, indented, note_lines, words
from contexta.contract import Distribution, EnvironmentSnapshot

_MOST_SHOWN = 60  # characters of one side of a change; --json has all
_DIGEST = re.compile(r"[0-9a-f]{64}\Z")


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
