"""Build environments of exact pins with uv, and cache them.

Rebuild, rerun and bisect share this builder. An environment is built and byte-compiled once, and each use gets hard
links to it (see ``linker``): linking a scientific stack takes 0.3 s, compiling it at the first import 10 s.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from packaging.version import Version

from contexta.core.errors import ContextaError
from contexta.core.files.filelock import alone
from contexta.reproduce.environments.cache import CachedEnvironment, EnvironmentCache
from contexta.reproduce.environments.installed_packages import (
    EnvironmentChanged,
    Package,
    packages_in,
    require_pins,
)
from contexta.reproduce.environments.progress import ProgressCallback, counted, no_progress
from contexta.reproduce.uv.commands import Uv
from contexta.reproduce.uv.error_messages import BuildFailed, NoSuchVersion, NoWheel, UvError
from contexta.reproduce.uv.interpreters import Interpreter
from contexta.reproduce.uv.newest_release import current_with, published
from contexta.reproduce.uv.requirement_options import NO_OPTIONS, InstallOptions
from contexta.reproduce.uv.urls import address_lines, releases_among

_FORMAT = 3  # version of the cached environments: raised when environments are built differently
_RETRY_SECONDS = 0.2
_FAILED = re.compile(r"build `([^`=]+)==")  # how uv names a release that it could not build


@dataclass(frozen=True)
class Fixed:
    """A package that comes from an address and is the same in every environment of a study.

    line: ``name @ address``. state: a digest of a directory's content.
    """

    name: str
    line: str
    state: str = ""


@dataclass(frozen=True)
class Contents:
    """The packages of an environment, and how uv installs them.

    pins: name -> version, or the address that the package comes from. fixed: further packages, of any version.
    build: whether releases without a wheel are built from source. indexes: ``NAME=URL``, for releases with a local
    version tag and for releases that the configured index lacks.
    """

    pins: Mapping[str, str]
    fixed: tuple[Fixed, ...] = ()
    options: InstallOptions = NO_OPTIONS
    build: bool = True
    indexes: tuple[str, ...] = ()

    @property
    def linked(self) -> dict[str, str]:
        """Name -> requirement line with an address."""
        return {**address_lines(self.pins), **{package.name: package.line for package in self.fixed}}


@dataclass(frozen=True)
class Built:
    """An environment in the cache."""

    cached: CachedEnvironment
    packages: Mapping[str, Package]
    """By normalised name."""
    is_new: bool = False
    """Whether this call built it."""
    cache_notes: tuple[str, ...] = ()
    """Notes about environments that the cache deleted to make room."""

    @property
    def at(self) -> Path:
        return self.cached.at

    @property
    def notes(self) -> tuple[str, ...]:
        return (*self.cached.notes, *self.cache_notes)

    @property
    def pins(self) -> dict[str, str]:
        return {name: package.version for name, package in self.packages.items()}


def build(
    uv: Uv, cache: EnvironmentCache, python: Interpreter, contents: Contents, progress: ProgressCallback = no_progress
) -> Built:
    """The environment of exactly these contents, byte-compiled: from the cache, otherwise built now and cached.

    A second or two for 10 packages from uv's cache, most of it compiling.
    Raises UvError (``uv.error_messages``) when uv cannot, EnvironmentChanged when the result is not the pins.
    """
    uv, key = replace(uv, options=contents.options), key_of(python, contents)
    cache.links.mkdir(parents=True, exist_ok=True)
    cache.hold(key)  # before the look-up: a process that deletes it hides it first and checks for users then
    is_new, cache_notes = False, []
    while (cached := _unchanged(cache, key)) is None:
        with alone(cache.links / f"{key}.lock") as is_first:
            if is_first and cache.find(key) is None:
                cache_notes = _build(uv, cache, key, python, contents, progress)
                is_new = True
                if cache.find(key) is None:
                    raise ContextaError(f"{cache.folder} does not keep environments", hint="check that directory")
        if not is_first:
            time.sleep(_RETRY_SECONDS)  # another process builds it
    return Built(cached, packages_in(cached.at), is_new, tuple(cache_notes))


def key_of(python: Interpreter, contents: Contents) -> str:
    """The cache key of contents on an interpreter: another build of Python at the same path has another key."""
    facts = Path(python.path).stat()
    parts = [
        _FORMAT,
        sorted(contents.pins.items()),
        [(package.name, package.line, package.state) for package in contents.fixed],
        [python.path, python.version, facts.st_size, facts.st_mtime_ns],
        [contents.build, *contents.indexes],
        *contents.options.content,
    ]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:32]


def _unchanged(cache: EnvironmentCache, key: str) -> CachedEnvironment | None:
    """The cached environment, if any. An environment with edited files is deleted."""
    cached = cache.find(key)
    if cached is None or not cached.is_changed:
        return cached
    cache.forget(key, cached)
    return None


def _build(
    uv: Uv, cache: EnvironmentCache, key: str, python: Interpreter, contents: Contents, progress: ProgressCallback
) -> list[str]:
    """Build an environment and cache it. Returns notes about the limit of the cache."""
    at = cache.new_path(key)
    notes: list[str] = []
    releases, linked = releases_among(contents.pins), contents.linked
    try:
        uv.create(python.path, at)
        if releases:
            with counted(progress, at, len(releases)):
                notes += _install_releases(uv, at, python, releases, contents)
        if linked:
            progress(f"installing {', '.join(linked)} from an address")
            uv.install_linked(at, list(linked.values()))
        require_pins(uv, at, releases, linked)
        return cache.keep(key, at, notes)
    except BaseException:  # Ctrl-C too: half an environment is deleted
        shutil.rmtree(at, ignore_errors=True)
        cache.release(key)
        raise


def _install_releases(
    uv: Uv, at: Path, python: Interpreter, releases: Mapping[str, str], contents: Contents
) -> list[str]:
    """Install releases from the configured index, and from the named indexes those that only these have. Returns
    notes."""
    tagged: dict[str, str] = {}
    if contents.indexes:
        tagged = {name: version for name, version in releases.items() if Version(version).local is not None}
    public = {name: version for name, version in releases.items() if name not in tagged}
    notes = []
    try:
        notes += _install(uv, at, python, public, contents) if public else []
    except NoSuchVersion:
        if not contents.indexes:
            raise
        lacking = [name for name, version in public.items() if _is_lacking(uv, python, name, version, contents)]
        tagged |= {name: public.pop(name) for name in lacking}
        notes += _install(uv, at, python, public, contents) if public else []
    notes += _install(uv, at, python, tagged, contents, contents.indexes) if tagged else []
    return notes


def _is_lacking(uv: Uv, python: Interpreter, name: str, version: str, contents: Contents) -> bool:
    try:
        uv.require(python.path, name, version, build=contents.build)
    except NoSuchVersion:
        return True
    except UvError:
        return False
    return False


def _install(
    uv: Uv,
    at: Path,
    python: Interpreter,
    releases: Mapping[str, str],
    contents: Contents,
    indexes: Sequence[str] = (),
) -> list[str]:
    """Install wheels, and build releases without a wheel from source if that is allowed."""
    try:
        warnings = uv.install(at, releases, indexes=indexes)
    except NoWheel:
        if not contents.build:
            raise
        return _install_built(uv, at, python, releases, indexes)
    return [warning for warning in warnings if "yanked" in warning]


def _install_built(
    uv: Uv, at: Path, python: Interpreter, releases: Mapping[str, str], indexes: Sequence[str]
) -> list[str]:
    """Build releases from source with current build tools, or if these fail with the tools of the release's date."""
    remaining, notes = dict(releases), []
    while remaining:
        try:
            warnings = uv.install(at, remaining, build=True, indexes=indexes)
            notes += [warning for warning in warnings if "yanked" in warning]
            break
        except BuildFailed as error:
            name = next((match[1] for match in _FAILED.finditer(error.what) if match[1] in remaining), None)
            if name is None or uv.options.build_constraints:
                raise
            release = {name: remaining.pop(name)}
            date = current_with(published(uv, python, release), python)
            if date is None:
                raise
            try:
                uv.install(at, release, build=True, before=date.isoformat(), indexes=indexes)
            except UvError:
                raise error from None
            built = f"{name} {release[name]} was built with the tools of {date.date().isoformat()}"
            notes.append(f"{built}, as those of today do not build it")
    return notes


__all__ = ["Built", "Contents", "EnvironmentChanged", "Fixed", "Package", "build", "key_of", "require_pins"]
