"""Check that requirements files pin everything that their packages require, and complete them with uv.

uv resolves the pins of each file on the interpreter of its side: what it adds is missing in the file. A file is
completed as of the day when its newest pin was published, where the index has dates. Environments and recorded runs
are not checked, because they were complete enough to run.
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from contexta.bisect.inputs.pins import Pins
from contexta.bisect.option_names import option
from contexta.bisect.space.changes import BOTH
from contexta.core.errors import InvalidInput
from contexta.reproduce.uv.commands import Uv
from contexta.reproduce.uv.error_messages import IndexUnreachable, UvError
from contexta.reproduce.uv.indexes import uv_has_date_limit
from contexta.reproduce.uv.interpreters import Interpreter
from contexta.reproduce.uv.newest_release import current_with, published
from contexta.reproduce.uv.urls import is_address

CHECK, RESOLVE, AS_PINNED = "check", "resolve", "as pinned"
_LINE = re.compile(r"(?P<name>[A-Za-z0-9._-]+)==(?P<version>\S+)(?:\s+#\s+via\s+(?P<via>.+))?")
_DEPENDS = re.compile(
    r"(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)(?:\[[^]]*\])?(?:[<>=!~]\S*)? depends? on "
    r"(?P<on>[A-Za-z0-9][A-Za-z0-9._-]*)(?:\[[^]]*\])?(?P<specifier>(?:[<>=!~][^\s]*)?)"
)
_CONCLUSION = re.compile(r"we can conclude that .*?(?=(?:\(\d+\) )?(?:And b|B)ecause |\Z)")
_MOST_CONFLICTS = 10  # each takes another resolution
_SHOWN = 300  # characters of a message of uv
_NOTHING: Mapping[str, str] = {}


@dataclass(frozen=True)
class UnpinnedPackage:
    """A package that a side does not pin."""

    name: str
    version: str
    """The version that uv would install; "" if there is none."""
    requirer: str
    """The package that requires it, with its version if known."""


@dataclass(frozen=True)
class Checked:
    """What one side lacks."""

    missing: tuple[UnpinnedPackage, ...] = ()
    conflicts: tuple[str, ...] = ()
    """Pins that contradict a requirement, in words."""
    unknown: str = ""
    """Why the side could not be checked."""


@dataclass(frozen=True)
class Completed:
    """The sides, completed with ``RESOLVE``, and notes."""

    pins: Mapping[str, Pins]
    notes: tuple[str, ...] = field(default=())


def completed(
    files: Mapping[str, str],
    pins: Mapping[str, Pins],
    pythons: Mapping[str, Interpreter],
    uvs: Mapping[str, Uv],
    how: str = CHECK,
    skip: Collection[str] = (),
) -> Completed:
    """files: paths of the sides that are requirements files. how: CHECK, RESOLVE or AS_PINNED. skip: packages that the
    user leaves out.

    Raises InvalidInput where a file lacks something, with everything that both files lack.
    """
    if how == AS_PINNED or not files:
        return Completed(pins)
    checked = {end: _checked(pins[end], pythons[end], uvs[end], skip) for end in files}
    notes = [f"{files[end]}: {text}" for end in files for text in _check_notes(checked[end])]
    lacking = {end: checked[end].missing for end in files if checked[end].missing}
    if not lacking:
        return Completed(pins, tuple(notes))
    unavailable = [package for missing in lacking.values() for package in missing if not package.version]
    if how != RESOLVE or unavailable:
        raise _incomplete(files, lacking, unavailable)
    added = _resolved_together(tuple(lacking), pins, pythons, uvs, skip)
    for end, (versions, when) in added.items():
        lines = ", ".join(f"{name}=={version}" for name, version in versions.items())
        as_of = f", as of {when.date().isoformat()}" if when is not None else ""
        notes.append(f"{files[end]}, completed with uv (--resolve){as_of}: {lines}")
    whole = {
        end: replace(pins[end], packages=dict(sorted({**pins[end].packages, **versions}.items())))
        for end, (versions, _) in added.items()
    }
    return Completed({**pins, **whole}, tuple(notes))


def _resolved_together(
    ends: Sequence[str],
    pins: Mapping[str, Pins],
    pythons: Mapping[str, Interpreter],
    uvs: Mapping[str, Uv],
    skip: Collection[str],
) -> dict[str, tuple[dict[str, str], datetime | None]]:
    """(versions to add, date of the resolution) of each side. Versions of the other side are used if they fit."""
    dates = {end: _date(pins[end], pythons[end], uvs[end]) for end in ends}
    added: dict[str, tuple[dict[str, str], datetime | None]] = {}
    preferred: dict[str, str] = {}
    for end in (*ends, *ends):  # the second time with the versions of the other side
        available = {**_releases(pins[BOTH[end == "old"]].packages), **preferred}
        for when in dict.fromkeys((dates[end], None)):
            checked = _checked(pins[end], pythons[end], uvs[end], skip, available, when)
            if checked.missing and all(package.version for package in checked.missing):
                break  # else some of them were published later
        versions = {package.name: package.version for package in checked.missing}
        added[end] = (versions, when)
        preferred.update(versions)
    return added


def _date(side: Pins, python: Interpreter, uv: Uv) -> datetime | None:
    """The day after the newest pin was published; None where the index has no dates, or uv has a date limit."""
    if uv_has_date_limit({**os.environ, **dict(uv.options.variables)}, Path.cwd()):
        return None
    try:
        return current_with(published(uv, python, side.packages), python)
    except UvError:
        return None


def _check_notes(side: Checked) -> Iterator[str]:
    if side.unknown:
        yield f"could not check whether everything is pinned: {side.unknown}"
    yield from side.conflicts


def _incomplete(
    files: Mapping[str, str], lacking: Mapping[str, Sequence[UnpinnedPackage]], unavailable: Sequence[UnpinnedPackage]
) -> InvalidInput:
    message = "; ".join(f"{files[end]} lacks {_with_requirers(missing)}" for end, missing in lacking.items())
    if unavailable:
        names = ", ".join(dict.fromkeys(package.name for package in unavailable))
        way = f"no index that uv knows has {names}: name one (--extra-index-url in the file)"
    else:
        way = f"{option('resolve', True)} completes both sides with uv, or add the lines"
    return InvalidInput(message, hint=f"{way}; {option('as_pinned', True)} reruns the files as they are")


def _with_requirers(missing: Sequence[UnpinnedPackage]) -> str:
    """``six, which a 1 requires; b and c, which d 2 requires``."""
    groups: dict[str, list[str]] = {}
    for package in missing:
        groups.setdefault(package.requirer, []).append(package.name)
    return ", and ".join(
        f"{', '.join(names)}, which {requirer} requires" if requirer else ", ".join(names)
        for requirer, names in groups.items()
    )


# ------------------------------------------------------------------------------------------------- one side


def _checked(
    side: Pins,
    python: Interpreter,
    uv: Uv,
    skip: Collection[str],
    available: Mapping[str, str] = _NOTHING,
    when: datetime | None = None,
) -> Checked:
    """The packages that uv adds to a side. available: versions to prefer. when: the date of the resolution."""
    lines = [*pin_lines(side)]
    pinned = {*side.packages, *side.fixed}
    preferred = [f"{name}=={version}" for name, version in available.items() if name not in pinned]
    before = None if when is None else when.isoformat()
    overrides: dict[str, str] = {}
    conflicts: list[str] = []
    while True:
        try:
            resolved = uv.resolve(python.path, lines, list(overrides.values()), preferred, before)
        except IndexUnreachable as error:
            return Checked(conflicts=tuple(conflicts), unknown=error.what[:_SHOWN])
        except UvError as error:
            broken = [need for need in _requirements_in(error.what, side) if need.on not in overrides]
            contradicted = [need for need in broken if need.on in pinned]
            lacking = [need for need in broken if need.on not in {*pinned, *skip}]
            if contradicted and len(conflicts) < _MOST_CONFLICTS:
                for need in contradicted:
                    overrides[need.on] = _line(side, need.on)
                    pin = side.packages.get(need.on, "its own source")
                    conflicts.append(
                        f"{need.requirer} requires {need.on}{need.specifier}, and {need.on} {pin} is pinned"
                    )
                continue
            if lacking:
                missing = {need.on: UnpinnedPackage(need.on, "", need.requirer) for need in lacking}
                return Checked(tuple(missing.values()), tuple(conflicts))
            return Checked(conflicts=tuple(conflicts), unknown=error.what[:_SHOWN])
        return Checked(tuple(_added(resolved, side, skip)), tuple(conflicts))


@dataclass(frozen=True)
class _Requirement:
    """A requirement that uv names in an explanation."""

    requirer: str
    on: str
    specifier: str


def _requirements_in(explanation: str, side: Pins) -> list[_Requirement]:
    """The dependencies that uv names, without its conclusions."""
    requirements = []
    for match in _DEPENDS.finditer(_CONCLUSION.sub("", explanation)):
        name, on = canonicalize_name(match["name"]), canonicalize_name(match["on"].rstrip(".-_"))
        pin = side.packages.get(name, "")
        requirer = name if is_address(pin) else f"{name} {pin}".strip()
        requirements.append(_Requirement(requirer, on, match["specifier"].rstrip(",.")))
    return list(dict.fromkeys(requirements))


def resolved_pins(resolved: str) -> dict[str, str]:
    """Name -> version, of what ``Uv.resolve`` returns."""
    matches = [match for line in resolved.splitlines() if (match := _LINE.match(line))]
    return {canonicalize_name(match["name"]): match["version"] for match in matches}


def _added(resolved: str, side: Pins, skip: Collection[str]) -> Iterator[UnpinnedPackage]:
    """What uv installs besides the pins. What only skipped packages require is skipped, too."""
    matches = [match for line in resolved.splitlines() if (match := _LINE.match(line))]
    versions = resolved_pins(resolved)
    via: dict[str, list[str]] = {canonicalize_name(match["name"]): _requirers(match["via"] or "") for match in matches}
    pinned: set[str] = {*side.packages, *side.fixed}
    left_out: set[str] = {*skip}
    while more := {name for name in via.keys() - pinned - left_out if via[name] and {*via[name]} <= left_out}:
        left_out |= more
    for name in sorted(via.keys() - pinned - left_out):
        requirer = next((package for package in via[name] if package in pinned), next(iter(via[name]), ""))
        yield UnpinnedPackage(name, versions[name], f"{requirer} {versions.get(requirer, '')}".strip())


def _requirers(via: str) -> list[str]:
    """Of an annotation ``# via a, b``; ``-r -`` is the file itself."""
    return [canonicalize_name(name.strip()) for name in via.split(",") if name.strip() not in ("", "-r -")]


def pin_lines(side: Pins) -> Iterator[str]:
    """A side as lines of a requirements file."""
    for name in side.packages:
        yield _line(side, name)
    for package in side.fixed.values():
        yield package.line


def _line(side: Pins, name: str) -> str:
    if name in side.fixed:
        return side.fixed[name].line
    extras = side.extras.get(name, frozenset())
    named = f"{name}[{','.join(sorted(extras))}]" if extras else name
    pin = side.packages[name]
    line = f"{named} @ {pin}" if is_address(pin) else f"{named}=={pin}"
    return str(Requirement(line))


def _releases(packages: Mapping[str, str]) -> dict[str, str]:
    return {name: pin for name, pin in packages.items() if not is_address(pin)}
