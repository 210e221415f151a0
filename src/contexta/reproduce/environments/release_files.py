"""Find the file of a release by its hash, or by the recorded digest of its build."""

from __future__ import annotations

import re
import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from packaging.tags import Tag, compatible_tags, cpython_tags, platform_tags
from packaging.utils import InvalidWheelFilename, parse_wheel_filename

from contexta.core.files.digests import file_sha256
from contexta.reproduce.environments.wheel_digest import build_of
from contexta.reproduce.uv.commands import Uv
from contexta.reproduce.uv.error_messages import NoSuchVersion, NoWheel
from contexta.reproduce.uv.interpreters import Interpreter

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_MAX_READ = 8  # wheels whose RECORD is read before a build counts as not found


@dataclass(frozen=True)
class ReleaseFile:
    """A file of a release in an index.

    hashes: ``sha256:...``. rank: how well a wheel fits the interpreter, 0 is best; a source distribution comes last.
    """

    url: str
    hashes: tuple[str, ...]
    is_wheel: bool
    rank: int

    @classmethod
    def of(cls, wheel: Path) -> ReleaseFile:
        """A wheel on this machine."""
        return cls(wheel.as_uri(), (f"sha256:{file_sha256(wheel)}",), True, 0)

    @property
    def pin(self) -> str:
        """Its address, with its digest where the index gives one."""
        digest = next((value for value in self.hashes if value.startswith("sha256:")), None)
        return self.url if digest is None else f"{self.url}#{digest.replace(':', '=')}"


def files_of(uv: Uv, python: Interpreter, name: str, version: str) -> list[ReleaseFile]:
    """The files of a release that fit an interpreter, the one that uv installs first; [] without such a release.

    Raises IndexUnreachable where that is unknown.
    """
    try:
        lock = tomllib.loads(uv.compile(python.version, {name: version}, build=True))
    except (NoSuchVersion, NoWheel):
        return []
    ranks = _ranks(python)
    files = [file for package in lock.get("packages", ()) for file in _files(package, ranks)]
    return sorted(files, key=lambda file: file.rank)


def with_hash(files: Collection[ReleaseFile], allowed: Collection[str]) -> ReleaseFile | None:
    """The first file with one of the hashes; None without one."""
    return next((file for file in files if {*file.hashes} & {*allowed}), None)


def with_build(files: Collection[ReleaseFile], build: str) -> ReleaseFile | None:
    """The first wheel of a recorded build; None where there is none, or where that cannot be read."""
    for file in [file for file in files if file.is_wheel][:_MAX_READ]:
        try:
            if build_of(file.url) == build:
                return file
        except (OSError, ValueError):
            continue  # the index does not serve parts of files
    return None


def _files(package: Mapping[str, Any], ranks: Mapping[Any, int]) -> Iterator[ReleaseFile]:
    for entry in package.get("wheels", ()):
        url, hashes = _url(entry), _hashes(entry)
        try:
            tags = parse_wheel_filename(unquote(urlsplit(url).path.rpartition("/")[2]))[3]
        except InvalidWheelFilename:
            continue
        fitting = [ranks[tag] for tag in tags if tag in ranks]
        if fitting:
            yield ReleaseFile(url, hashes, True, min(fitting))
    if (entry := package.get("sdist") or package.get("archive")) is not None:
        yield ReleaseFile(_url(entry), _hashes(entry), False, len(ranks))


def _url(entry: Mapping[str, Any]) -> str:
    return str(entry.get("url") or Path(entry["path"]).absolute().as_uri())


def _hashes(entry: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(f"{kind}:{value}" for kind, value in sorted(entry.get("hashes", {}).items()))


def _ranks(python: Interpreter) -> dict[Any, int]:
    """Tag -> how well it fits a CPython on this machine; 0 is best."""
    return {tag: rank for rank, tag in reversed(list(enumerate(wheel_tags(python.version, list(platform_tags())))))}


def wheel_tags(python_version: str, platforms: Sequence[str], *, free_threaded: bool = False) -> list[Tag]:
    """The tags of wheels that a CPython takes on some platforms, best first."""
    numbers = tuple(int(part) for part in re.findall(r"\d+", python_version)[:2])
    interpreter = f"cp{numbers[0]}{numbers[1]}"
    abis = [f"{interpreter}t" if free_threaded else interpreter]
    return [*cpython_tags(numbers, abis, platforms), *compatible_tags(numbers, interpreter, platforms)]
