"""Environments from exact pins: whole ones built by uv, every mix of them put together from hard links.

A fresh environment is cheap to link and dear to use: its first import compiles everything again (some 10 s for a
scientific stack, against 0.3 s of linking). So a stock is built and byte-compiled once, kept on the shelf, and a mix
takes every package with its bytecode from the stock that has it. Hard links share content with the stock: a program
that edits an installed file in place changes every environment at once. ``edited_file`` sees that, and the shelf throws
such a stock away.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import stat
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import Distribution, distributions
from pathlib import Path

from packaging.utils import canonicalize_name

from contexta.contract.environment import same_version
from contexta.core.errors import ContextaError
from contexta.core.filelock import alone
from contexta.reproduce.environments.cache import Kept, Shelf, with_short_first_line
from contexta.reproduce.launch.confirmation import import_names
from contexta.reproduce.uv.commands import BuildFailed, Interpreter, NoWheel, Uv, UvError, python_in
from contexta.reproduce.uv.newest_release import current_with, published
from contexta.reproduce.uv.requirement_options import InstallOptions
from contexta.reproduce.uv.urls import is_address

_SHAPE = 1  # raised when a stock would be built differently now
_LOOK_AGAIN = 0.2  # seconds
_FAILED = re.compile(r"build `([^`=]+)==")  # what uv says of a release that it could not build


class EnvironmentChanged(ContextaError):
    """An environment does not hold what it was built from."""


@dataclass(frozen=True)
class Package:
    """One installed package: the files it consists of, relative to the environment, bytecode included. modules: what is
    imported of it, as far as that is sure (see ``import_names``)."""

    name: str
    version: str
    files: tuple[str, ...]
    requires: tuple[str, ...]
    requires_python: str
    modules: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Fixed:
    """A package that comes from an address and is the same everywhere. line: ``name @ address``. state: what tells one
    content of a directory from another."""

    name: str
    line: str
    state: str = ""


@dataclass(frozen=True)
class Built:
    """A whole environment that mixes take packages from. packages: by normalised name."""

    kept: Kept
    packages: Mapping[str, Package]

    @property
    def at(self) -> Path:
        return self.kept.at

    @property
    def pins(self) -> dict[str, str]:
        return {name: package.version for name, package in self.packages.items()}


def stock(uv: Uv, shelf: Shelf, python: Interpreter, pins: Mapping[str, str], fixed: Sequence[Fixed] = ()) -> Built:
    """An environment of exactly these pins, byte-compiled: the one on the shelf, else built now and kept there.

    pins: name -> version, or the address it comes from. fixed: what it holds besides. What has no wheel is built from
    source. A second or two for 10 packages from uv's cache, most of it compiling.
    Raises UvError (uv.py) when uv cannot, EnvironmentChanged when what it built is something else.
    """
    key = _key(python, pins, fixed, uv.options)
    shelf.mixes.mkdir(parents=True, exist_ok=True)
    while (kept := _unchanged(shelf, key)) is None:
        with alone(shelf.mixes / f"{key}.lock") as first:
            if first and shelf.find(key) is None:
                _build(uv, shelf, key, python, pins, fixed)
                if shelf.find(key) is None:
                    raise ContextaError(f"{shelf.folder} does not keep what is put there", hint="check that directory")
        if not first:
            time.sleep(_LOOK_AGAIN)  # another process builds it
    return Built(kept, _packages(kept.at))


def _unchanged(shelf: Shelf, key: str) -> Kept | None:
    """What is on the shelf; what a program edited in place is thrown away."""
    kept = shelf.find(key)
    if kept is None or not kept.changed:
        return kept
    shelf.forget(key, kept)
    return None


def _key(python: Interpreter, pins: Mapping[str, str], fixed: Sequence[Fixed], options: InstallOptions) -> str:
    """Of the pins and of the interpreter's file: another build of it at the same place is another one."""
    facts = Path(python.path).stat()
    asked = [
        _SHAPE,
        sorted(pins.items()),
        [(each.name, each.line, each.state) for each in fixed],
        [python.path, python.version, facts.st_size, facts.st_mtime_ns],
        *options.content,
    ]
    return f"stock-{hashlib.sha256(json.dumps(asked).encode()).hexdigest()[:32]}"


