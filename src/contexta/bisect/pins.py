"""What one side installs, from a requirements file of nothing but exact pins."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import (
    InvalidSdistFilename,
    InvalidWheelFilename,
    canonicalize_name,
    parse_sdist_filename,
    parse_wheel_filename,
)

from contexta.bisect.elsewhere import project_at, taken_from
from contexta.errors import InvalidInput, shown
from contexta.reproduce.addresses import is_address
from contexta.reproduce.build import Fixed

_WRITERS = "every line is name==version; `pip list --format=freeze` and `uv pip compile` write such files"
_OF_THE_PIN = re.compile(r"\s+--(hash|config-settings|global-option|build-option)\b.*")
_WHERE_FROM = ("-i", "--index-url", "--extra-index-url", "-f", "--find-links", "--no-index")
_HOW = (
    "--only-binary",
    "--no-binary",
    "--prefer-binary",
    "--pre",
    "--require-hashes",
    "--trusted-host",
    "--use-feature",
)
_CONSTRAINT = ("-c", "--constraint")  # installs nothing, and pins leave it nothing to decide
_BYTE_ORDER_MARKS = {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}  # what PowerShell writes with `>`


@dataclass(frozen=True)
class Pins:
    """What one side installs. packages: normalised name -> version, or the address it comes from. notes: what else it
    says, and how that is taken. fixed: what is built from directories, by name."""

    packages: Mapping[str, str]
    notes: tuple[str, ...] = ()
    fixed: Mapping[str, Fixed] = field(default_factory=dict)


def read_pins(path: Path, markers: Mapping[str, str]) -> Pins:
    """The pins of a requirements file and of those it includes. Markers are evaluated for the given environment.

    Comments, hashes, continued lines and the encodings of Windows are understood. Options that say where packages come
    from, or how, are left to uv's own settings. What stands in a directory is the user's own source, see ``own.py``.
    Raises InvalidInput, with the line, for anything that is no exact pin: what is not pinned is not an environment.
    """
    pins: dict[str, str] = {}
    fixed: dict[str, Fixed] = {}
    notes: dict[str, None] = {}
    for where, line in _lines(path, ()):
        found = _option(where, line) if line.startswith("-") else _pin(where, line, markers)
        if isinstance(found, str):
            notes[found] = None
        elif isinstance(found, Fixed):
            fixed[found.name] = found
            notes[f"{where}: {found.name} as from its directory now, in every mix alike: no change"] = None
        elif found is not None:
            name, version = found
            if pins.setdefault(name, version) != version:
                raise InvalidInput(f"{where}: {name} is pinned twice, to {pins[name]} and {version}")
    if twice := sorted(pins.keys() & fixed.keys()):
        raise InvalidInput(f"{path}: {twice[0]} is pinned twice, to {pins[twice[0]]} and to a directory")
    return Pins(dict(sorted(pins.items())), tuple(notes), fixed)


def no_change(old: Pins, new: Pins) -> tuple[Fixed, ...]:
    """What every mix holds alike: what either side has from a directory, and both from one address.

    Raises InvalidInput for what stands in a directory on one side and elsewhere on the other: code is no change.
    """
    found = {
        name: Fixed(name, f"{name} @ {pin}")
        for name, pin in old.packages.items()
        if is_address(pin) and new.packages.get(name) == pin
    }
    for one, other in ((old, new), (new, old)):
        for name, each in one.fixed.items():
            elsewhere = other.fixed[name].line if name in other.fixed else other.packages.get(name)
            if elsewhere is not None and elsewhere != each.line:
                raise InvalidInput(
                    f"{each.line} is {elsewhere} on the other side: what stands in a directory cannot be bisected",
                    hint=f"have {name} on both sides by a release, a commit or a file, or on both from that directory",
                )
            found[name] = each
    return tuple(each for _, each in sorted(found.items()))


def read_text(path: Path) -> str:
    """Raises InvalidInput for what is not there, or no text."""
    try:
        content = path.read_bytes()
        return content.decode(_BYTE_ORDER_MARKS.get(content[:2], "utf-8-sig"))
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(f"{path} cannot be read: {error}") from error


def _lines(path: Path, within: Sequence[Path]) -> Iterator[tuple[str, str]]:
    """(where, line) of a file and of the files it includes, continued lines joined, comments removed."""
    if path.resolve() in within:
        raise InvalidInput(f"{path} includes itself")
    for number, line in _joined(read_text(path)):
        where = f"{path} line {number}"
        included = re.match(r"(?:-r|--requirement)[\s=]*(?P<file>\S.*)", line)
        if included is None:
            yield where, line
        elif "://" in included["file"]:
            raise InvalidInput(f"{where}: {shown(line)} is not on this machine", hint="download it, and name that file")
        else:
            yield from _lines(path.parent / included["file"].strip("\"'"), (*within, path.resolve()))


def _joined(text: str) -> Iterator[tuple[int, str]]:
    """(number of its first line, line with its continuations joined and its comment removed)."""
    joined, first = "", 0
    for number, line in enumerate(text.splitlines(), start=1):
        first = first or number
        if line.endswith("\\"):
            joined += line[:-1] + " "
            continue
        whole = (joined + line).strip()
        whole = "" if whole.startswith("#") else whole.partition(" #")[0].strip()
        if whole:
            yield first, whole
        joined, first = "", 0
    if joined.strip():
        yield first, joined.strip()


def _option(where: str, line: str) -> str | Fixed | None:
    """What is to be said of an option, the project of an editable one; None where nothing is installed by it."""
    match = re.match(r"(?:-e|--editable)[\s=]*(?P<project>\S.*)", line)
    if match is not None:
        project = match["project"].strip("\"'")
        return project_at(project) or (f"{where}: {project} is editable: it is source, and not installed in any mix")
    name = re.split(r"[\s=]", line, maxsplit=1)[0]
    if name in _WHERE_FROM:
        return f"{where}: {name} is left to uv's own settings (UV_INDEX, uv.toml)"
    if name in _HOW + _CONSTRAINT:
        return None
    raise InvalidInput(f"{where}: {shown(line)} is an option, not a pin", hint=_WRITERS)


def _pin(where: str, line: str, markers: Mapping[str, str]) -> tuple[str, str] | Fixed | None:
    try:
        requirement = Requirement(_OF_THE_PIN.sub("", line).strip())
    except InvalidRequirement as error:
        raise InvalidInput(f"{where}: {shown(line)} is no requirement", hint=_WRITERS) from error
    if requirement.marker is not None and not requirement.marker.evaluate(dict(markers)):
        return None
    name = canonicalize_name(requirement.name)
    if requirement.url:
        return _of_address(where, line, name, requirement)
    specifiers = list(requirement.specifier)
    exact = len(specifiers) == 1 and specifiers[0].operator in ("==", "===") and "*" not in specifiers[0].version
    if not exact:
        raise InvalidInput(f"{where}: {shown(line)} is no exact pin", hint=_WRITERS)
    return name, specifiers[0].version


def _of_address(where: str, line: str, name: str, requirement: Requirement) -> tuple[str, str] | Fixed:
    try:
        found = taken_from(name, requirement.url or "")
    except InvalidInput as error:
        raise InvalidInput(f"{where}: {error.what}", hint=error.hint) from error
    if found is None:
        raise InvalidInput(f"{where}: {shown(line)} is no release of an index", hint=_instead_of(requirement))
    return found if isinstance(found, Fixed) else (name, found)


def _instead_of(requirement: Requirement) -> str:
    """What to write where an index has the same release; of a file its name tells the version."""
    file = (requirement.url or "").partition("#")[0].rpartition("/")[2].replace("%2B", "+").replace("%2b", "+")
    try:
        version = str((parse_wheel_filename if file.endswith(".whl") else parse_sdist_filename)(file)[1])
    except (InvalidWheelFilename, InvalidSdistFilename):
        return f"write {requirement.name}==VERSION if an index has it; `pip list --format=freeze` writes versions only"
    return f"write {requirement.name}=={version} if an index that uv knows has it"
