"""Keep built environments: each is built once, and used as hard links.

An environment is built in a directory with a unique name and published by renaming a small file that names it, so half
an environment is never found. A program that runs in a linked environment may edit files in place, which changes the
cached one too. ``is_changed`` compares size and time of each file with those at publication.
"""

from __future__ import annotations

import json
import os
import shutil
import stat
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import platformdirs

from contexta.core.errors import InvalidInput, shown
from contexta.core.files import atomic_files

FOLDER_VARIABLE = "CONTEXTA_CACHE_DIR"
SIZE_VARIABLE = "CONTEXTA_CACHE_SIZE"
_DEFAULT_SIZE = 20.0  # GB
_POINTER = "current.json"
_ABANDONED = 24 * 3600.0  # seconds after which an unpublished directory is deleted
_LINKS = "mixes"

Mark = tuple[int, int] | str
"""Size and time of a file, or the target of a link."""
Edits = tuple[Mapping[str, str], ...]
"""Files that differ from the RECORD of their package, as ``recorder.packages.installed_files`` describes them."""


@dataclass(frozen=True)
class CachedEnvironment:
    """An environment of the cache.

    folders: directory -> name -> mark, relative to the environment, parents first. notes: of its building.
    edits: None where its files were not read.
    """

    at: Path
    folders: Mapping[str, Mapping[str, Mark]]
    notes: tuple[str, ...]
    edits: Edits | None = None

    def mark(self, file: str) -> Mark | None:
        """The mark of a file, by its path inside the environment; None when there was none of that name."""
        folder, _, name = file.replace(os.sep, "/").rpartition("/")
        mark = self.folders.get(folder, {}).get(name)
        return mark if mark is None or isinstance(mark, str) else (mark[0], mark[1])  # JSON has lists

    @property
    def is_changed(self) -> bool:
        """Whether a file was edited or removed since publication. About 3 us a file."""
        for folder, files in self.folders.items():
            for name, mark in files.items():
                if isinstance(mark, str):
                    continue
                try:
                    facts = os.stat(f"{self.at}/{folder}/{name}", follow_symlinks=False)
                except OSError:
                    return True
                if [facts.st_size, facts.st_mtime_ns] != [*mark]:
                    return True
        return False


