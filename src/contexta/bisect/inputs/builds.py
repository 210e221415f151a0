"""Tell changed builds of one version apart, and pin each side to its own file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from contexta.bisect.inputs.pins import Pins
from contexta.bisect.space.changes import BOTH
from contexta.contract.environment import same_version
from contexta.core.errors import InvalidInput
from contexta.reproduce.environments.cache import find_cache
from contexta.reproduce.environments.packing import packed
from contexta.reproduce.environments.release_files import ReleaseFile, files_of, with_build, with_hash
from contexta.reproduce.environments.wheel_digest import build_of
from contexta.reproduce.uv.commands import Uv
from contexta.reproduce.uv.error_messages import UvError
from contexta.reproduce.uv.interpreters import Interpreter
from contexta.reproduce.uv.urls import is_address

_AT_ONCE = 4


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

    def asked(release: tuple[str, str]) -> dict[str, _File | _Lost]:
        return {end: _file(*release, pins[end], pythons[end], uvs[end]) for end in BOTH}

    suspected = [*_suspected(pins)]
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        answers = [*pool.map(asked, suspected)]
    for (name, version), answer in zip(suspected, answers, strict=True):
        files = {end: file for end, file in answer.items() if isinstance(file, _File)}
        if why := next((file.why for file in answer.values() if isinstance(file, _Lost)), None):
            lost[name] = why
        if name in lost and all(name in pins[end].hashes for end in BOTH):
            raise InvalidInput(
                f"the build of {name} {version} differs and cannot be rerun: {lost[name]}",
                hint="name the place that has the file: --find-links DIR or --extra-index-url URL in the file",
            )
        alike = len({file.pin for file in files.values()}) == 1 and name not in lost
        if files and not (alike and all(file.is_first for file in files.values())):
            known = next(iter(files.values()))  # of two builds one that can be had goes into every mix
            for end in BOTH:
                found[end][name] = files.get(end, known).pin
    return Builds(found, lost)


@dataclass(frozen=True)
class _File:
    """The file of a build. is_first: whether uv takes that one anyway."""

    pin: str
    is_first: bool


@dataclass(frozen=True)
class _Lost:
    """Why the file of a build cannot be had."""

    why: str


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


def _file(name: str, version: str, side: Pins, python: Interpreter, uv: Uv) -> _File | _Lost:
    build = side.builds.get(name)
    try:
        files = [] if is_address(version) else files_of(uv, python, name, version)
    except UvError:
        if build is None:
            raise
        files = []  # no index answers, and the environment may still hold it
    file = with_hash(files, side.hashes[name]) if build is None else with_build(files, build)
    if file is not None:
        return _File(file.pin, file == files[0])
    if build is None:
        return _Lost(f"no index has a file with {_few(side.hashes[name])}")
    return _from_environment(name, side, build)


def _from_environment(name: str, side: Pins, build: str) -> _File | _Lost:
    """The package as it is installed in the environment of a side, packed into a wheel."""
    if side.prefix is None:
        return _Lost("no index has the recorded files, and their environment is not known")
    try:
        path = packed(side.prefix, name, side.versions.get(name, ""), find_cache().folder)
        if build_of(path.as_uri()) == build:
            return _File(ReleaseFile.of(path).pin, False)
    except (OSError, ValueError) as error:
        return _Lost(f"no index has the recorded files, and {error}")
    return _Lost(f"no index has the recorded files, and those in {side.prefix} are others now")


def _few(hashes: tuple[str, ...]) -> str:
    return " or ".join(hashes[:3]) + (" or one of its other hashes" if len(hashes) > 3 else "")


__all__ = ["Builds", "changed_builds"]
