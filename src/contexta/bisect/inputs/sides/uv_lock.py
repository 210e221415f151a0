"""uv.lock, read by ``uv export``."""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from packaging.markers import Marker

from contexta.bisect.inputs.pins import Pins
from contexta.bisect.inputs.sides.locked_pins import LockedPins, require_python
from contexta.bisect.inputs.sides.side import KINDS_OF_SIDES, Candidate, Side, toml_beside
from contexta.core.errors import InvalidInput, shown
from contexta.findings.past_runs import Installation
from contexta.reproduce.environment_manager import lock_installation
from contexta.reproduce.uv.commands import find_uv
from contexta.reproduce.uv.error_messages import UvError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

DEFAULT_GROUPS = ("dev",)  # that `uv sync` installs where [tool.uv] names none
_LOCAL = ("virtual", "editable", "directory")  # sources in a directory

Table = Mapping[str, Any]


class UvLock(Side):
    def __init__(self, path: Path, text: str, table: Table) -> None:
        self.label = f"the lock {path}"
        self._path, self._text, self._table = path, text, table
        self._groups = _default_groups(path)

    def pins(self, markers: Mapping[str, str]) -> Pins:
        return pins_of_uv_lock(self._text, self._table, markers, str(self._path), self._groups)

    def installation(self, command: Sequence[str]) -> Installation:
        return lock_installation(self._path, command)


def recognise(candidate: Candidate) -> Side | None:
    if not candidate.is_file or (table := candidate.table) is None:
        return None
    if "requires-python" in table and isinstance(table.get("package", []), list):
        return UvLock(candidate.path, candidate.text, table)
    if table or candidate.has_toml_name:
        raise InvalidInput(f"{candidate.path} is not a known lock file", hint=f"give {KINDS_OF_SIDES}")
    return None


def _default_groups(lock: Path) -> tuple[str, ...] | None:
    """The groups that `uv sync` installs, by the pyproject.toml next to a lock; None for all."""
    table = toml_beside(lock)
    if table is None:
        return DEFAULT_GROUPS
    groups = table.get("tool", {}).get("uv", {}).get("default-groups", DEFAULT_GROUPS)
    return None if groups == "all" else tuple(map(str, groups))


def pins_of_uv_lock(
    text: str, table: Table, markers: Mapping[str, str], where: str, groups: Sequence[str] | None
) -> Pins:
    """What ``uv sync`` installs from a uv.lock: the project, or all members of a workspace without one.

    table: the parsed text. groups: of dependencies; None for all. Extras are not installed.
    Raises InvalidInput for a lock that uv cannot read, for other interpreters, or for a package that no index has.
    """
    require_python(where, str(table["requires-python"]), markers)
    try:
        export = _exported(text, table, groups)
    except (KeyError, TypeError, AttributeError) as error:
        raise InvalidInput(f"{where} is damaged: {error!r}", hint="`uv lock` writes it again") from error
    except UvError as error:
        raise InvalidInput(f"{where} cannot be read: {error.what}", hint="`uv lock` writes it again") from error
    locked = LockedPins(where)
    for package in export.get("packages", ()):
        marker = package.get("marker")
        if marker is None or Marker(marker).evaluate({**markers, "extra": ""}):
            locked.add_package(package)
    return locked.pins()


def _exported(text: str, table: Table, groups: Sequence[str] | None) -> Table:
    """The export of a lock by uv, as a pylock.toml. uv reads a lock in a project, so a minimal project is created with
    the names in the lock.
    """
    with tempfile.TemporaryDirectory(prefix="contexta-") as folder:
        manifest = table.get("manifest", {})
        directories = _directories(table)
        available = {*manifest.get("dependency-groups", {})}
        for package in table["package"]:
            available |= {*package.get("dev-dependencies", {})} if package["name"] in directories.values() else set()
        if not directories:
            Path(folder, "script.py.lock").write_text(text, encoding="utf-8")
            Path(folder, "script.py").write_text("# /// script\n# dependencies = []\n# ///\n")
            return tomllib.loads(find_uv().export(Path(folder), ["--script=script.py"]))
        Path(folder, "uv.lock").write_text(text, encoding="utf-8")
        if "." not in directories:
            members = json.dumps(list(directories))
            Path(folder, "pyproject.toml").write_text(f"[tool.uv.workspace]\nmembers = {members}\n")
        for directory, name in directories.items():
            Path(folder, directory).mkdir(parents=True, exist_ok=True)
            project = f'[project]\nname = {json.dumps(name)}\nversion = "0"\n'
            Path(folder, directory, "pyproject.toml").write_text(project, encoding="utf-8")
        names = available if groups is None else available & {*groups}
        options = [] if "." in directories else ["--all-packages"]
        return tomllib.loads(find_uv().export(Path(folder), [*options, *(f"--group={name}" for name in sorted(names))]))


def _directories(table: Table) -> dict[str, str]:
    """Directory -> name of the project of a lock; of all members of a workspace that has none; {} for a script."""
    members = table.get("manifest", {}).get("members", ())
    directories = {}
    for package in table["package"]:
        for kind in _LOCAL:
            directory = package.get("source", {}).get(kind)
            if directory == ".":
                return {directory: package["name"]}
            if directory is not None and package["name"] in members:
                if ".." in PurePosixPath(directory).parts or PurePosixPath(directory).is_absolute():
                    raise InvalidInput(f"{package['name']} of a workspace is in {shown(directory)}, outside of it")
                directories[directory] = package["name"]
    return directories
