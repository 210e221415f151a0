"""Detect changed builds of one version, and pin each side to its own file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from contexta.bisect.inputs.pins import Pins
from contexta.bisect.space.changes import BOTH
from contexta.contract.environment import same_version
from contexta.core.errors import InvalidInput
from contexta.reproduce.environments.cache import find_cache
from contexta.reproduce.environments.matching_files import files_of, with_build, with_hash
from contexta.reproduce.environments.packing import packed
from contexta.reproduce.environments.wheel_digest import build_of
from contexta.reproduce.uv.commands import Uv
from contexta.reproduce.uv.error_messages import UvError
from contexta.reproduce.uv.interpreters import Interpreter
from contexta.reproduce.uv.release_files import ReleaseFile
from contexta.reproduce.uv.urls import is_address

_AT_ONCE = 4


@dataclass(frozen=True)
class Builds:
    """Changed builds."""

    pins: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """End -> package -> the file that it is installed from."""
    lost: Mapping[str, str] = field(default_factory=dict)
    """Package -> why its builds cannot be installed again."""

    @property
    def notes(self) -> Iterator[str]:
        old, new = (self.pins.get(end, {}) for end in BOTH)
        if names := sorted(name for name, pin in old.items() if pin != new[name] and name not in self.lost):
            yield f"the same version from other files, each side from its own: {', '.join(names)}"
        yield from (f"the build of {name} differs and cannot be rerun: {why}" for name, why in self.lost.items())


def changed_builds(pins: Mapping[str, Pins], pythons: Mapping[str, Interpreter], uvs: Mapping[str, Uv]) -> Builds:
    """The packages that both sides have in one version, but from different files.

    Raises InvalidInput where a requirements file names a file by a hash that no index has.
    """
    by_end: dict[str, dict[str, str]] = {end: {} for end in BOTH}
    lost: dict[str, str] = {}

    def files_of_release(release: tuple[str, str]) -> dict[str, _File | _Lost]:
        return {end: _file(*release, pins[end], pythons[end], uvs[end]) for end in BOTH}

    suspects = [*_suspects(pins)]
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        answers = [*pool.map(files_of_release, suspects)]
    for (name, version), answer in zip(suspects, answers, strict=True):
        files = {end: file for end, file in answer.items() if isinstance(file, _File)}
        if why := next((file.why for file in answer.values() if isinstance(file, _Lost)), None):
            lost[name] = why
        if name in lost and all(name in pins[end].hashes for end in BOTH):
            raise InvalidInput(
                f"the build of {name} {version} differs and cannot be rerun: {lost[name]}",
                hint="add the source of the file: --find-links DIR or --extra-index-url URL in the file",
            )
        is_same = len({file.pin for file in files.values()}) == 1 and name not in lost
        if files and not (is_same and all(file.is_first for file in files.values())):
            available = next(iter(files.values()))  # if one build is lost, every mix gets the other
            for end in BOTH:
                by_end[end][name] = files.get(end, available).pin
    return Builds(by_end, lost)


@dataclass(frozen=True)
class _File:
    """The file of a build."""

    pin: str
    is_first: bool
    """Whether uv would install it anyway."""


@dataclass(frozen=True)
class _Lost:
    """Why the file of a build is not available."""

    why: str


def _suspects(pins: Mapping[str, Pins]) -> Iterator[tuple[str, str]]:
    """(name, version or address) of packages that may have another build: other hashes, or another recorded build."""
    old, new = (pins[end] for end in BOTH)
    for name in sorted(old.packages.keys() & new.packages.keys()):
        old_package, new_package = old.packages[name], new.packages[name]
        if old_package != new_package and (
            is_address(old_package) or is_address(new_package) or not same_version(old_package, new_package)
        ):
            continue
        ids = [[side.builds.get(name), side.hashes.get(name)] for side in (old, new)]
        is_shared = any(a is not None and a == b for a, b in zip(*ids, strict=True))
        if all(any(pair) for pair in ids) and not is_shared:
            yield name, old_package


def _file(name: str, version: str, side: Pins, python: Interpreter, uv: Uv) -> _File | _Lost:
    build = side.builds.get(name)
    try:
        files = [] if is_address(version) else files_of(uv, python, name, version)
    except UvError:
        if build is None:
            raise
        files = []  # no index answers, but the environment may still have it
    file = with_hash(files, side.hashes[name]) if build is None else with_build(files, build)
    if file is not None:
        return _File(file.pin, file == files[0])
    if build is None:
        return _Lost(f"no index has a file with {_few(side.hashes[name])}")
    return _from_environment(name, side, build)


def _from_environment(name: str, side: Pins, build: str) -> _File | _Lost:
    """The package as it is installed in the environment of a side, packed into a wheel."""
    if side.prefix is None:
        return _Lost("no index has the recorded files, and their environment is unknown")
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
