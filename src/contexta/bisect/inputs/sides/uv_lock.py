"""uv.lock."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from packaging.markers import InvalidMarker, Marker
from packaging.utils import canonicalize_name

from contexta.bisect.inputs.direct_references import commit_pin, file_pin
from contexta.bisect.inputs.pins import Pins
from contexta.bisect.inputs.sides.locked_pins import LockedPins, require_python
from contexta.bisect.inputs.sides.side import KINDS_OF_SIDES, Candidate, Side, read_text
from contexta.core.errors import InvalidInput, shown
from contexta.findings.past_runs import Installation
from contexta.reproduce.environment_manager import lock_installation

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

DEFAULT_GROUPS = ("dev",)  # that `uv sync` installs where [tool.uv] names none
_KNOWN_VERSION = 1  # of the format
_EXPORT = "`uv export --frozen --no-hashes --no-emit-project` writes it as a requirements file"

Table = Mapping[str, Any]


class UvLock(Side):
    def __init__(self, path: Path, table: Table) -> None:
        self.label = f"the lock {path}"
        self._path, self._table = path, table
        self._groups = _default_groups(path.with_name("pyproject.toml"))

    def pins(self, markers: Mapping[str, str]) -> Pins:
        try:
            return pins_of_uv_lock(self._table, markers, str(self._path), self._groups)
        except (KeyError, TypeError, AttributeError) as error:
            raise InvalidInput(f"{self._path} is damaged: {error!r}", hint="`uv lock` writes it again") from error

    def installation(self, command: Sequence[str]) -> Installation:
        return lock_installation(self._path, command)


def recognise(candidate: Candidate) -> Side | None:
    if not candidate.is_file or (table := candidate.table) is None:
        return None
    if "requires-python" in table and isinstance(table.get("package", []), list):
        return UvLock(candidate.path, table)
    if table or candidate.has_toml_name:
        raise InvalidInput(f"{candidate.path} is no lock that is known", hint=f"give {KINDS_OF_SIDES}")
    return None


def _default_groups(project: Path) -> tuple[str, ...] | None:
    """The groups that `uv sync` installs, by the pyproject.toml beside a lock; None for all."""
    if not project.is_file():
        return DEFAULT_GROUPS
    try:
        table = tomllib.loads(read_text(project))
    except tomllib.TOMLDecodeError as error:
        raise InvalidInput(f"{project} is no TOML: {error}") from error
    groups = table.get("tool", {}).get("uv", {}).get("default-groups", DEFAULT_GROUPS)
    return None if groups == "all" else tuple(map(str, groups))


def pins_of_uv_lock(lock: Table, markers: Mapping[str, str], where: str, groups: Sequence[str] | None) -> Pins:
    """What ``uv sync`` installs from a uv.lock: the project, or all members of a workspace without one.

    Default groups are installed, extras and packages in directories are not. groups: of dependencies; None for all.
    Raises InvalidInput for a newer format, for other interpreters, or for a package that no index has.
    """
    if lock.get("version") != _KNOWN_VERSION:
        raise InvalidInput(f"{where} is of version {shown(lock.get('version'))}, which is not known", hint=_EXPORT)
    require_python(where, str(lock.get("requires-python", "")), markers)
    packages: list[Table] = lock["package"]
    closure = _Closure(packages, markers, where)
    for root in _roots(lock, groups):
        closure.follow(root)
    locked = LockedPins(where)
    for number in closure.packages:
        package = packages[number]
        name, source = canonicalize_name(package["name"]), package.get("source", {})
        directory = next((source[kind] for kind in ("virtual", "editable", "directory") if kind in source), None)
        if directory is not None:
            if "virtual" not in source:
                locked.leave_out(name, directory)
        elif (address := _address(name, package)) is not None:
            locked.add(name, address)
        elif "registry" not in source:
            locked.refuse(name, next(iter(source), "nowhere"))
        else:
            digests = [file.get("hash", "").partition("sha256:")[2] for file in _files(package)]
            locked.add(name, package.get("version"), digests)
    return locked.pins()


def _address(name: str, package: Table) -> str | None:
    """The pin of a package that comes from a git repository or a URL; None for any other."""
    source = package.get("source", {})
    if "git" in source:
        address, _, commit = source["git"].partition("#")
        repository, _, query = address.partition("?")
        return commit_pin(name, repository, commit, dict(parse_qsl(query)).get("subdirectory")) if commit else None
    if "url" in source:
        digest = next((file["hash"] for file in _files(package) if "hash" in file), None)
        return file_pin(name, source["url"], digest, source.get("subdirectory"))
    return None


def _files(package: Table) -> list[Table]:
    return [*package.get("wheels", ()), *([package["sdist"]] if "sdist" in package else [])]


class _Closure:
    """The packages that are reached from the roots of a lock."""

    def __init__(self, packages: Sequence[Table], markers: Mapping[str, str], where: str) -> None:
        self._all, self._markers, self._where = packages, markers, where
        self._seen: set[tuple[int, str]] = set()
        self.packages: dict[int, None] = {}

    def follow(self, entry: Table) -> None:
        """Add the package of a dependency, and all that it depends on, where the marker holds."""
        waiting = [entry]
        while waiting:
            dependency = waiting.pop()
            if not self._holds(dependency.get("marker")):
                continue
            number = self._package(dependency)
            self.packages[number] = None
            for extra in ("", *dependency.get("extra", ())):
                if (number, extra) in self._seen:
                    continue
                self._seen.add((number, extra))
                package = self._all[number]
                if extra:
                    waiting += package.get("optional-dependencies", {}).get(extra, ())
                else:
                    waiting += package.get("dependencies", ())

    def _package(self, entry: Table) -> int:
        """The index of the package of a dependency; of several forks the one whose resolution markers hold."""
        fitting = [
            number
            for number, package in enumerate(self._all)
            if package["name"] == entry["name"]
            and all(package.get(key) == entry[key] for key in ("version", "source") if key in entry)
        ]
        if len(fitting) > 1:
            fitting = [
                number
                for number in fitting
                if any(self._holds(marker) for marker in self._all[number].get("resolution-markers", ()))
            ]
        if len(fitting) != 1:
            raise InvalidInput(f"{self._where} does not tell which {entry['name']} is meant", hint=_EXPORT)
        return fitting[0]

    def _holds(self, marker: str | None) -> bool:
        try:
            return marker is None or Marker(marker).evaluate({**self._markers, "extra": ""})
        except InvalidMarker as error:
            raise InvalidInput(f"{self._where}: {shown(marker)} is no marker", hint=_EXPORT) from error


def _roots(lock: Table, groups: Sequence[str] | None) -> Iterator[Table]:
    """The dependencies of the project, or of all members of a workspace."""
    manifest = lock.get("manifest", {})
    local = [package for package in lock["package"] if {"virtual", "editable"} & {*package.get("source", {})}]
    project = [package for package in local if "." in package["source"].values()]
    members = [package for package in local if package["name"] in manifest.get("members", ())]
    tables = [manifest.get("dependency-groups", {})]
    yield from manifest.get("requirements", ())  # of a script
    for root in project or members:
        yield {"name": root["name"], "source": root["source"]}
        tables.append(root.get("dev-dependencies", {}))
    for table in tables:
        for group in table if groups is None else groups:
            yield from table.get(group, ())
