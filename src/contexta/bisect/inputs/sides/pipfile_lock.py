"""Pipfile.lock: what ``pipenv sync`` installs."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from packaging.utils import canonicalize_name

from contexta.bisect.inputs.direct_references import commit_pin, file_pin
from contexta.bisect.inputs.pins import Pins
from contexta.bisect.inputs.sides.locked_pins import LockedPins, applies, require_python, sha256_of
from contexta.bisect.inputs.sides.side import Candidate, Side
from contexta.core.errors import InvalidInput
from contexta.findings.past_runs import Installation
from contexta.reproduce.environment_manager import lock_installation

Table = Mapping[str, Any]


class PipfileLock(Side):
    def __init__(self, path: Path, table: Table) -> None:
        self.label = f"the lock {path}"
        self._path, self._table = path, table
        requires = table["_meta"].get("requires") or {}
        self.python = requires.get("python_full_version") or requires.get("python_version")

    def pins(self, markers: Mapping[str, str]) -> Pins:
        return pins_of_pipfile_lock(self._table, markers, str(self._path))

    def installation(self, command: Sequence[str]) -> Installation:
        return lock_installation(self._path, command)


def recognise(candidate: Candidate) -> Side | None:
    if not candidate.is_file or not candidate.text.lstrip().startswith("{"):
        return None
    try:
        table = json.loads(candidate.text)
    except ValueError as error:
        if candidate.path.name == "Pipfile.lock":
            raise InvalidInput(f"{candidate.path} is no JSON: {error}", hint="`pipenv lock` writes it again") from error
        return None
    return PipfileLock(candidate.path, table) if isinstance(table.get("_meta"), dict) and "default" in table else None


def pins_of_pipfile_lock(table: Table, markers: Mapping[str, str], where: str) -> Pins:
    """The packages of ``[packages]``, without those of ``[dev-packages]``.

    Raises InvalidInput for a damaged lock, or for a package that no index has.
    """
    locked = LockedPins(where)
    try:
        require_python(where, _required_python(table), markers)
        for name, entry in table["default"].items():
            if applies(entry.get("markers"), markers):
                _add(locked, canonicalize_name(name), entry)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InvalidInput(f"{where} is damaged: {error!r}", hint="`pipenv lock` writes it again") from error
    return locked.pins()


def _required_python(table: Table) -> str:
    requires = table["_meta"].get("requires") or {}
    version = requires.get("python_full_version") or requires.get("python_version")
    return "" if version is None else f"=={version}" if version.count(".") > 1 else f"=={version}.*"


def _add(locked: LockedPins, name: str, entry: Table) -> None:
    digests = sha256_of(entry.get("hashes", ()))
    version = entry.get("version")
    if "git" in entry:
        locked.add(name, commit_pin(name, entry["git"], entry["ref"], entry.get("subdirectory")))
    elif "path" in entry:
        locked.leave_out(name, entry["path"])
    elif "file" in entry:
        locked.add(name, file_pin(name, entry["file"], f"sha256:{digests[0]}" if digests else None, None))
    else:
        locked.add(name, None if version is None else str(version).lstrip("="), digests)
