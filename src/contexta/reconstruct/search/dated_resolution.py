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

from contexta.reconstruct.trace_values import Wish
from contexta.reproduce.uv.commands import Uv
from contexta.reproduce.uv.error_messages import IndexUnreachable, UvError, gist
from contexta.reproduce.uv.newest_release import first_release

_LINE = re.compile(r"(?P<name>[A-Za-z0-9._-]+)==(?P<version>[^\s;]+)(?:[^#]*#\s+via\s+(?P<via>.+))?")
_NEWEST_MINOR = 60


@dataclass(frozen=True)
class ResolvedPackage:
    version: str
    requirers: tuple[str, ...]
    """The packages that require it; empty for what only a file requires."""


@dataclass(frozen=True)
class Resolution:
    """What uv found. unresolved: wish -> why no version fits."""

    packages: Mapping[str, ResolvedPackage] = field(default_factory=dict)
    unresolved: Mapping[Wish, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def resolve(uv: Uv, python: str, wishes: Sequence[Wish], fixed: Mapping[str, str], before: datetime) -> Resolution:
    """The releases that uv would have chosen before a moment, on a version of Python. Nothing is built.

    fixed: package -> version that is known. Raises IndexUnreachable where nothing can be known.
    """
    pins = [f"{name}=={version}" for name, version in fixed.items()]
    try:
        return Resolution(_resolved(uv, python, [*_lines(wishes), *pins], (), before))
    except IndexUnreachable:
        raise
    except UvError:
        pass
    # Pins override what packages require of each other: traces of different times may contradict each other.
    notes: list[str] = []
    unresolved: dict[Wish, str] = {}
    for wish in wishes:
        if wish.name in fixed:
            continue
        try:
            _resolved(uv, python, _lines([wish]), pins, before)
        except IndexUnreachable:
            raise
        except UvError as error:
            unresolved[wish] = gist(error)
    rest = [wish for wish in wishes if wish not in unresolved]
    try:
        packages = _resolved(uv, python, [*_lines(rest), *pins], pins, before)
    except IndexUnreachable:
        raise
    except UvError as error:
        return Resolution({}, {**unresolved, **{wish: gist(error) for wish in rest if wish.name not in fixed}})
    if not unresolved:
        notes.append("the observed versions contradict requirements of each other, or of the project: they are kept")
    return Resolution(packages, unresolved, tuple(notes))


def _lines(wishes: Sequence[Wish]) -> list[str]:
    return [wish.line for wish in wishes]


def _resolved(
    uv: Uv, python: str, lines: Sequence[str], overrides: Sequence[str], before: datetime
) -> dict[str, ResolvedPackage]:
    if not lines:
        return {}
    output = uv.resolve(
        sys.executable, lines, overrides, before=before.isoformat(), python_version=python, is_build_allowed=False
    )
    packages: dict[str, ResolvedPackage] = {}
    for line in output.splitlines():
        if match := _LINE.match(line):
            via = [canonicalize_name(name.strip()) for name in (match["via"] or "").split(",") if name.strip()]
            requirers = tuple(name for name in via if not name.startswith("-r"))
            packages[canonicalize_name(match["name"])] = ResolvedPackage(match["version"], requirers)
    return packages


def pythons_at(when: datetime, allowed: Sequence[Wish]) -> list[str]:
    """The minor versions of Python that were released before a moment and are allowed, newest first."""
    specifiers = [Requirement(wish.line).specifier for wish in allowed]
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
