"""Find the file of a release by its hash, or by the recorded digest of its build."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from packaging.tags import Tag, compatible_tags, cpython_tags, platform_tags
from packaging.utils import InvalidWheelFilename, parse_wheel_filename

from contexta.reproduce.environments.wheel_digest import build_of
from contexta.reproduce.uv.commands import Uv
from contexta.reproduce.uv.error_messages import NoSuchVersion, NoWheel
from contexta.reproduce.uv.interpreters import Interpreter
from contexta.reproduce.uv.release_files import ReleaseFile

_MAX_READ = 8  # wheels whose RECORD is read before a build counts as not found


def files_of(uv: Uv, python: Interpreter, name: str, version: str) -> list[ReleaseFile]:
    """The files of a release that fit an interpreter, the one that uv installs first; [] without such a release.

    A source distribution comes last. Raises IndexUnreachable if that is unknown.
    """
    try:
        releases = uv.compile(python.version, {name: version}, build=True)
    except (NoSuchVersion, NoWheel):
        return []
    tags = wheel_tags(python.version, list(platform_tags()))
    ranks = {tag: rank for rank, tag in reversed(list(enumerate(tags)))}
    fitting: list[tuple[int, ReleaseFile]] = []
    for file in (file for release in releases for file in release.files):
        taken = [ranks[tag] for tag in tags_of(file) if tag in ranks] if file.is_wheel else [len(ranks)]
        if taken:
            fitting.append((min(taken), file))
    return [file for _, file in sorted(fitting, key=lambda entry: entry[0])]


def tags_of(wheel: ReleaseFile) -> frozenset[Tag]:
    """The tags in the name of a wheel; none if the name is invalid."""
    try:
        return parse_wheel_filename(wheel.name)[3]
    except InvalidWheelFilename:
        return frozenset()


def with_hash(files: Collection[ReleaseFile], allowed: Collection[str]) -> ReleaseFile | None:
    """The first file with one of the hashes (``sha256:...``); None without one."""
    return next(
        (file for file in files if any(f"{kind}:{value}" in allowed for kind, value in file.hashes.items())), None
    )


def with_build(files: Collection[ReleaseFile], build: str) -> ReleaseFile | None:
    """The first wheel of a recorded build; None without one, or if it cannot be read."""
    for file in [file for file in files if file.is_wheel][:_MAX_READ]:
        try:
            if build_of(file.url) == build:
                return file
        except (OSError, ValueError):
            continue  # the index does not serve parts of files
    return None


def wheel_tags(python_version: str, platforms: Sequence[str], *, free_threaded: bool = False) -> list[Tag]:
    """The tags of wheels that a CPython accepts on some platforms, best first."""
    numbers = tuple(int(part) for part in re.findall(r"\d+", python_version)[:2])
    interpreter = f"cp{numbers[0]}{numbers[1]}"
    abis = [f"{interpreter}t" if free_threaded else interpreter]
    return [*cpython_tags(numbers, abis, platforms), *compatible_tags(numbers, interpreter, platforms)]
