"""Cache built environments: each is built once, and used through hard links.

An environment is built in a directory with a unique name and published by renaming a small file that names it. So a
partly built environment is never used. A program that runs in a linked environment may edit files in place, which
changes the cached one too. ``is_changed`` compares size and time of each file with those at publication.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import stat
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import platformdirs

from contexta.core.errors import InvalidInput, shown
from contexta.core.files import atomic_files
from contexta.reproduce.environments.cache_users import hold, is_in_use, release

FOLDER_VARIABLE = "CONTEXTA_CACHE_DIR"
SIZE_VARIABLE = "CONTEXTA_CACHE_SIZE"
_DEFAULT_SIZE = 20_000_000_000  # bytes
_POINTER = "current.json"
_ABANDONED = 24 * 3600.0  # seconds after which an unpublished directory is deleted
_LINKS = "mixes"
_METADATA = re.compile(r"site-packages/([^/]+)-([^/-]+)\.dist-info\Z")
_VERSION_INFO = re.compile(r"^version(?:_info)? *= *(\S+)", re.M)

Mark = tuple[int, int] | str
"""Size and time of a file, or the target of a link."""
Edits = tuple[Mapping[str, str], ...]
"""Files that differ from the RECORD of their package, as ``recorder.packages.installed_files`` describes them."""


@dataclass(frozen=True)
class CachedEnvironment:
    """An environment of the cache.

    folders: directory -> name -> mark, relative to the environment, parents first. notes: of its building.
    edits: None if its files were not read.
    """

    at: Path
    folders: Mapping[str, Mapping[str, Mark]]
    notes: tuple[str, ...]
    edits: Edits | None = None

    def mark(self, file: str) -> Mark | None:
        """The mark of a file, by its path inside the environment; None without such a file."""
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
class CacheRecord:
    """The facts about a cached environment that need no reading of its files."""

    folder: Path
    used_at: float
    """Seconds since 1970."""
    size: int
    """Bytes."""
    python: str | None
    """The version of its interpreter; None if its pyvenv.cfg does not contain it."""
    packages: Mapping[str, str]
    """Name -> version, from the names of the metadata directories."""


@dataclass(frozen=True)
class EnvironmentCache:
    """The cache. Beyond its limit it deletes the least recently used environments."""

    folder: Path
    """Created at first use."""
    limit: int | None
    """Bytes; None for the default, which depends on the free space."""

    def find(self, key: str) -> CachedEnvironment | None:
        """The environment of a key; None without one."""
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

    def hold(self, key: str) -> None:
        """Prevent other processes from deleting an environment while this process lives."""
        hold(self.folder / key)

    def release(self, key: str) -> None:
        """Undo ``hold``, when there is no environment of this key."""
        release(self.folder / key)

    def keep(self, key: str, at: Path, notes: Sequence[str]) -> list[str]:
        """Publish an environment that is complete, at ``new_path(key)``; then delete old ones beyond the limit.

        Returns notes about the limit.
        """
        folders = _marks(at)
        size = sum(mark[0] for files in folders.values() for mark in files.values() if not isinstance(mark, str))
        document = {"name": at.name, "size": size, "notes": notes, "edits": None, "folders": folders}
        self._publish(key, document)
        return self._tidy(key)

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
                self._remove(self.folder / key, is_kept=lambda: False)  # it is damaged for all users

    # ------------------------------------------------------------------------------------------ limits

    def entries(self) -> list[CacheRecord]:
        """All environments, the least recently used first. Deletes files of builds that were killed a day ago."""
        records = []
        for folder in self.folder.iterdir() if self.folder.is_dir() else ():
            if folder == self.links or not folder.is_dir():
                continue  # the user of a directory of links removes it
            self._sweep(folder)
            with suppress(OSError, ValueError, KeyError, TypeError):
                document = json.loads((folder / _POINTER).read_text())
                used_at = (folder / _POINTER).stat().st_mtime
                record = CacheRecord(
                    folder,
                    used_at,
                    int(document["size"]),
                    _python_version(folder / document["name"]),
                    _packages_in(document["folders"]),
                )
                records.append(record)
        return sorted(records, key=lambda record: record.used_at)

    def limit_for(self, size: int) -> tuple[int, str]:
        """(bytes, why): the limit of the cache. size: of all its environments.

        By default half of the space that is free or used by the cache, and at most 20 GB.
        """
        if self.limit is not None:
            return self.limit, f"set by {SIZE_VARIABLE}"
        half = (shutil.disk_usage(existing(self.folder)).free + size) // 2
        if half < _DEFAULT_SIZE:
            return half, "half of the disk space that is free or used by it"
        return _DEFAULT_SIZE, f"the default; {SIZE_VARIABLE} changes it"

    def remove(self, record: CacheRecord, *, by_others: bool = False) -> bool:
        """Delete an environment, unless a process uses it. by_others: whether this process may use it."""

        def is_kept() -> bool:
            return is_in_use(record.folder, by_others=by_others)

        return not is_kept() and self._remove(record.folder, is_kept)

    def _tidy(self, newest: str) -> list[str]:
        """Delete the least recently used environments until the rest is below the limit. Returns notes about it."""
        entries = self.entries()
        total = sum(record.size for record in entries)
        limit, why = self.limit_for(total)
        removed = []
        for record in entries:
            if total > limit and record.folder.name != newest and self.remove(record, by_others=True):
                removed.append(record.size)
                total -= record.size
        shown = f"{_size(limit)} ({why})"
        if removed:
            deleted = f"{len(removed)} environments" if len(removed) > 1 else "1 environment"
            text = f"deleted {deleted} ({_size(sum(removed))}) that were not used for the longest time"
            return [f"the environment cache reached its limit of {shown}: {text}"]
        if total > limit:
            return [f"the environment cache has {_size(total)}, more than its limit of {shown}: all is in use"]
        return []

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

    def _remove(self, folder: Path, is_kept: Callable[[], bool]) -> bool:
        """Delete an environment. A process that begins to use it meanwhile keeps it, or builds it again."""
        pointer, hidden = folder / _POINTER, folder / f".{_POINTER}.{os.getpid()}"
        try:
            pointer.rename(hidden)  # first: a partly deleted environment is never used
            name = json.loads(hidden.read_text())["name"]
        except (OSError, ValueError, KeyError):
            return False
        if is_kept():
            hidden.rename(pointer)
            return False
        shutil.rmtree(folder / name, ignore_errors=True)
        hidden.unlink(missing_ok=True)
        release(folder)
        return True


def find_cache() -> EnvironmentCache:
    """The user's cache: CONTEXTA_CACHE_DIR, else the system's place for caches. CONTEXTA_CACHE_SIZE: its limit in GB.

    Raises InvalidInput for a size that is not a number.
    """
    text = os.environ.get(SIZE_VARIABLE)
    try:
        limit = float(text) if text else None
    except ValueError:
        limit = -1.0
    if limit is not None and not 0 <= limit < 1e9:
        raise InvalidInput(f"{SIZE_VARIABLE} is {shown(text)}, which is not a size", hint="give gigabytes, e.g. 20")
    folder = os.environ.get(FOLDER_VARIABLE)
    default = Path(platformdirs.user_cache_dir("contexta", appauthor=False), "environments")
    return EnvironmentCache(Path(folder).absolute() if folder else default, None if limit is None else int(limit * 1e9))


def _python_version(environment: Path) -> str | None:
    with suppress(OSError):
        match = _VERSION_INFO.search((environment / "pyvenv.cfg").read_text())
        return match[1] if match else None
    return None


def _packages_in(folders: Iterable[str]) -> dict[str, str]:
    """folders: the directories of an environment, relative to it."""
    matches = (_METADATA.search(folder) for folder in folders)
    return {match[1].replace("_", "-").lower(): match[2] for match in matches if match}


def existing(folder: Path) -> Path:
    """The folder, or the nearest one above it that exists."""
    return next(path for path in (folder, *folder.parents) if path.exists())


def _marks(at: Path) -> dict[str, dict[str, Mark]]:
    """The files of an environment, as in CachedEnvironment."""
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


def _size(number_of_bytes: int) -> str:
    return f"{number_of_bytes / 1e9:.1f} GB" if number_of_bytes >= 1e9 else f"{number_of_bytes / 1e6:.1f} MB"
