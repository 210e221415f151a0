"""Where a trial runs: a throw-away copy of the current source, so that what it leaves behind is never met again."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from contexta.process import ProcessError
from contexta.recorder.git import git

_NOT_COPIED = (".git", ".hg", ".venv", "venv", ".contexta", "__pycache__", "node_modules", ".tox", ".nox")
_LARGEST_COPY = 500 * 1024 * 1024
_MOST_FILES = 20_000
_SECONDS = 120.0  # for git


@contextmanager
def workplace(folder: Path, scratch: Path, *, in_place: bool) -> Iterator[Path]:
    """A place that looks like ``folder``. scratch: where copies are made; whatever is in it may be deleted.

    Inside a git repository it is a worktree of the current commit with the current files in it, ignored ones included
    (data usually is), so that git answers there as it does here. Else it is a copy. Virtual environments, caches and
    workspaces are left out.
    """
    if in_place:
        yield folder
        return
    top = repository(folder)
    at = scratch / f"trial-{uuid4().hex[:12]}"
    scratch.mkdir(parents=True, exist_ok=True)
    try:
        if top is None:
            shutil.copytree(folder, at / folder.name, symlinks=True, ignore=_left_out)
            yield at / folder.name
        else:
            _git(top, "worktree", "add", "--quiet", "--detach", "--no-checkout", str(at), "HEAD")
            _git(at, "reset", "--quiet")
            shutil.copytree(top, at, symlinks=True, ignore=_left_out, dirs_exist_ok=True)
            yield at / folder.relative_to(top)
    finally:
        shutil.rmtree(at, ignore_errors=True)
        if top is not None:
            _git(top, "worktree", "prune")


def tidy(folder: Path, scratch: Path) -> None:
    """Remove what a study that was killed left behind."""
    shutil.rmtree(scratch, ignore_errors=True)
    top = repository(folder)
    if top is not None:
        _git(top, "worktree", "prune")


def repository(folder: Path) -> Path | None:
    """The top of the git repository around a folder; None outside of one, or before its first commit."""
    try:
        asked = git(["rev-parse", "--show-toplevel", "HEAD"], str(folder), _SECONDS)
    except ProcessError:
        return None  # no git here
    if asked.exit_code != 0:
        return None
    return Path(os.fsdecode(asked.stdout.splitlines()[0]))


def too_large_to_copy(folder: Path) -> str | None:
    """Why a folder is not copied for every trial; None when it is small enough."""
    size = files = 0
    top = repository(folder) or folder
    for path in _files(top):
        try:
            size += path.lstat().st_size
        except OSError:
            continue  # it went away while we looked
        files += 1
        if size > _LARGEST_COPY or files > _MOST_FILES:
            return f"{top} holds more than {_LARGEST_COPY // 2**20} MB or {_MOST_FILES} files"
    return None


def sources(folder: Path, *, in_place: bool, outputs: Collection[Path] = ()) -> list[str]:
    """The files that make the source of a study: all that are copied.

    in_place: Python files only, as trials may leave others beside them. outputs: files that the study itself writes to,
    which are none, as is what its stdout and stderr were sent to.
    """
    ours = {(now.st_dev, now.st_ino) for descriptor in (1, 2) if (now := _standing(descriptor)) is not None}
    ours |= {(now.st_dev, now.st_ino) for path in outputs if (now := _standing(path)) is not None}
    found = []
    for path in sorted(_files(repository(folder) or folder)):
        now = None if in_place and path.suffix != ".py" else _standing(path)
        if now is not None and (now.st_dev, now.st_ino) not in ours:
            found.append(str(path))
    return found


def fingerprint(files: Iterable[str]) -> str:
    """What tells these files from other ones, or from what they were: by name, size and time."""
    found = hashlib.sha256()
    for path in files:
        now = _standing(path)
        told = "gone" if now is None else f"{now.st_size}\0{now.st_mtime_ns}"
        found.update(f"{path}\0{told}\n".encode(errors="surrogateescape"))
    return found.hexdigest()[:16]


def _standing(file: Path | str | int) -> os.stat_result | None:
    """What the system says of a file by its name, or of an open one; None where it is not, or not any more."""
    try:
        return os.fstat(file) if isinstance(file, int) else os.lstat(file)
    except OSError:
        return None


def _files(top: Path) -> Iterator[Path]:
    for root, folders, names in os.walk(top):
        folders[:] = sorted({*folders} - {*_left_out(root, folders)})
        yield from (Path(root, name) for name in names)


def _left_out(folder: str, names: list[str]) -> list[str]:
    return [name for name in names if name in _NOT_COPIED or Path(folder, name, "pyvenv.cfg").exists()]


def _git(at: Path, *arguments: str) -> None:
    done = git(arguments, str(at), _SECONDS)
    if done.exit_code != 0:
        raise ProcessError(f"git {arguments[0]} failed: {done.stderr.decode(errors='replace').strip()[:500]}")
