"""Requirements files."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import (
    InvalidSdistFilename,
    InvalidWheelFilename,
    canonicalize_name,
    parse_sdist_filename,
    parse_wheel_filename,
)

from contexta.bisect.inputs.direct_references import address_of, file_of, project_at, taken_from
from contexta.bisect.inputs.pins import Pins
from contexta.bisect.inputs.sides.side import Candidate, Side, read_text
from contexta.core.errors import InvalidInput, shown
from contexta.findings.past_runs import Installation
from contexta.recorder.redaction.redact import clean_url
from contexta.reproduce.environment_manager import lock_installation
from contexta.reproduce.environments.builder import Fixed
from contexta.reproduce.uv.requirement_options import FileOptions, with_option
from contexta.reproduce.uv.urls import is_address, is_commit

_WRITERS = "every line is name==version; `pip list --format=freeze` and `uv pip compile` write such files"
_OF_THE_PIN = re.compile(r"\s+--(hash|config-settings|global-option|build-option)\b.*")
_NOT_HEEDED = re.compile(r"\s(--config-settings|--global-option|--build-option)\b")
_HASH = re.compile(r"\s--hash[=\s]+(?P<hash>[a-z0-9]+:[0-9a-fA-F]+)")
_CONSTRAINT = re.compile(r"(?:-c|--constraint)[\s=]*(?P<file>\S.*)")


class RequirementsFile(Side):
    def __init__(self, path: Path) -> None:
        self.label = f"the pins of {path}"
        self.file = path

    def pins(self, markers: Mapping[str, str]) -> Pins:
        assert self.file is not None  # set by __init__
        return read_pins(self.file, markers)

    def installation(self, command: Sequence[str]) -> Installation:
        assert self.file is not None  # set by __init__
        return lock_installation(self.file, command)


def recognise(candidate: Candidate) -> Side | None:
    return RequirementsFile(candidate.path) if candidate.is_file else None


def read_pins(path: Path, markers: Mapping[str, str], environ: Mapping[str, str] = os.environ) -> Pins:
    """The pins of a requirements file and of the files it includes. markers: a PEP 508 environment.

    Options have the meaning that pip gives them. A package in a directory is built from there.
    Raises InvalidInput, with the line, for what cannot be installed from an index, an exact address or a directory.
    """
    parser = _Parser(markers, environ)
    for line in _lines(path, ()):
        parser.take(line)
    return parser.pins(path)


@dataclass(frozen=True)
class _Line:
    """A line of a requirements file. where: for messages. file: the file with the line."""

    where: str
    text: str
    file: Path


class _Parser:
    """Reads a requirements file line by line."""

    def __init__(self, markers: Mapping[str, str], environ: Mapping[str, str]) -> None:
        self._markers, self._environ = markers, environ
        self._packages: dict[str, str] = {}
        self._fixed: dict[str, Fixed] = {}
        self._hashes: dict[str, tuple[str, ...]] = {}
        self._extras: dict[str, frozenset[str]] = {}
        self._notes: dict[str, None] = {}
        self._options = FileOptions()
        self._limits: list[tuple[_Line, str]] = []  # constraints files
        self._constraint_lines: list[str] = []
        self._allows_pre = False
        self._open: list[tuple[_Line, Requirement]] = []  # without an exact version

    def take(self, line: _Line) -> None:
        if match := re.match(r"(?:-e|--editable)[\s=]*(?P<project>\S.*)", line.text):
            self._editable(line, match["project"].strip("\"'"))
        elif match := _CONSTRAINT.match(line.text):
            self._limits.append((line, match["file"].strip("\"'")))
        elif line.text.startswith("-"):
            self._option(line)
        else:
            self._requirement(line)

    def pins(self, path: Path) -> Pins:
        """Everything that was read. Raises InvalidInput for a package without a hash where all must have one."""
        constraints = self._constraints() if self._open else {}
        unpinned: list[str] = []
        for line, requirement in self._open:
            name = canonicalize_name(requirement.name)
            version, hashes = constraints.get(name, (None, ()))
            if version is None or not requirement.specifier.contains(version, prereleases=True):
                unpinned.append(_without_marker(requirement))
            else:
                self._pin(line, name, version, hashes)
        if twice := sorted(self._packages.keys() & self._fixed.keys()):
            raise InvalidInput(f"{path}: {twice[0]} is pinned twice, to {self._packages[twice[0]]} and to a directory")
        bare = [name for name, pin in self._packages.items() if name not in self._hashes and not is_address(pin)]
        bare += unpinned
        if self._options.require_hashes and bare:
            raise InvalidInput(
                f"{path} says --require-hashes, and {', '.join(sorted(bare)[:5])} has no --hash",
                hint="`uv pip compile --generate-hashes` and `pip hash` write them",
            )
        if unpinned and self._allows_pre:
            self._notes[f"{path}: --pre is not heeded; name a pre-release with its version"] = None
        options = ", ".join(self._options.lines)
        option_notes = [f"{path}: packages are installed with {options}"] if options else []
        packages = dict(sorted(self._packages.items()))
        notes = (*option_notes, *self._notes)
        return Pins(
            packages,
            notes,
            self._fixed,
            self._options,
            self._hashes,
            unpinned=tuple(dict.fromkeys(unpinned)),
            constraints=tuple(self._constraint_lines) if unpinned else (),
            extras=self._extras,
        )

    def _option(self, line: _Line) -> None:
        self._allows_pre |= line.text == "--pre"
        try:
            options = with_option(self._options, line.text, line.file.parent, self._environ)
        except InvalidInput as error:
            raise InvalidInput(f"{line.where}: {error.what}", hint=error.hint) from error
        if options is None:
            raise InvalidInput(f"{line.where}: {shown(clean_url(line.text))} is an option, not a pin", hint=_WRITERS)
        self._options = options

    def _constraints(self) -> dict[str, tuple[str, tuple[str, ...]]]:
        """The exact pins of the constraints files, with their hashes; they hold for lines without a version."""
        pins: dict[str, tuple[str, tuple[str, ...]]] = {}
        for line, file in self._limits:
            if "://" in file:
                raise InvalidInput(
                    f"{line.where}: {shown(clean_url(file))} is not on this machine",
                    hint="download it, and name that file",
                )
            for constraint in _lines(line.file.parent / file, ()):
                requirement = _parsed(_OF_THE_PIN.sub("", constraint.text).strip())
                if requirement is None or not self._applies(requirement):
                    continue
                if not requirement.url:
                    self._constraint_lines.append(_without_marker(requirement))
                if (version := _exact(requirement)) is not None:
                    pins[canonicalize_name(requirement.name)] = (version, _hashes(constraint.text))
        return pins

    def _editable(self, line: _Line, project: str) -> None:
        own, bare = project_at(project), address_of(project, line.file.parent)
        if own is not None:
            self._fix(line, own)
        elif project.startswith("git+") and bare is not None and bare[0] is not None:
            name, url = bare
            here = project_at(".")
            if here is not None and here.name == name:
                self._fix(line, here)  # the project that the command is run in
            elif is_commit(url.partition("#")[0].rpartition("@")[2]):
                self._address(line, canonicalize_name(str(name)), url)
            else:
                self._leave_out(line, project)
        else:
            self._leave_out(line, project)

    def _leave_out(self, line: _Line, project: str) -> None:
        self._notes[f"{line.where}: {project} is editable: it is source, and not installed in any mix"] = None

    def _requirement(self, line: _Line) -> None:
        if match := _NOT_HEEDED.search(line.text):
            self._notes[f"{line.where}: {match[1]} is not heeded"] = None
        text = _OF_THE_PIN.sub("", line.text).strip()
        requirement = _parsed(text)
        if requirement is None:
            requirement = self._bare(line, text)
        if not self._applies(requirement):
            return
        name = canonicalize_name(requirement.name)
        if requirement.extras:
            self._extras[name] = self._extras.get(name, frozenset()) | requirement.extras
        if requirement.url:
            self._address(line, name, requirement.url)
        elif (version := _exact(requirement)) is not None:
            self._pin(line, name, version, _hashes(line.text))
        else:
            self._open.append((line, requirement))

    def _bare(self, line: _Line, text: str) -> Requirement:
        """A line with only an address or a path, as a requirement. Raises InvalidInput if its name is unknown."""
        text, semicolon, marker = text.partition(" ;")
        address = address_of(text, line.file.parent)
        if address is None:
            raise InvalidInput(f"{line.where}: {shown(clean_url(line.text))} is no requirement", hint=_WRITERS)
        name, url = address
        if name is None:
            raise InvalidInput(
                f"{line.where}: {shown(clean_url(text))} does not say which package it is",
                hint=f"write NAME @ {clean_url(url)}",
            )
        requirement = _parsed(f"{name} @ {url} {semicolon}{marker}")
        if requirement is None:
            raise InvalidInput(f"{line.where}: {shown(clean_url(line.text))} is no requirement", hint=_WRITERS)
        return requirement

    def _address(self, line: _Line, name: str, url: str) -> None:
        try:
            if "://" not in url:
                address = address_of(url, line.file.parent)
                url = url if address is None else address[1]
            digest = next((value for value in _hashes(line.text) if value.startswith("sha256:")), None)
            if digest is not None and "#" not in url:
                url = f"{url}#{digest.replace(':', '=')}"
            taken = taken_from(name, url)
        except InvalidInput as error:
            raise InvalidInput(f"{line.where}: {error.what}", hint=error.hint) from error
        if taken is None:
            raise InvalidInput(
                f"{line.where}: {shown(clean_url(line.text))} is not a release of an index", hint=_instead_of(name, url)
            )
        if isinstance(taken, Fixed):
            self._fix(line, taken)
        else:
            self._pin(line, name, taken, ())

    def _fix(self, line: _Line, own: Fixed) -> None:
        self._fixed[own.name] = own
        self._notes[f"{line.where}: {own.name} as from its directory now, the same in every mix: no change"] = None

    def _pin(self, line: _Line, name: str, pin: str, hashes: tuple[str, ...]) -> None:
        if self._packages.setdefault(name, pin) != pin:
            raise InvalidInput(f"{line.where}: {name} is pinned twice, to {self._packages[name]} and {pin}")
        if hashes:
            self._hashes[name] = hashes

    def _applies(self, requirement: Requirement) -> bool:
        return requirement.marker is None or requirement.marker.evaluate({"extra": "", **self._markers})


def _lines(path: Path, within: Sequence[Path]) -> Iterator[_Line]:
    """The lines of a file and of the files it includes, continued lines joined, comments removed."""
    if path.resolve() in within:
        raise InvalidInput(f"{path} includes itself")
    for number, text in _joined(read_text(path)):
        where = f"{path} line {number}"
        included = re.match(r"(?:-r|--requirement)[\s=]*(?P<file>\S.*)", text)
        if included is None:
            yield _Line(where, text, path)
        elif "://" in included["file"]:
            raise InvalidInput(
                f"{where}: {shown(clean_url(text))} is not on this machine", hint="download it, and name that file"
            )
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


def _parsed(text: str) -> Requirement | None:
    try:
        return Requirement(text)
    except InvalidRequirement:
        return None


def _exact(requirement: Requirement) -> str | None:
    """The pinned version; None for a range."""
    specifiers = list(requirement.specifier)
    exact = len(specifiers) == 1 and specifiers[0].operator in ("==", "===") and "*" not in specifiers[0].version
    return specifiers[0].version if exact else None


def _without_marker(requirement: Requirement) -> str:
    """A requirement that applies, as a line."""
    extras = f"[{','.join(sorted(requirement.extras))}]" if requirement.extras else ""
    return f"{canonicalize_name(requirement.name)}{extras}{requirement.specifier}"


def _hashes(text: str) -> tuple[str, ...]:
    return tuple(sorted(match["hash"].lower() for match in _HASH.finditer(text)))


def _instead_of(name: str, url: str) -> str:
    """A pin for the same release on an index. The version is taken from the name of a file."""
    file = file_of(url)
    try:
        version = str((parse_wheel_filename if file.endswith(".whl") else parse_sdist_filename)(file)[1])
    except (InvalidWheelFilename, InvalidSdistFilename):
        return f"write {name}==VERSION if an index has it; `pip list --format=freeze` writes versions only"
    return f"write {name}=={version} if an index that uv knows has it"
