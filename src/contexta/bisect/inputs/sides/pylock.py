"""pylock.toml (PEP 751)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import Any

from contexta.bisect.inputs.pins import Pins
from contexta.bisect.inputs.sides.locked_pins import LockedPins, require_python
from contexta.bisect.inputs.sides.side import Candidate, Side
from contexta.bisect.option_names import option
from contexta.core.errors import ContextaError, InvalidInput
from contexta.findings.past_runs import Installation
from contexta.reproduce.environment_manager import lock_installation


class PylockFile(Side):
    def __init__(self, path: Path, table: Mapping[str, Any]) -> None:
        self.label = f"the lock {path}"
        self._path, self._table = path, table

    def pins(self, markers: Mapping[str, str]) -> Pins:
        return pins_of_pylock(self._table, markers, str(self._path))

    def installation(self, command: Sequence[str]) -> Installation:
        return lock_installation(self._path, command)


def recognise(candidate: Candidate) -> Side | None:
    if candidate.is_file and (table := candidate.table) is not None and "lock-version" in table:
        return PylockFile(candidate.path, table)
    return None


def pins_of_pylock(lock: Mapping[str, Any], markers: Mapping[str, str], where: str) -> Pins:
    """What a pylock.toml installs for an interpreter, with its default groups and without extras.

    Raises InvalidInput for a lock that is damaged, is for other interpreters, or installs what no index has;
    ContextaError where the installed packaging does not know the format.
    """
    try:
        from packaging.pylock import Pylock, PylockValidationError
    except ImportError as error:
        raise ContextaError(
            f"{where}: the installed packaging does not know pylock.toml",
            hint="`pip install -U packaging`, or give a requirements file",
        ) from error
    try:
        pylock = Pylock.from_dict(lock)
    except PylockValidationError as error:
        raise InvalidInput(f"{where} is no valid pylock.toml: {error}") from error
    require_python(where, str(pylock.requires_python or ""), markers)
    if pylock.environments and not any(marker.evaluate(dict(markers)) for marker in pylock.environments):
        environments = " or ".join(f"({marker})" for marker in pylock.environments)
        raise InvalidInput(
            f"{where} is for {environments}",
            hint=f"name an interpreter it is for: {option('old_python')}, {option('new_python')}",
        )
    marker_values: dict[str, str | AbstractSet[str]] = {
        **markers,
        "extras": frozenset(),
        "dependency_groups": frozenset(pylock.default_groups or ()),
    }
    locked = LockedPins(where)
    for package, table in zip(pylock.packages, lock["packages"], strict=True):
        if package.marker is None or package.marker.evaluate(marker_values, context="lock_file"):
            locked.add_package(table)
    return locked.pins()
