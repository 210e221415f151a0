"""Read a list of installed packages, as ``pip freeze`` writes it."""

from __future__ import annotations

import re

from contexta.importers.reading.description import ForeignEnvironment

_PIN = re.compile(
    r"(?P<name>[A-Za-z0-9_](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)(?:\[[^]]*\])?\s*===?\s*(?P<version>[^\s;,#*]+)"
)
_MOST_LINES = 50_000


def read_requirements(text: str, environment: ForeignEnvironment) -> None:
    """Add the pins of a list to an environment, and its other lines to ``unpinned``."""
    for raw in text.splitlines()[:_MOST_LINES]:
        line = raw.strip()
        if not line or line.startswith("#"):
            continue
        match = _PIN.match(line)
        if match is not None:
            environment.packages.setdefault(match["name"], match["version"])
        elif not line.startswith("--"):
            environment.unpinned.append(line)
