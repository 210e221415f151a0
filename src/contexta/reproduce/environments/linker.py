"""Assemble environments from cached ones by hard links.

Hard links share their content with the cached environment. A program that edits an installed file in place changes
every environment that shares it: ``edited_file`` detects that, and the builder deletes such a cached environment.
"""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from contexta.contract.environment import same_version
from contexta.core.errors import ContextaError, InvalidInput
from contexta.reproduce.environments.builder import Built, Contents, build
from contexta.reproduce.environments.cache import SIZE_VARIABLE, EnvironmentCache
from contexta.reproduce.environments.installed_packages import require_pins
from contexta.reproduce.environments.progress import ProgressCallback, no_progress
from contexta.reproduce.uv.commands import Uv, python_in
from contexta.reproduce.uv.interpreters import Interpreter
from contexta.reproduce.uv.urls import is_address

_ATTEMPTS = 3  # attempts while other processes delete cached environments
_SYSTEM_LIMIT = 127  # bytes after ``#!`` that the system reads


@dataclass(frozen=True)
class Recipe:
    """An environment to assemble: each pin is taken from the first source that has the release."""

    python: Interpreter
    pins: Mapping[str, str]
    sources: tuple[Contents, ...]

    @property
    def fixed(self) -> frozenset[str]:
        """The packages that every source holds besides its pins."""
        return frozenset(package.name for source in self.sources for package in source.fixed)


def put_together(
    uv: Uv, cache: EnvironmentCache, at: Path, recipe: Recipe, progress: ProgressCallback = no_progress
) -> Mapping[str, Built]:
    """Make an environment at a path that is free. Returns the cached environment that each package is taken from.

    Raises as ``build``; InvalidInput when no source has a pin, ContextaError when the cache is too small.
    """
    for _ in range(_ATTEMPTS):
        built: dict[int, Built] = {}
        parts = {}
        for name, version in recipe.pins.items():
            number = _source_of(recipe, name, version)
            if number not in built:
                built[number] = build(uv, cache, recipe.python, recipe.sources[number], progress)
            parts[name] = built[number]
        if not parts:
            built[0] = build(uv, cache, recipe.python, recipe.sources[0], progress)
        parts.update(dict.fromkeys(recipe.fixed, next(iter(built.values()))))
        progress("linking")
        try:
            link(uv, at, recipe.python, parts, recipe.pins)
        except FileNotFoundError:
            shutil.rmtree(at, ignore_errors=True)
            continue  # a cached environment was deleted to make room, here or by another process
        return parts
    raise ContextaError(
        f"{cache.folder} is too small for these environments", hint=f"{SIZE_VARIABLE} is its size in GB"
    )


def _source_of(recipe: Recipe, name: str, version: str) -> int:
    """The first source with that release. A source that is the whole environment comes first, because it has the right
    version of a file that two packages install.
    """
    whole = [number for number, source in enumerate(recipe.sources) if dict(source.pins) == dict(recipe.pins)]
    numbers: list[int] = [*whole, *range(len(recipe.sources))]
    for number in numbers:
        pins = recipe.sources[number].pins
        if name in pins and same_version(pins[name], version):
            return number
    raise InvalidInput(f"no environment of the study has {name} {version} for Python {recipe.python.version}")


def link(uv: Uv, at: Path, python: Interpreter, parts: Mapping[str, Built], pins: Mapping[str, str]) -> None:
    """Make a virtual environment whose packages are hard links, and let uv confirm its pins.

    parts: package -> the cached environment to take it from, of the same interpreter. About 0.1 s and 20 us a file.
    Raises EnvironmentChanged when the result is not the pins, FileNotFoundError when a cached environment is gone.
    """
    at.parent.mkdir(parents=True, exist_ok=True)
    uv.create(python.path, at)
    made: set[str] = set()
    for name, built in parts.items():
        for file in built.packages[name].files:
            _link_file(str(built.at), str(at), file, made)
    versions = {name: parts[name].packages[name].version if is_address(pin) else pin for name, pin in pins.items()}
    require_pins(uv, at, versions, parts.keys() - pins.keys())


def edited_file(at: Path, parts: Mapping[str, Built]) -> str | None:
    """A file that was edited in place, and so in every environment that shares it; None without one.

    A file that was replaced by a new one is not shared. About 3 us a file.
    """
    sources: set[str] = set()
    for name, built in parts.items():
        for file in built.packages[name].files:
            if file in sources:
                continue  # two packages install it, and the file of the first one was linked
            sources.add(file)
            try:
                facts = os.stat(f"{at}/{file}")
            except OSError:
                continue  # it was removed here only
            is_changed = facts.st_nlink > 1 and built.cached.mark(file) != (facts.st_size, facts.st_mtime_ns)
            if is_changed and _is_file(f"{built.at}/{file}", facts):
                return file  # otherwise uv or pip replaced it by a link to its own cache
    return None


def _is_file(path: str, facts: os.stat_result) -> bool:
    """Whether the facts describe the file at a path; true for a missing file."""
    try:
        return os.path.samestat(os.stat(path), facts)
    except OSError:
        return True


def _link_file(source: str, target: str, file: str, made: set[str]) -> None:
    """Link one file; rewrite a script, which names the interpreter of its environment. made: directories that exist."""
    source_path, target_path = f"{source}/{file}", f"{target}/{file}"
    folder = os.path.dirname(file)
    if folder not in made:
        os.makedirs(f"{target}/{folder}", exist_ok=True)
        made.add(folder)
    if folder in ("bin", "Scripts"):
        ours, theirs = str(python_in(Path(target))), str(python_in(Path(source)))
        content = Path(source_path).read_bytes().replace(theirs.encode(), ours.encode())
        Path(target_path).write_bytes(_with_short_first_line(content))
        os.chmod(target_path, stat.S_IMODE(os.stat(source_path).st_mode))
        return
    try:
        os.link(source_path, target_path)
    except FileExistsError:
        pass  # two packages install this file, as namespace packages do; the first one counts
    except FileNotFoundError:
        raise  # the cached environment was deleted meanwhile
    except OSError:  # another file system, or one without links
        shutil.copy2(source_path, target_path)


def _with_short_first_line(content: bytes) -> bytes:
    """A script that a shell starts, for an interpreter whose path is too long or has spaces."""
    first, newline, rest = content.partition(b"\n")
    is_short = len(first) <= _SYSTEM_LIMIT and b" " not in first
    if not first.startswith(b"#!/") or first.startswith(b"#!/bin/sh") or is_short:
        return content
    return b"#!/bin/sh\n'''exec' \"" + first[2:] + b'" "$0" "$@"\n\' \'\'\'' + newline + rest
