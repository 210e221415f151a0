"""Environments kept for the next time: each built once, then handed out as hard links.

An environment is built in a directory of a name of its own and published by one rename of a small file that names it,
so one that is half built, for whatever reason, is never found. What runs in an environment that was handed out may edit
files in place, which changes the kept one: each file is looked at while it is handed out, and the kept one is thrown
away when one has changed.
"""

from __future__ import annotations

import json
import os
import shutil
import stat
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from contexta.core.errors import ContextaError, InvalidInput, shown

FOLDER_VARIABLE = "CONTEXTA_CACHE_DIR"
SIZE_VARIABLE = "CONTEXTA_CACHE_SIZE"
_DEFAULT_SIZE = 20.0  # GB
_POINTER = "current.json"
_ABANDONED = 24 * 3600.0  # seconds after which an unpublished directory is nobody's
_BOUND_TO_PLACE = ("", "bin", "Scripts")
_MIXES = "mixes"


Mark = tuple[int, int] | str
"""Size and time of a file, or where a link leads to."""


class KeptChanged(ContextaError):
    """A kept environment is not as it was put there."""


@dataclass(frozen=True)
class Kept:
    """An environment of the cache. folders: directory -> name -> mark, all relative to it, parents first.

    notes: what was said when it was built. edits: files that are not as their RECORD says, seen when all were read.
    """

    at: Path
    folders: Mapping[str, Mapping[str, Mark]]
    notes: tuple[str, ...]
    edits: tuple[Mapping[str, str], ...]

    def mark(self, file: str) -> Mark | None:
        """The mark of a file, by its path inside the environment; None when there was none of that name."""
        folder, _, name = file.replace(os.sep, "/").rpartition("/")
        return _mark(self.folders.get(folder, {}).get(name))

    @property
    def changed(self) -> bool:
        """Whether a file was edited or removed since. About 3 us a file."""
        for folder, files in self.folders.items():
            for name, mark in files.items():
                try:
                    if not isinstance(mark, str) and _size_and_time(f"{self.at}/{folder}/{name}") != _mark(mark):
                        return True
                except OSError:
                    return True
        return False


@dataclass(frozen=True)
class Shelf:
    """The cache. folder: made at the first use. limit: bytes; beyond it the least recently used goes."""

    folder: Path
    limit: int

    def find(self, key: str) -> Kept | None:
        """The environment kept under a key, None when there is none. Whether it is unchanged, ``hand_out`` sees."""
        pointer = self.folder / key / _POINTER
        try:
            kept = json.loads(pointer.read_text())
            found = Kept(pointer.parent / kept["name"], kept["folders"], tuple(kept["notes"]), tuple(kept["edits"]))
        except (OSError, ValueError, KeyError, TypeError):
            return None
        with suppress(OSError):
            os.utime(pointer)  # used now: what is used goes last
        return found

    def room(self, key: str) -> Path:
        """A path for an environment that is to be built; it does not exist yet."""
        parent = self.folder / key
        parent.mkdir(parents=True, exist_ok=True)
        return parent / f"{os.getpid()}-{os.urandom(4).hex()}"

    @property
    def mixes(self) -> Path:
        """Where environments are linked together for one use, on the file system of what is kept."""
        return self.folder / _MIXES

    def keep(self, key: str, at: Path, notes: Sequence[str], edits: Sequence[Mapping[str, str]] = ()) -> Kept:
        """Publish an environment that is whole, in ``room(key)``; then make room for it. notes, edits: as in Kept."""
        folders = _marks(at)
        size = sum(mark[0] for files in folders.values() for mark in files.values() if not isinstance(mark, str))
        pointer = self.folder / key / _POINTER
        temporary = pointer.with_name(f"{at.name}.json")
        told = {"name": at.name, "size": size, "notes": notes, "edits": edits, "folders": folders}
        temporary.write_text(json.dumps(told))
        temporary.replace(pointer)
        self._tidy(key)
        return Kept(at, folders, tuple(notes), tuple(edits))

    def forget(self, key: str, kept: Kept) -> None:
        """Throw a kept environment away, unless another one took its place meanwhile."""
        with suppress(OSError, ValueError, KeyError):
            if json.loads((self.folder / key / _POINTER).read_text())["name"] == kept.at.name:
                self._remove(self.folder / key)

    def _tidy(self, newest: str) -> None:
        """Remove what was abandoned, and the least recently used until what is left is below the limit."""
        kept: list[tuple[float, int, Path]] = []
        for folder in self.folder.iterdir() if self.folder.is_dir() else ():
            if folder == self.mixes:
                continue  # whoever made one removes it
            self._sweep(folder)
            with suppress(OSError, ValueError, KeyError):
                used = (folder / _POINTER).stat().st_mtime
                kept.append((used, json.loads((folder / _POINTER).read_text())["size"], folder))
        total = sum(size for _, size, _ in kept)
        for _, size, folder in sorted(kept):
            if total <= self.limit or folder.name == newest:
                continue
            self._remove(folder)
            total -= size

    def _sweep(self, folder: Path) -> None:
        """Directories that nobody published: of builds that died long ago, or were overtaken by another one."""
        with suppress(OSError, ValueError, KeyError):
            current = json.loads((folder / _POINTER).read_text())["name"]
            for entry in folder.iterdir():
                if entry.is_dir() and entry.name != current and time.time() - entry.stat().st_mtime > _ABANDONED:
                    shutil.rmtree(entry, ignore_errors=True)
        with suppress(OSError):
            if not (folder / _POINTER).exists() and time.time() - folder.stat().st_mtime > _ABANDONED:
                shutil.rmtree(folder, ignore_errors=True)

    def _remove(self, folder: Path) -> None:
        (folder / _POINTER).unlink(missing_ok=True)  # first: what is half removed is not found
        shutil.rmtree(folder, ignore_errors=True)


