"""pdm.lock: what ``pdm install`` installs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from packaging.utils import canonicalize_name

from contexta.bisect.inputs.direct_references import commit_pin, file_pin
from contexta.bisect.inputs.pins import Pins
from contexta.bisect.inputs.sides.locked_pins import LockedPins, applies, require_python, sha256_of
from contexta.bisect.inputs.sides.side import Candidate, Side, toml_beside
from contexta.core.errors import InvalidInput
from contexta.findings.past_runs import Installation
from contexta.reproduce.environment_manager import lock_installation

Table = Mapping[str, Any]


class PdmLock(Side):
    def __init__(self, path: Path, table: Table) -> None:
        self.label = f"the lock {path}"
        self._path, self._table = path, table
        self._optional = _optional_groups(toml_beside(path))

    def pins(self, markers: Mapping[str, str]) -> Pins:
        return pins_of_pdm_lock(self._table, markers, str(self._path), self._optional)

    def installation(self, command: Sequence[str]) -> Installation:
        return lock_installation(self._path, command)


def recognise(candidate: Candidate) -> Side | None:
    if candidate.is_file and (table := candidate.table) is not None and is_pdm_lock(table):
        return PdmLock(candidate.path, table)
    return None


def is_pdm_lock(table: Table) -> bool:
    metadata = table.get("metadata")
    return isinstance(metadata, dict) and "lock_version" in metadata and "content_hash" in metadata


def pins_of_pdm_lock(table: Table, markers: Mapping[str, str], where: str, optional: frozenset[str]) -> Pins:
    """The default dependencies and those of all groups for development. optional: names of groups that are extras.

    Raises InvalidInput for a damaged lock, for one without the groups of its packages, or for a package that no index
    has.
    """
    packages = table.get("package", [])
    locked = LockedPins(where)
    try:
        if packages and not any("groups" in package for package in packages):
            raise InvalidInput(
                f"{where} does not say for which Python and group a package is: it was locked without inherit_metadata",
                hint="`pdm lock --strategy inherit_metadata`, or `pdm export -o old.txt` and give that file",
            )
        for package in packages:
            if not {*package["groups"]} <= optional and applies(package.get("marker"), markers):
                require_python(f"{package['name']} in {where}", package.get("requires_python", ""), markers)
                _add(locked, package)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InvalidInput(f"{where} is damaged: {error!r}", hint="`pdm lock` writes it again") from error
    return locked.pins()


def _optional_groups(project: Table | None) -> frozenset[str]:
    return frozenset((project or {}).get("project", {}).get("optional-dependencies", {}))


def _add(locked: LockedPins, package: Table) -> None:
    name = canonicalize_name(package["name"])
    digests = sha256_of(file["hash"] for file in package.get("files", ()) if "hash" in file)
    if "git" in package:
        locked.add(name, commit_pin(name, package["git"], package["revision"], package.get("subdirectory")))
    elif "url" in package:
        locked.add(name, file_pin(name, package["url"], f"sha256:{digests[0]}" if digests else None, None))
    elif "path" in package:
        locked.leave_out(name, package["path"])
    else:
        locked.add(name, package.get("version"), digests)
