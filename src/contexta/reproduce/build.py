"""Environments from exact pins: the ends built by uv, every mix of them put together from hard links.

A fresh environment is cheap to link and dear to use: its first import compiles everything again (some 10 s for a
scientific stack, against 0.3 s of linking). So each end is built and byte-compiled once, and a mix takes every package
with its bytecode from the end that has it. Hard links share content with the end: a program that edits an installed
file in place would change every environment at once. ``Shelf.check`` sees that, and nothing runs on such a shelf.
"""

from __future__ import annotations

import json
import os
import shutil
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import Distribution, distributions
from pathlib import Path

from packaging.utils import canonicalize_name

from contexta.contract.environment import same_version
from contexta.errors import ContextaError
from contexta.reproduce.uv import Interpreter, Uv, python_in

_COMPLETE = "contexta-complete.json"  # written last: an environment without it is half built and is thrown away


class EnvironmentChanged(ContextaError):
    """An environment does not hold what it was built from."""


@dataclass(frozen=True)
class Package:
    """One installed package: the files it consists of, relative to the environment, bytecode included."""

    name: str
    version: str
    files: tuple[str, ...]
    requires: tuple[str, ...]
    requires_python: str


@dataclass(frozen=True)
class Built:
    """An environment that is complete. packages: by normalised name."""

    at: Path
    packages: Mapping[str, Package]
    marks: Mapping[str, tuple[int, int]]

    @property
    def pins(self) -> dict[str, str]:
        return {name: package.version for name, package in self.packages.items()}

    def changed_file(self) -> str | None:
        """A file that is not as it was built, by size and time; None when all are. About 3 us a file."""
        for name, mark in self.marks.items():
            try:
                now = (self.at / name).stat()
            except OSError:
                return name
            if (now.st_size, now.st_mtime_ns) != mark:
                return name
        return None


def build(uv: Uv, at: Path, python: Interpreter, pins: Mapping[str, str]) -> Built:
    """An environment of exactly these pins, byte-compiled; taken as it is when it was completed before.

    Raises UvError (uv.py) when uv cannot, EnvironmentChanged when what it built is something else. A second or two
    for 10 packages from uv's cache, most of it compiling.
    """
    if (at / _COMPLETE).exists():
        known = json.loads((at / _COMPLETE).read_text())
        found = _read(at, {name: (size, time) for name, (size, time) in known["marks"].items()})
        if known["python"] == python.path and _same_pins(found.pins, pins) and found.changed_file() is None:
            return found
    if at.exists():
        shutil.rmtree(at)
    at.parent.mkdir(parents=True, exist_ok=True)
    uv.create(python.path, at)
    if pins:
        uv.install(at, pins)
    require_pins(uv, at, pins)
    built = _read(at, {})
    marks = dict(_marks(built))
    (at / _COMPLETE).write_text(json.dumps({"python": python.path, "marks": marks}))
    return Built(at, built.packages, marks)


def assemble(uv: Uv, at: Path, python: Interpreter, parts: Mapping[str, Built], pins: Mapping[str, str]) -> None:
    """A mix: a new environment whose packages are hard links into built ones, and whose pins uv confirms.

    parts: package -> the built environment to take it from; of the same interpreter. About 0.1 s and 20 us a file.
    Raises EnvironmentChanged when a part was changed since it was built, or the result is not the pins.
    """
    for built in {id(part): part for part in parts.values()}.values():
        changed = built.changed_file()
        if changed is not None:
            raise EnvironmentChanged(
                f"{changed} was changed after its environment was built",
                hint="something that ran edits installed files in place; start again with a fresh study",
            )
    if at.exists():
        shutil.rmtree(at)
    at.parent.mkdir(parents=True, exist_ok=True)
    uv.create(python.path, at)
    made: set[Path] = set()
    for name, built in parts.items():
        for file in built.packages[name].files:
            _place(built.at, at, file, made)
    require_pins(uv, at, pins)


def require_pins(uv: Uv, at: Path, pins: Mapping[str, str]) -> None:
    """Raises EnvironmentChanged unless the environment holds exactly these pins."""
    found = uv.installed(at)
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


def _read(at: Path, marks: Mapping[str, tuple[int, int]]) -> Built:
    site = _site_packages(at)
    caches: dict[Path, list[str]] = {}
    packages: dict[str, Package] = {}
    for found in distributions(path=[str(site)]):
        name: str = canonicalize_name(found.metadata["Name"])
        packages[name] = Package(
            name=name,
            version=found.version,
            files=tuple(dict.fromkeys(_files(at, site, found, caches))),
            requires=tuple(found.requires or ()),
            requires_python="".join((found.metadata.get_all("Requires-Python") or [])[:1]),
        )
    return Built(at, packages, marks)


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


def _marks(built: Built) -> Iterator[tuple[str, tuple[int, int]]]:
    for package in built.packages.values():
        for file in package.files:
            now = (built.at / file).stat()
            yield file, (now.st_size, now.st_mtime_ns)


def _place(source: Path, target: Path, file: str, made: set[Path]) -> None:
    """One file of a part: linked, or for a script that names its environment's interpreter, rewritten."""
    here, there = source / file, target / file
    folder = there.parent
    if folder not in made:
        there.parent.mkdir(parents=True, exist_ok=True)
        made.add(folder)
    if folder.name in ("bin", "Scripts") and folder.parent == target:
        content = here.read_bytes()
        there.write_bytes(content.replace(str(python_in(source)).encode(), str(python_in(target)).encode()))
        there.chmod(stat.S_IMODE(here.stat().st_mode))
        return
    try:
        os.link(here, there)
    except FileExistsError:
        pass  # two packages carry this file, as namespace packages do; the first one counts in every mix alike
    except OSError:  # another file system, or one without links
        shutil.copy2(here, there)
