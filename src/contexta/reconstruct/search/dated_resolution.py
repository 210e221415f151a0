"""Ask uv which versions would have been installed at a moment, with observed versions held fixed."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

from contexta.reconstruct.trace_values import UnpinnedRequirement
from contexta.reproduce.uv.commands import Uv
from contexta.reproduce.uv.error_messages import IndexUnreachable, UvError, gist
from contexta.reproduce.uv.newest_release import first_release
from contexta.reproduce.uv.release_files import IndexedRelease

_LINE = re.compile(r"(?P<name>[A-Za-z0-9._-]+)==(?P<version>[^\s;]+)(?:[^#]*#\s+via\s+(?P<via>.+))?")
_NEWEST_MINOR = 60


@dataclass(frozen=True)
class ResolvedPackage:
    version: str
    requirers: tuple[str, ...]
    """The packages that require it; empty for what only a file requires."""


@dataclass(frozen=True)
class Resolution:
    """The result of uv. unresolved: requirement -> why no version fits."""

    packages: Mapping[str, ResolvedPackage] = field(default_factory=dict)
    unresolved: Mapping[UnpinnedRequirement, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def resolve(
    uv: Uv,
    python: str,
    unpinned: Sequence[UnpinnedRequirement],
    fixed: Mapping[str, str],
    before: datetime,
    preferred: Mapping[str, str],
) -> Resolution:
    """The releases that uv would have chosen before a moment, on a version of Python. Nothing is built.

    fixed: package -> version that is known. preferred: package -> version that is taken instead of a newer one if it
    fits. Raises IndexUnreachable where nothing can be known.
    """
    run = _Run(uv, python, before, preferred)
    pins = {name: Version(version).public for name, version in fixed.items()}
    try:
        return Resolution(run.resolved(unpinned, pins))
    except IndexUnreachable:
        raise
    except UvError:
        pass
    available = {name: pins[name] for name in releases_of(uv, python, pins)}
    notes = [f"not in the index, so that what it requires is unknown: {name}" for name in pins if name not in available]
    unresolved: dict[UnpinnedRequirement, str] = {}
    for requirement in unpinned:
        if requirement.name not in fixed and (reason := run.refusal(requirement, available)):
            unresolved[requirement] = reason
    rest = [requirement for requirement in unpinned if requirement not in unresolved]
    try:
        return Resolution(run.resolved(rest, available), unresolved, tuple(notes))
    except IndexUnreachable:
        raise
    except UvError:
        notes.append("observed versions contradict requirements of each other, or of the project: they are kept")
    # Pins override what packages require of each other: traces of different times may contradict each other.
    try:
        return Resolution(run.resolved(rest, available, is_forced=True), unresolved, tuple(notes))
    except IndexUnreachable:
        raise
    except UvError as error:
        return Resolution(
            {}, {**unresolved, **{requirement: gist(error) for requirement in rest if requirement.name not in fixed}}
        )


@dataclass(frozen=True)
class _Run:
    uv: Uv
    python: str
    before: datetime
    preferred: Mapping[str, str]

    def resolved(
        self, unpinned: Sequence[UnpinnedRequirement], pins: Mapping[str, str], *, is_forced: bool = False
    ) -> dict[str, ResolvedPackage]:
        """is_forced: whether pins override what packages require of each other."""
        fixed = [f"{name}=={version}" for name, version in pins.items()]
        lines = [requirement.line for requirement in unpinned if not (is_forced and requirement.name in pins)] + fixed
        if not lines:
            return {}
        output = self.uv.resolve(
            sys.executable,
            lines,
            fixed if is_forced else (),
            [f"{name}=={version}" for name, version in self.preferred.items()],
            before=self.before.isoformat(),
            python_version=self.python,
            is_build_allowed=False,
            undated=pins,
        )
        packages: dict[str, ResolvedPackage] = {}
        for line in output.splitlines():
            if match := _LINE.match(line):
                via = [canonicalize_name(name.strip()) for name in (match["via"] or "").split(",") if name.strip()]
                requirers = tuple(name for name in via if not name.startswith("-r"))
                packages[canonicalize_name(match["name"])] = ResolvedPackage(match["version"], requirers)
        return packages

    def refusal(self, requirement: UnpinnedRequirement, pins: Mapping[str, str]) -> str:
        """Why a requirement cannot be resolved, with the pins in force; empty where it can."""
        try:
            self.resolved([requirement], pins, is_forced=True)
        except IndexUnreachable:
            raise
        except UvError as error:
            return gist(error)
        return ""


def releases_of(uv: Uv, python: str, pins: Mapping[str, str]) -> dict[str, IndexedRelease]:
    """The releases that the index has, by package. Halves the pins until a half is there. Raises IndexUnreachable."""
    if not pins:
        return {}
    try:
        return {canonicalize_name(release.name): release for release in uv.compile(python, pins, build=True)}
    except IndexUnreachable:
        raise
    except UvError:
        if len(pins) == 1:
            return {}
    names = list(pins)
    halves = (names[: len(names) // 2], names[len(names) // 2 :])
    return {
        name: release
        for half in halves
        for name, release in releases_of(uv, python, {name: pins[name] for name in half}).items()
    }


def published_after(uv: Uv, python: str, versions: Mapping[str, str], when: datetime) -> dict[str, datetime]:
    """The packages whose release was published after a moment, with its date. Raises IndexUnreachable."""
    pins = {name: Version(version).public for name, version in versions.items()}
    dates = {
        name: [file.uploaded for file in release.files if file.uploaded is not None]
        for name, release in releases_of(uv, python, pins).items()
    }
    return {name: min(uploads) for name, uploads in dates.items() if uploads and min(uploads) > when}


def pythons_at(when: datetime, allowed: Sequence[UnpinnedRequirement]) -> list[str]:
    """The minor versions of Python that were released before a moment and are allowed, newest first."""
    specifiers = [Requirement(requirement.line).specifier for requirement in allowed]
    minors = []
    for minor in range(_NEWEST_MINOR, 5, -1):
        released = first_release(minor)
        if released is None or datetime(*released, tzinfo=timezone.utc) > when:
            continue
        if all(_allows(specifier, minor) for specifier in specifiers):
            minors.append(f"3.{minor}")
    return minors


def _allows(specifier: SpecifierSet, minor: int) -> bool:
    """Whether some patch release of a minor version fits."""
    return any(specifier.contains(f"3.{minor}.{patch}") for patch in range(31))