def _build(
    uv: Uv, shelf: Shelf, key: str, python: Interpreter, pins: Mapping[str, str], fixed: Sequence[Fixed]
) -> None:
    at = shelf.room(key)
    notes: tuple[str, ...] = ()
    try:
        uv.create(python.path, at)
        releases = {name: pin for name, pin in pins.items() if not is_address(pin)}
        linked = {name: f"{name} @ {pin}" for name, pin in pins.items() if is_address(pin)}
        linked.update((each.name, each.line) for each in fixed)
        if releases:
            try:
                uv.install(at, releases, apart=True)
            except NoWheel:
                notes = install_built(uv, at, python, releases)
        if linked:
            uv.install_linked(at, list(linked.values()), apart=True)
        require_pins(uv, at, releases, linked)
        shelf.keep(key, at, notes)
    except BaseException:  # whatever stopped it, Ctrl-C too: nothing half built stays behind
        shutil.rmtree(at, ignore_errors=True)
        raise


def install_built(uv: Uv, at: Path, python: Interpreter, releases: Mapping[str, str]) -> tuple[str, ...]:
    """Install releases, those without a wheel built from source: with the tools of today, and where these fail with
    those of the time of the release. Returns notes. Raises as ``Uv.install``."""
    waiting, notes = dict(releases), []
    while waiting:
        try:
            uv.install(at, waiting, apart=True, build=True)
            break
        except BuildFailed as error:
            name = next((match[1] for match in _FAILED.finditer(error.what) if match[1] in waiting), None)
            if name is None or uv.options.build_constraints:
                raise
            release = {name: waiting.pop(name)}
            when = current_with(published(uv, python, release), python)
            if when is None:
                raise
            try:
                uv.install(at, release, apart=True, build=True, before=when.isoformat())
            except UvError:
                raise error from None
            told = f"{name} {release[name]} was built with the tools of {when.date().isoformat()}"
            notes.append(f"{told}, as those of today do not build it")
    return tuple(notes)


def assemble(uv: Uv, at: Path, python: Interpreter, parts: Mapping[str, Built], pins: Mapping[str, str]) -> None:
    """A mix: a new environment whose packages are hard links into stocks, and whose pins uv confirms.

    parts: package -> the stock to take it from, of the same interpreter; what is fixed there is among them. About 0.1 s
    and 20 us a file.
    Raises EnvironmentChanged when the result is not the pins, FileNotFoundError when a stock was removed meanwhile.
    """
    at.parent.mkdir(parents=True, exist_ok=True)
    uv.create(python.path, at)
    made: set[str] = set()
    for name, built in parts.items():
        for file in built.packages[name].files:
            _place(str(built.at), str(at), file, made)
    built_as = {name: parts[name].packages[name].version if is_address(pin) else pin for name, pin in pins.items()}
    require_pins(uv, at, built_as, parts.keys() - pins.keys())


def edited_file(at: Path, parts: Mapping[str, Built]) -> str | None:
    """A file of a mix that was written to where it lies, and so in every environment that shares it; None when none
    was. What was replaced by a new file is the mix's own affair. About 3 us a file."""
    seen: set[str] = set()
    for name, built in parts.items():
        for file in built.packages[name].files:
            if file in seen:
                continue  # two packages carry it, and the first one's was taken
            seen.add(file)
            try:
                now = os.stat(f"{at}/{file}")
            except OSError:
                continue  # removed: only here
            changed = now.st_nlink > 1 and built.kept.mark(file) != (now.st_size, now.st_mtime_ns)
            if changed and _is_file(f"{built.at}/{file}", now):
                return file  # else uv or pip put another one there, which it links to its own cache
    return None


