"""Check that requirements files pin everything that their packages require, and complete them with uv.

uv resolves the pins of each file on its side's interpreter before anything is built: what it adds is missing in the
file. A file is completed as of the day when the newest of its pins was published, as far as the index tells dates.
Environments and recorded runs are not checked: what they lack was lacking when they ran.
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
_MOST_CONFLICTS = 10  # that are looked for, each by another resolution
_SHOWN = 300  # characters of what uv said
_NOTHING: Mapping[str, str] = {}


@dataclass(frozen=True)
class UnpinnedPackage:
    """A package that a side does not pin. version: that uv would take; "" where uv has none. requirer: who requires
    it, with its version where that is known."""

    name: str
    version: str
    requirer: str


@dataclass(frozen=True)
class Checked:
    """What one side lacks. conflicts: pins that contradict a requirement, in words. unknown: why it could not be
    checked."""

    missing: tuple[UnpinnedPackage, ...] = ()
    conflicts: tuple[str, ...] = ()
    unknown: str = ""


@dataclass(frozen=True)
class Completed:
    """The sides, completed where that was asked for, and notes about it."""

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
    """files: in words, of the sides that are requirements files. how: CHECK, RESOLVE or AS_PINNED. skip: packages
    that are left out on purpose.

    Raises InvalidInput where a file lacks something, with all that both lack.
    """
    if how == AS_PINNED or not files:
        return Completed(pins)
    checked = {end: _checked(pins[end], pythons[end], uvs[end], skip) for end in files}
    notes = [f"{files[end]}: {text}" for end in files for text in _told(checked[end])]
    lacking = {end: checked[end].missing for end in files if checked[end].missing}
    if not lacking:
        return Completed(pins, tuple(notes))
    hopeless = [each for missing in lacking.values() for each in missing if not each.version]
    if how != RESOLVE or hopeless:
        raise _incomplete(files, lacking, hopeless)
    added = _resolved_alike(tuple(lacking), pins, pythons, uvs, skip)
    for end, (versions, when) in added.items():
        told = ", ".join(f"{name}=={version}" for name, version in versions.items())
        as_of = f", as of {when.date().isoformat()}" if when is not None else ""
        notes.append(f"{files[end]}, completed with uv (--resolve){as_of}: {told}")
    whole = {
        end: replace(pins[end], packages=dict(sorted({**pins[end].packages, **versions}.items())))
        for end, (versions, _) in added.items()
    }
    return Completed({**pins, **whole}, tuple(notes))


def _resolved_alike(
    ends: Sequence[str],
    pins: Mapping[str, Pins],
    pythons: Mapping[str, Interpreter],
    uvs: Mapping[str, Uv],
    skip: Collection[str],
) -> dict[str, tuple[dict[str, str], datetime | None]]:
    """What is added to each of these sides, by name, and as of when: what the other side has, where that fits."""
    dates = {end: _date(pins[end], pythons[end], uvs[end]) for end in ends}
    added: dict[str, tuple[dict[str, str], datetime | None]] = {}
    preferred: dict[str, str] = {}
    for end in (*ends, *ends):  # the second time with what the other side took
        wanted = {**_releases(pins[BOTH[end == "old"]].packages), **preferred}
        for when in dict.fromkeys((dates[end], None)):
            found = _checked(pins[end], pythons[end], uvs[end], skip, wanted, when)
            if found.missing and all(each.version for each in found.missing):
                break  # else some of it was published later
        versions = {each.name: each.version for each in found.missing}
        added[end] = (versions, when)
        preferred.update(versions)
    return added


def _date(side: Pins, python: Interpreter, uv: Uv) -> datetime | None:
    """The day after the newest pin was published; None where the index does not tell, or uv has a limit of its own."""
    if uv_has_date_limit({**os.environ, **dict(uv.options.variables)}, Path.cwd()):
        return None
    try:
        return current_with(published(uv, python, side.packages), python)
    except UvError:
        return None


def _told(side: Checked) -> Iterator[str]:
    if side.unknown:
        yield f"could not check whether everything is pinned: {side.unknown}"
    yield from side.conflicts


def _incomplete(
    files: Mapping[str, str], lacking: Mapping[str, Sequence[UnpinnedPackage]], hopeless: Sequence[UnpinnedPackage]
) -> InvalidInput:
    told = "; ".join(f"{files[end]} lacks {_with_requirers(missing)}" for end, missing in lacking.items())
    if hopeless:
        names = ", ".join(dict.fromkeys(each.name for each in hopeless))
        way = f"no index that uv knows has {names}: name one (--extra-index-url in the file)"
    else:
        way = "--resolve completes both sides with uv, or add the lines"
    return InvalidInput(told, hint=f"{way}; --as-pinned reruns the files as they are")


def _with_requirers(missing: Sequence[UnpinnedPackage]) -> str:
    """``six, which a 1 requires; b and c, which d 2 requires``."""
    groups: dict[str, list[str]] = {}
    for each in missing:
        groups.setdefault(each.requirer, []).append(each.name)
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
    wanted: Mapping[str, str] = _NOTHING,
    when: datetime | None = None,
) -> Checked:
    """What uv adds to a side. wanted: versions to take where they fit. when: as of this moment."""
    lines = [*_lines(side)]
    known = {*side.packages, *side.fixed}
    preferred = [f"{name}=={version}" for name, version in wanted.items() if name not in known]
    before = None if when is None else when.isoformat()
    overrides: dict[str, str] = {}
    conflicts: list[str] = []
    while True:
        try:
            resolved = uv.resolve(python.path, lines, list(overrides.values()), preferred, before)
        except IndexUnreachable as error:
            return Checked(conflicts=tuple(conflicts), unknown=error.what[:_SHOWN])
        except UvError as error:
            broken = [each for each in _requirements_in(error.what, side) if each.on not in overrides]
            against = [each for each in broken if each.on in known]
            lacking = [each for each in broken if each.on not in {*known, *skip}]
            if against and len(conflicts) < _MOST_CONFLICTS:
                for each in against:
                    overrides[each.on] = _line(side, each.on)
                    pin = side.packages.get(each.on, "its own source")
                    conflicts.append(
                        f"{each.requirer} requires {each.on}{each.specifier}, and {each.on} {pin} is pinned"
                    )
                continue
            if lacking:
                missing = {each.on: UnpinnedPackage(each.on, "", each.requirer) for each in lacking}
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
    """What uv says that packages depend on; not what it concludes from that."""
    found = []
    for match in _DEPENDS.finditer(_CONCLUSION.sub("", explanation)):
        name, on = canonicalize_name(match["name"]), canonicalize_name(match["on"].rstrip(".-_"))
        pin = side.packages.get(name, "")
        requirer = name if is_address(pin) else f"{name} {pin}".strip()
        found.append(_Requirement(requirer, on, match["specifier"].rstrip(",.")))
    return list(dict.fromkeys(found))


def _added(resolved: str, side: Pins, skip: Collection[str]) -> Iterator[UnpinnedPackage]:
    """What uv takes besides the pins. What only skipped packages require is skipped, too."""
    found = [match for line in resolved.splitlines() if (match := _LINE.match(line))]
    versions: dict[str, str] = {canonicalize_name(match["name"]): match["version"] for match in found}
    via: dict[str, list[str]] = {canonicalize_name(match["name"]): _requirers(match["via"] or "") for match in found}
    known: set[str] = {*side.packages, *side.fixed}
    left_out: set[str] = {*skip}
    while more := {name for name in via.keys() - known - left_out if via[name] and {*via[name]} <= left_out}:
        left_out |= more
    for name in sorted(via.keys() - known - left_out):
        requirer = next((each for each in via[name] if each in known), next(iter(via[name]), ""))
        yield UnpinnedPackage(name, versions[name], f"{requirer} {versions.get(requirer, '')}".strip())


def _requirers(via: str) -> list[str]:
    """Of an annotation ``# via a, b``; ``-r -`` is the file itself."""
    return [canonicalize_name(each.strip()) for each in via.split(",") if each.strip() not in ("", "-r -")]


def _lines(side: Pins) -> Iterator[str]:
    for name in side.packages:
        yield _line(side, name)
    for each in side.fixed.values():
        yield each.line


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
