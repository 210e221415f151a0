"""poetry.lock of Poetry 1 and 2: what ``poetry install`` installs."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name

from contexta.bisect.inputs.direct_references import commit_pin, file_pin
from contexta.bisect.inputs.pins import Pins
from contexta.bisect.inputs.sides.locked_pins import LockedPins, another_interpreter, applies, sha256_of
from contexta.bisect.inputs.sides.side import Candidate, Side, toml_beside
from contexta.core.errors import InvalidInput
from contexta.findings.past_runs import Installation
from contexta.reproduce.environment_manager import lock_installation

Table = Mapping[str, Any]
_CARET = re.compile(r"\^\s*(\d+)(?:\.(\d+))?(?:\.(\d+))?")
_TILDE = re.compile(r"~\s*(?!=)(\d+)(?:\.(\d+))?(?:\.\d+)*")


class PoetryLock(Side):
    def __init__(self, path: Path, table: Table) -> None:
        self.label = f"the lock {path}"
        self._path, self._table = path, table
        self._project = _project_beside(path)

    def pins(self, markers: Mapping[str, str]) -> Pins:
        return pins_of_poetry_lock(self._table, markers, str(self._path), self._project)

    def installation(self, command: Sequence[str]) -> Installation:
        return lock_installation(self._path, command)


def recognise(candidate: Candidate) -> Side | None:
    if candidate.is_file and (table := candidate.table) is not None and is_poetry_lock(table):
        return PoetryLock(candidate.path, table)
    return None


def is_poetry_lock(table: Table) -> bool:
    metadata = table.get("metadata")
    return isinstance(metadata, dict) and "content-hash" in metadata and "python-versions" in metadata


def pins_of_poetry_lock(table: Table, markers: Mapping[str, str], where: str, project: Table | None) -> Pins:
    """The main dependencies and those of all groups that are not optional, without extras.

    project: the table ``tool.poetry`` of the pyproject.toml beside the lock; None without one. A lock of Poetry 1 does
    not say what belongs to which group. Then it is found by walking through the dependencies.
    Raises InvalidInput for a damaged lock, for other interpreters, or for a package that no index has.
    """
    _require_python(where, str(table["metadata"]["python-versions"]), markers)
    locked = LockedPins(where)
    try:
        packages = [entry for entry in table.get("package", ()) if _fits(entry.get("python-versions", "*"), markers)]
        if any("groups" in package for package in packages):
            chosen = [package for package in packages if _is_in_group(package, markers, _optional_groups(project))]
        else:
            applying = [package for package in packages if applies(package.get("markers"), markers)]
            chosen = list(_Graph(applying, markers).reached(project))
        for package in chosen:
            _add(locked, package)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InvalidInput(f"{where} is damaged: {error!r}", hint="`poetry lock` writes it again") from error
    return locked.pins()


def _project_beside(lock: Path) -> Table | None:
    table = (toml_beside(lock) or {}).get("tool", {}).get("poetry")
    return table if isinstance(table, dict) else None


def _require_python(where: str, allowed: str, markers: Mapping[str, str]) -> None:
    if not _fits(allowed, markers):
        version = markers["python_full_version"]
        raise InvalidInput(f"{where} is for Python {allowed}, not {version}", hint=another_interpreter())


def _fits(constraint: str, markers: Mapping[str, str]) -> bool:
    """Whether the interpreter is in a range as Poetry writes it: ``^3.9``, ``>=3.8,<4.0 || 2.7.*``."""
    return any(_contains(part, markers["python_full_version"]) for part in re.split(r"\|\|?", constraint))


def _contains(text: str, version: str) -> bool:
    text = _CARET.sub(_caret, text.strip())
    text = _TILDE.sub(lambda match: f"=={match[1]}.{match[2]}.*" if match[2] else f"=={match[1]}.*", text)
    text = "" if text == "*" else f"=={text}" if text[:1].isdigit() else text
    try:
        return SpecifierSet(re.sub(r"(?<=[\w*])\s+(?=[<>=!~])", ",", text)).contains(version, prereleases=True)
    except InvalidSpecifier:
        return True  # the dependencies of another kind of package: not what decides


def _caret(match: re.Match[str]) -> str:
    """``^1.2`` as ``>=1.2,<2``: the first number that is not 0 stays."""
    numbers = [int(number) for number in match.groups() if number is not None]
    place = next((number for number, value in enumerate(numbers) if value), len(numbers) - 1)
    limit = ".".join(map(str, [*numbers[:place], numbers[place] + 1]))
    return f">={'.'.join(map(str, numbers))},<{limit}"


def _optional_groups(project: Table | None) -> set[str]:
    groups = (project or {}).get("group", {})
    return {name for name, group in groups.items() if group.get("optional")}


def _is_in_group(package: Table, markers: Mapping[str, str], optional: set[str]) -> bool:
    """Whether a package of a lock of Poetry 2 is installed. Its markers may differ between groups."""
    own = package.get("markers")
    return not package.get("optional") and any(
        applies(own.get(group) if isinstance(own, dict) else own, markers)
        for group in package["groups"]
        if group not in optional
    )


class _Graph:
    """The packages of a lock of Poetry 1, by name."""

    def __init__(self, packages: Sequence[Table], markers: Mapping[str, str]) -> None:
        self._markers = markers
        self._packages: dict[str, list[Table]] = {}
        for package in packages:
            self._packages.setdefault(canonicalize_name(package["name"]), []).append(package)

    def reached(self, project: Table | None) -> Iterator[Table]:
        """What the project installs; without it, what those packages need that no other one needs."""
        waiting = list(self._of_project(project) if project is not None else self._roots())
        seen: set[tuple[str, tuple[str, ...]]] = set()
        found: dict[str, Table] = {}
        while waiting:
            name, constraint, extras = waiting.pop()
            if (name, extras) in seen or name not in self._packages:
                continue
            seen.add((name, extras))
            package = found.setdefault(name, self._fitting(name, constraint))
            waiting += self._dependencies(package.get("dependencies", {}), ("", *extras))
        return iter(found.values())

    def _of_project(self, project: Table) -> Iterator[tuple[str, str, tuple[str, ...]]]:
        groups = [group for group in project.get("group", {}).values() if not group.get("optional")]
        tables = [project, *groups]
        for dependencies in (*(table.get("dependencies", {}) for table in tables), project.get("dev-dependencies", {})):
            yield from self._dependencies({name: wanted for name, wanted in dependencies.items() if name != "python"})

    def _roots(self) -> Iterator[tuple[str, str, tuple[str, ...]]]:
        needed = {
            canonicalize_name(name)
            for packages in self._packages.values()
            for package in packages
            for name in package.get("dependencies", {})
        }
        for name, packages in self._packages.items():
            if name not in needed and not all(package.get("optional") for package in packages):
                yield name, "*", ()

    def _dependencies(
        self, dependencies: Table, extras: Sequence[str] = ("",)
    ) -> Iterator[tuple[str, str, tuple[str, ...]]]:
        """(name, constraint, its extras) of those that apply."""
        for name, wanted in dependencies.items():
            for one in wanted if isinstance(wanted, list) else [wanted]:
                details = one if isinstance(one, dict) else {"version": one}
                if details.get("optional") and not str(details.get("markers", "")).count("extra"):
                    continue
                if applies(details.get("markers"), self._markers, extras) and _fits(
                    details.get("python", "*"), self._markers
                ):
                    yield canonicalize_name(name), details.get("version", "*"), tuple(details.get("extras", ()))

    def _fitting(self, name: str, constraint: str) -> Table:
        """The release that fits a dependency, where the lock has several of one package."""
        releases = self._packages[name]
        parts = re.split(r"\|\|?", constraint)
        fitting = [package for package in releases if any(_contains(part, package["version"]) for part in parts)]
        return (fitting or releases)[-1]


def _add(locked: LockedPins, package: Table) -> None:
    name, source = canonicalize_name(package["name"]), package.get("source", {})
    kind, url = source.get("type"), source.get("url", "")
    digests = sha256_of(file["hash"] for file in package.get("files", ()) if "hash" in file)
    if kind == "git":
        locked.add(name, commit_pin(name, url, source["resolved_reference"], source.get("subdirectory")))
    elif kind == "url":
        locked.add(name, file_pin(name, url, f"sha256:{digests[0]}" if digests else None, source.get("subdirectory")))
    elif kind == "directory":
        locked.leave_out(name, url)
    elif kind == "file":
        locked.refuse(name, url)
    else:  # an index
        locked.add(name, package.get("version"), digests)