@dataclass(frozen=True)
class EnvironmentCache:
    """The cache. folder: made at first use. limit: bytes; beyond it the least recently used environment is deleted."""

    folder: Path
    limit: int

    def find(self, key: str) -> CachedEnvironment | None:
        """The environment of a key; None when there is none."""
        pointer = self.folder / key / _POINTER
        try:
            document = json.loads(pointer.read_text())
            edits = document["edits"]
            cached = CachedEnvironment(
                pointer.parent / document["name"],
                document["folders"],
                tuple(document["notes"]),
                None if edits is None else tuple(edits),
            )
        except (OSError, ValueError, KeyError, TypeError):
            return None
        with suppress(OSError):
            os.utime(pointer)  # used now
        return cached

    def new_path(self, key: str) -> Path:
        """A path for an environment that is to be built; it does not exist yet."""
        parent = self.folder / key
        parent.mkdir(parents=True, exist_ok=True)
        return parent / f"{os.getpid()}-{os.urandom(4).hex()}"

    @property
    def links(self) -> Path:
        """Where environments are linked together for one use, on the file system of the cache."""
        return self.folder / _LINKS

    def keep(self, key: str, at: Path, notes: Sequence[str]) -> None:
        """Publish an environment that is complete, at ``new_path(key)``; then delete old ones beyond the limit."""
        folders = _marks(at)
        size = sum(mark[0] for files in folders.values() for mark in files.values() if not isinstance(mark, str))
        self._publish(key, {"name": at.name, "size": size, "notes": notes, "edits": None, "folders": folders})
        self._tidy(key)

    def note_edits(self, key: str, edits: Edits) -> None:
        """Store the result of reading all files of an environment."""
        with suppress(OSError, ValueError):
            self._publish(key, {**json.loads((self.folder / key / _POINTER).read_text()), "edits": edits})

    def _publish(self, key: str, document: Mapping[str, Any]) -> None:
        atomic_files.write(self.folder / key / _POINTER, json.dumps(document).encode())

    def forget(self, key: str, cached: CachedEnvironment) -> None:
        """Delete an environment, unless another one took its place meanwhile."""
        with suppress(OSError, ValueError, KeyError):
            if json.loads((self.folder / key / _POINTER).read_text())["name"] == cached.at.name:
                self._remove(self.folder / key)

    def _tidy(self, newest: str) -> None:
        """Delete what was abandoned, and the least recently used until the rest is below the limit."""
        published: list[tuple[float, int, Path]] = []
        for folder in self.folder.iterdir() if self.folder.is_dir() else ():
            if folder == self.links:
                continue  # each is removed by its user
            self._sweep(folder)
            with suppress(OSError, ValueError, KeyError):
                used_at = (folder / _POINTER).stat().st_mtime
                published.append((used_at, json.loads((folder / _POINTER).read_text())["size"], folder))
        total = sum(size for _, size, _ in published)
        for _, size, folder in sorted(published):
            if total <= self.limit or folder.name == newest:
                continue
            self._remove(folder)
            total -= size

    def _sweep(self, folder: Path) -> None:
        """Delete unpublished directories of builds that died long ago, or were overtaken by another one."""
        with suppress(OSError, ValueError, KeyError):
            current = json.loads((folder / _POINTER).read_text())["name"]
            for entry in folder.iterdir():
                if entry.is_dir() and entry.name != current and time.time() - entry.stat().st_mtime > _ABANDONED:
                    shutil.rmtree(entry, ignore_errors=True)
        with suppress(OSError):
            if not (folder / _POINTER).exists() and time.time() - folder.stat().st_mtime > _ABANDONED:
                shutil.rmtree(folder, ignore_errors=True)

    def _remove(self, folder: Path) -> None:
        (folder / _POINTER).unlink(missing_ok=True)  # first: half an environment is not found
        shutil.rmtree(folder, ignore_errors=True)


def find_cache() -> EnvironmentCache:
    """The user's cache: CONTEXTA_CACHE_DIR, else the system's place for caches. CONTEXTA_CACHE_SIZE: GB, default 20.

    Raises InvalidInput for a size that is no number.
    """
    text = os.environ.get(SIZE_VARIABLE) or str(_DEFAULT_SIZE)
    try:
        limit = float(text)
    except ValueError:
        limit = -1.0
    if not 0 <= limit < 1e9:
        raise InvalidInput(f"{SIZE_VARIABLE} is {shown(text)}, which is no size", hint="give gigabytes, e.g. 20")
    folder = os.environ.get(FOLDER_VARIABLE)
    default = Path(platformdirs.user_cache_dir("contexta", appauthor=False), "environments")
    return EnvironmentCache(Path(folder).absolute() if folder else default, int(limit * 1e9))


def _marks(at: Path) -> dict[str, dict[str, Mark]]:
    """What an environment consists of, as in CachedEnvironment."""
    folders: dict[str, dict[str, Mark]] = {}
    for directory, subdirectories, names in os.walk(at):
        inner = os.path.relpath(directory, at).replace(os.sep, "/")
        files = folders["" if inner == "." else inner] = {}
        for name in (name for name in subdirectories if os.path.islink(f"{directory}/{name}")):
            files[name] = os.readlink(f"{directory}/{name}")
        for name in names:
            facts = os.stat(f"{directory}/{name}", follow_symlinks=False)
            is_link = stat.S_ISLNK(facts.st_mode)
            files[name] = os.readlink(f"{directory}/{name}") if is_link else (facts.st_size, facts.st_mtime_ns)
    return folders