def _is_file(path: str, facts: os.stat_result) -> bool:
    """Whether the facts are of the file at a path; also where that is gone, as nothing else is known then."""
    try:
        return os.path.samestat(os.stat(path), facts)
    except OSError:
        return True


def require_pins(uv: Uv, at: Path, pins: Mapping[str, str], besides: Collection[str] = ()) -> None:
    """Raises EnvironmentChanged unless the environment holds exactly these pins. besides: packages of any version."""
    found = {name: version for name, version in uv.installed(at).items() if name not in besides}
    if not _same_pins(found, pins):
        wrong = sorted(
            name
            for name in {*found, *pins}
            if name not in found or name not in pins or not same_version(found[name], pins[name])
        )
        told = ", ".join(f"{name} is {found.get(name, 'absent')}, not {pins.get(name, 'absent')}" for name in wrong[:5])
        raise EnvironmentChanged(f"the environment at {at} is not what was asked for: {told}")


def _same_pins(one: Mapping[str, str], other: Mapping[str, str]) -> bool:
    return one.keys() == other.keys() and all(same_version(one[name], other[name]) for name in one)


@lru_cache(maxsize=64)
def _packages(at: Path) -> Mapping[str, Package]:
    """What a stock holds. Its path names one build for good, so this is read once."""
    site = _site_packages(at)
    caches: dict[Path, list[str]] = {}
    packages: dict[str, Package] = {}
    for found in distributions(path=[str(site)]):
        name: str = canonicalize_name(found.metadata["Name"])
        files = tuple(dict.fromkeys(_files(at, site, found, caches)))
        inside = f"{site.relative_to(at)}{os.sep}"
        tops = {file.removeprefix(inside).split(os.sep)[0] for file in files if file.startswith(inside)}
        packages[name] = Package(
            name=name,
            version=found.version,
            files=files,
            modules=import_names(name, tops),
            requires=tuple(found.requires or ()),
            requires_python="".join((found.metadata.get_all("Requires-Python") or [])[:1]),
        )
    return packages


def _site_packages(at: Path) -> Path:
    if os.name == "nt":
        return at / "Lib" / "site-packages"
    return next((at / "lib").glob("python*")) / "site-packages"


def _files(at: Path, site: Path, found: Distribution, caches: dict[Path, list[str]]) -> Iterator[str]:
    """What RECORD lists, and the bytecode beside it, which it does not."""
    for entry in found.files or ():
        path = Path(os.path.normpath(site / entry))
        if at not in path.parents or not path.is_file():
            continue  # outside the environment, or removed: nothing that can be linked
        yield str(path.relative_to(at))
        if path.suffix == ".py":
            cache = path.parent / "__pycache__"
            if cache not in caches:
                caches[cache] = [entry.name for entry in cache.iterdir()] if cache.is_dir() else []
            yield from (
                str((cache / name).relative_to(at)) for name in caches[cache] if name.startswith(f"{path.stem}.")
            )


def _place(source: str, target: str, file: str, made: set[str]) -> None:
    """One file of a part: linked, or for a script that names its environment's interpreter, rewritten."""
    here, there = f"{source}/{file}", f"{target}/{file}"
    folder = os.path.dirname(file)
    if folder not in made:
        os.makedirs(f"{target}/{folder}", exist_ok=True)
        made.add(folder)
    if folder in ("bin", "Scripts"):
        ours, theirs = str(python_in(Path(target))), str(python_in(Path(source)))
        content = Path(here).read_bytes().replace(theirs.encode(), ours.encode())
        Path(there).write_bytes(with_short_first_line(content))
        os.chmod(there, stat.S_IMODE(os.stat(here).st_mode))
        return
    try:
        os.link(here, there)
    except FileExistsError:
        pass  # two packages carry this file, as namespace packages do; the first one counts in every mix alike
    except OSError:  # another file system, or one without links
        shutil.copy2(here, there)