def find_shelf() -> Shelf:
    """The user's cache: CONTEXTA_CACHE_DIR, else the system's place for caches. CONTEXTA_CACHE_SIZE: GB, default 20.

    Raises InvalidInput for a size that is no number.
    """
    given = os.environ.get(SIZE_VARIABLE) or str(_DEFAULT_SIZE)
    try:
        limit = float(given)
    except ValueError:
        limit = -1.0
    if not 0 <= limit < 1e9:
        raise InvalidInput(f"{SIZE_VARIABLE} is {shown(given)}, no size", hint="give gigabytes, e.g. 20")
    folder = os.environ.get(FOLDER_VARIABLE)
    return Shelf(Path(folder).absolute() if folder else _place() / "environments", int(limit * 1e9))


def _place() -> Path:
    if os.name == "nt":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local") / "contexta" / "cache"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "contexta"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "contexta"


def hand_out(kept: Kept, at: Path, final: Path) -> None:
    """A copy of an environment made of hard links; of what names its own place, rewritten to ``final``, a real one.

    at: where it is made; must not exist. final: where it will be. About 20 us a file.
    Raises KeptChanged for a file that was edited in place, OSError when the kept one is removed meanwhile, or the disk
    is full.
    """
    links = True
    for folder, files in kept.folders.items():
        source, target = f"{kept.at}/{folder}", f"{at}/{folder}"
        os.mkdir(target)
        bound = folder in _BOUND_TO_PLACE
        for name, mark in files.items():
            here, there = f"{source}/{name}", f"{target}/{name}"
            if isinstance(mark, str):
                os.symlink(mark, there)
                continue
            if _size_and_time(here) != _mark(mark):
                raise KeptChanged(f"{here} was changed after its environment was kept")
            if not (bound and _rewrite(Path(here), Path(there), str(kept.at), str(final))):
                links = links and _link(here, there)
                if not links:
                    shutil.copy2(here, there)


def _mark(read: Mark | Sequence[int] | None) -> Mark | None:
    """A mark as it was, where JSON made a list of a pair."""
    return read if read is None or isinstance(read, str) else (read[0], read[1])


def _size_and_time(path: str) -> tuple[int, int]:
    facts = os.stat(path, follow_symlinks=False)
    return facts.st_size, facts.st_mtime_ns


def _link(here: str, there: str) -> bool:
    try:
        os.link(here, there)
    except FileNotFoundError:
        raise  # the kept one was removed meanwhile
    except OSError:
        return False  # another file system, or one without links
    return True


def _rewrite(here: Path, there: Path, old: str, new: str) -> bool:
    """Write a script that names the environment's place with the new one. False for what is none, or does not."""
    if here.stat().st_size > 64 * 1024:
        return False
    content = here.read_bytes()
    if old.encode() not in content or b"\0" in content:
        return False
    there.write_bytes(with_short_first_line(content.replace(old.encode(), new.encode())))
    there.chmod(here.stat().st_mode & 0o777)
    return True


def with_short_first_line(content: bytes) -> bytes:
    """The system reads 127 bytes behind ``#!``, and no spaces in a path: beyond that a shell has to find Python."""
    first, newline, rest = content.partition(b"\n")
    if not first.startswith(b"#!/") or first.startswith(b"#!/bin/sh") or (len(first) <= 127 and b" " not in first):
        return content
    return b"#!/bin/sh\n'''exec' \"" + first[2:] + b'" "$0" "$@"\n\' \'\'\'' + newline + rest


def _marks(at: Path) -> dict[str, dict[str, Mark]]:
    """What an environment consists of, as in Kept."""
    found: dict[str, dict[str, Mark]] = {}
    for folder, folders, names in os.walk(at):
        inner = os.path.relpath(folder, at).replace(os.sep, "/")
        files = found["" if inner == "." else inner] = {}
        for name in (name for name in folders if os.path.islink(f"{folder}/{name}")):
            files[name] = os.readlink(f"{folder}/{name}")
        for name in names:
            facts = os.stat(f"{folder}/{name}", follow_symlinks=False)
            is_link = stat.S_ISLNK(facts.st_mode)
            files[name] = os.readlink(f"{folder}/{name}") if is_link else (facts.st_size, facts.st_mtime_ns)
    return found
