"""Tell changed builds of one version apart, and pin each side to its own file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from contexta.bisect.changes import BOTH
from contexta.bisect.pins import Pins
from contexta.contract.environment import same_version
from contexta.errors import InvalidInput
from contexta.reproduce.addresses import is_address
from contexta.reproduce.files import ReleaseFile, files_of, with_build, with_hash
from contexta.reproduce.packing import packed
from contexta.reproduce.shelf import find_shelf
from contexta.reproduce.uv import Interpreter, Uv
from contexta.reproduce.wheels import build_of


@dataclass(frozen=True)
class Builds:
    """Changed builds. pins: by end and package, the file that each is installed from. lost: package -> why its builds
    cannot be rerun."""

    pins: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    lost: Mapping[str, str] = field(default_factory=dict)

    @property
    def notes(self) -> Iterator[str]:
        old, new = (self.pins.get(end, {}) for end in BOTH)
        if names := sorted(name for name, pin in old.items() if pin != new[name] and name not in self.lost):
            yield f"the same version from other files, each side from its own: {', '.join(names)}"
        yield from (f"the build of {name} differs and cannot be rerun: {why}" for name, why in self.lost.items())


def changed_builds(pins: Mapping[str, Pins], pythons: Mapping[str, Interpreter], uvs: Mapping[str, Uv]) -> Builds:
    """The packages that both sides have in one version, and not from the same bytes.

    Raises InvalidInput where a requirements file asks for a file by its hash that no index has.
    """
    found: dict[str, dict[str, str]] = {end: {} for end in BOTH}
    lost: dict[str, str] = {}
    is_first = dict.fromkeys(BOTH, False)
    for name, version in _suspected(pins):
        files: dict[str, str] = {}
        for end in BOTH:
            try:
                files[end], is_first[end] = _file(name, version, pins[end], pythons[end], uvs[end])
            except _Lost as error:
                lost[name] = str(error)
        if name in lost and all(name in pins[end].hashes for end in BOTH):
            raise InvalidInput(
                f"the build of {name} {version} differs and cannot be rerun: {lost[name]}",
                hint="name the place that has the file: --find-links DIR or --extra-index-url URL in the file",
            )
        if len({*files.values()}) == 2 or name in lost or not all(is_first.values()):
            known = next(iter(files.values()), None)  # of two builds one that can be had goes into every mix
            found["old"].update({name: files.get("old", known)} if known else {})
            found["new"].update({name: files.get("new", known)} if known else {})
    return Builds(found, lost)


class _Lost(Exception):
    """Why the file of a build cannot be had."""


def _suspected(pins: Mapping[str, Pins]) -> Iterator[tuple[str, str]]:
    """(name, version or address) of what may be another build: other hashes, or another recorded build."""
    old, new = (pins[end] for end in BOTH)
    for name in sorted(old.packages.keys() & new.packages.keys()):
        one, other = old.packages[name], new.packages[name]
        if one != other and (is_address(one) or is_address(other) or not same_version(one, other)):
            continue
        known = [[side.builds.get(name), side.hashes.get(name)] for side in (old, new)]
        if all(any(each) for each in known) and not any(a is not None and a == b for a, b in zip(*known, strict=True)):
            yield name, one


def _file(name: str, version: str, side: Pins, python: Interpreter, uv: Uv) -> tuple[str, bool]:
    """(address of the file that a side had, whether uv takes that one anyway). Raises _Lost when nobody has it any
    more."""
    files = [] if is_address(version) else files_of(uv, python, name, version)
    if (build := side.builds.get(name)) is None:
        file = with_hash(files, side.hashes[name])
        if file is None:
            raise _Lost(f"no index has a file with {_few(side.hashes[name])}")
        return file.pin, file == files[0]
    file = with_build(files, build)
    return (_from_environment(name, side, build), False) if file is None else (file.pin, file == files[0])


def _from_environment(name: str, side: Pins, build: str) -> str:
    """The package as it is installed in the environment of a side, packed into a wheel."""
    if side.prefix is None:
        raise _Lost("no index has the recorded files, and their environment is not known")
    version = side.versions.get(name, "")
    try:
        path = packed(side.prefix, name, version, find_shelf().folder)
        if build_of(path.as_uri()) != build:
            raise _Lost(f"no index has the recorded files, and those in {side.prefix} are others now")
    except (OSError, ValueError) as error:
        raise _Lost(f"no index has the recorded files, and {error}") from error
    return ReleaseFile.of(path).pin


def _few(hashes: tuple[str, ...]) -> str:
    return " or ".join(hashes[:3]) + (" or one of its other hashes" if len(hashes) > 3 else "")


__all__ = ["Builds", "changed_builds"]
