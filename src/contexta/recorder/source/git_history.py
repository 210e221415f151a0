"""Read files of a git repository as they were at a commit. The checkout is not touched."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from contexta.core.processes.process import ProcessError
from contexta.recorder.source.git import git, top_level

_SECONDS = 60.0
_MOST_AT_ONCE = 32 * 1024**2  # bytes of the files that one command reads
_LONGEST_HEADER = 128  # bytes before and after a file


@dataclass(frozen=True)
class Commit:
    name: str
    when: datetime


@dataclass(frozen=True)
class TrackedFile:
    """A file at a commit."""

    path: str
    """Relative to the root of the repository, with ``/``."""
    size: int
    blob: str


def root_of(directory: Path) -> Path | None:
    """The root of the repository around a directory; None without one, or without git."""
    try:
        top = top_level(os.fspath(directory))
    except (ProcessError, OSError):
        return None
    return None if top is None else Path(top)


def commit_named(directory: Path, revision: str) -> Commit | None:
    """A commit by its name, or a tag or a branch; None where the repository has none."""
    return _one_commit(directory, ["--end-of-options", f"{revision}^{{commit}}"])


def commit_before(directory: Path, when: datetime) -> Commit | None:
    """The last commit of the checked out branch that was made before a moment."""
    return _one_commit(directory, [f"--before={when.isoformat()}", "HEAD"])


def last_change(root: Path, commit: str, path: str) -> datetime | None:
    """When a file was last changed, up to a commit."""
    change = _one_commit(root, [commit, "--", path])
    return None if change is None else change.when


def _one_commit(directory: Path, arguments: list[str]) -> Commit | None:
    output = _output(directory, ["log", "-1", "--format=%H %ct", *arguments])
    name, _, seconds = output.decode("ascii", "replace").strip().partition(" ")
    return Commit(name, datetime.fromtimestamp(int(seconds), timezone.utc)) if seconds.isdigit() else None


def references(directory: Path, prefix: str) -> list[tuple[str, Commit]]:
    """The references of the repository below a prefix, such as ``refs/tags``, with their commits."""
    pairs = []
    form = "--format=%(refname) %(objectname) %(committerdate:unix)"
    for line in _output(directory, ["for-each-ref", form, prefix]).decode("utf-8", "replace").splitlines():
        reference, name, seconds = (*line.rsplit(" ", 2), "", "")[:3]
        if seconds.isdigit():
            pairs.append((reference, Commit(name, datetime.fromtimestamp(int(seconds), timezone.utc))))
    return pairs


def is_tracked(path: Path) -> bool:
    return bool(_output(path.parent, ["ls-files", "--", path.name]))


def tracked_paths(root: Path) -> frozenset[str]:
    """The paths of the index whose files on disk are unchanged."""
    changed = _paths(_output(root, ["diff", "--name-only", "-z", "HEAD"]))
    return frozenset(_paths(_output(root, ["ls-files", "-z"]))) - frozenset(changed)


def files_at(root: Path, commit: str) -> list[TrackedFile]:
    """The files of a commit."""
    files = []
    for entry in _paths(_output(root, ["ls-tree", "-r", "-z", "--long", commit])):
        about, _, path = entry.partition("\t")
        _, kind, blob, size = about.split()
        if kind == "blob" and size.isdigit():
            files.append(TrackedFile(path, int(size), blob))
    return files


def contents(root: Path, files: Iterable[TrackedFile]) -> Iterator[tuple[TrackedFile, bytes]]:
    """The content of files of a commit; a file that git cannot read is left out."""
    for group in _groups(files):
        names = "".join(f"{file.blob}\n" for file in group).encode()
        size = sum(file.size + _LONGEST_HEADER for file in group)
        output = _output(root, ["cat-file", "--batch"], input=names, max_output=size)
        position = 0
        for file in group:
            end = output.find(b"\n", position)
            header = output[position:end].split()  # name, type and size; or the name and ``missing``
            position = end + 1
            if len(header) == 3:
                yield file, output[position : position + file.size]
                position += file.size + 1


def _groups(files: Iterable[TrackedFile]) -> Iterator[list[TrackedFile]]:
    """Files that one command of git reads."""
    group: list[TrackedFile] = []
    size = 0
    for file in files:
        if group and size + file.size > _MOST_AT_ONCE:
            yield group
            group, size = [], 0
        group.append(file)
        size += file.size
    if group:
        yield group


def _paths(output: bytes) -> list[str]:
    return [os.fsdecode(path) for path in output.split(b"\0") if path]


def _output(directory: Path, arguments: list[str], **options: Any) -> bytes:
    """The output of git; empty if it fails. options: as in ``git``."""
    try:
        finished = git(arguments, os.fspath(directory), _SECONDS, **options)
    except (ProcessError, OSError):
        return b""
    return finished.stdout if finished.exit_code == 0 else b""
