"""Directories of virtual environments."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from contexta.bisect.inputs.pins import Pins
from contexta.bisect.inputs.sides.distributions import pins_of_snapshot
from contexta.bisect.inputs.sides.side import KINDS_OF_SIDES, Candidate, Side
from contexta.contract.environment import EnvironmentSnapshot
from contexta.core.errors import InvalidInput, shown
from contexta.core.processes import process
from contexta.findings.past_runs import Installation
from contexta.recorder.session.inherited import INJECTED
from contexta.reproduce.environment_manager import current_installation, directory_installation
from contexta.reproduce.plan.interpreters import where_it_was
from contexta.reproduce.uv.commands import python_in

_PROBE_SECONDS = 120.0
_PROJECT_FILES = ("uv.lock", "pylock.toml", ".venv", "venv", "requirements.txt")  # the most exact first


class VirtualEnvironment(Side):
    def __init__(self, path: Path, snapshot: EnvironmentSnapshot) -> None:
        self.label = f"the environment {path}"
        self.python = where_it_was(snapshot) or snapshot.python_version
        self._path = path
        self._pins = pins_of_snapshot(snapshot, self.label)

    def pins(self, markers: Mapping[str, str]) -> Pins:  # noqa: ARG002  # what is installed does not depend on them
        return self._pins

    def installation(self, command: Sequence[str]) -> Installation:
        return directory_installation(self._path) or current_installation(command)


def recognise(candidate: Candidate) -> Side | None:
    return environment_at(candidate.path) if candidate.is_directory else None


def environment_at(path: Path) -> VirtualEnvironment:
    """Probe a virtual environment with its own interpreter. Raises InvalidInput for any other directory."""
    python = python_in(path)
    if not python.is_file():
        inside = next((path / name for name in _PROJECT_FILES if (path / name).exists()), None)
        hint = f"give {KINDS_OF_SIDES}" if inside is None else f"give {inside}"
        raise InvalidInput(f"{shown(str(path))} is a directory without {python.relative_to(path)}", hint=hint)
    return VirtualEnvironment(path, _probe(path, python))


def _probe(path: Path, python: Path) -> EnvironmentSnapshot:
    with tempfile.TemporaryDirectory(prefix="contexta-probe-") as objects:
        argv = [str(python), "-I", str(Path(INJECTED, "probe.py")), objects, "installed"]
        finished = process.run(argv, timeout=_PROBE_SECONDS)
    if finished.exit_code != 0:
        message = finished.stderr.decode(errors="replace").strip()[-300:]
        raise InvalidInput(
            f"the Python of {path} cannot be read: {message}", hint="Contexta reads environments of Python 3.8 or newer"
        )
    refs = {"environment_snapshot_ref": "environment:given.side.snapshot", "run_ref": "run:given.side"}
    body = {**json.loads(finished.stdout)["body"], **refs, "captured_at": "1970-01-01T00:00:00Z"}
    return EnvironmentSnapshot.model_validate(body)
