"""Give each trial a copy of the source, in a directory that is removed after it.

The user's repository is read, never written: the copy is a clone that shares its objects.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import re
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from contexta.bisect.execution.isolation.source_files import (
    files_outside_commits,
    is_not_copied,
    not_copied,
    repository,
)
from contexta.core.errors import NotFound
from contexta.recorder.journal.processes import alive, identity
from contexta.recorder.source.git import COPY_SECONDS, clone, output
from contexta.reproduce.environments.cache import find_cache
from contexta.reproduce.plan.checkouts import check_out, repository_of, require_commit

_SOURCE = f"source-{re.sub(r'[^A-Za-z0-9]', '', platform.node())[:20]}-"
"""Prefix of the copies of the source on this machine."""
_PREFIX = "cx-"  # prefix of private directories: short, because paths of sockets are limited
_OWNER = "owner.json"
_ABANDONED = 7 * 24 * 3600.0  # seconds after which a directory is removed whose owner is on another machine
_remover = ThreadPoolExecutor(1, "remover")  # tens of thousands of files: the next trial need not wait for it


@dataclass(frozen=True)
class Revision:
    """A recorded source: a commit and a patch for ``git apply``.

    root: the path of its repository. packages: (name, directory below the top) that a trial of it installs from it.
    """

    commit: str
    patch: bytes | None = None
    root: str = ""
    packages: tuple[tuple[str, str], ...] = ()

    def __str__(self) -> str:
        return self.commit[:12] + (" and uncommitted changes" if self.patch else "")

    @property
    def state(self) -> str:
        """An identifier of the content."""
        return f"{self.commit}+{hashlib.sha256(self.patch).hexdigest()[:16]}" if self.patch else self.commit


@contextmanager
def own_place(parent: Path) -> Iterator[Path]:
    """A directory of this process alone, removed soon after (``settle`` waits for it).

    Directories of processes that were killed are removed first.
    """
    sweep(parent)
    at = _new_place(parent)
    try:
        yield at
    finally:
        _remover.submit(_remove, at)


def _new_place(parent: Path) -> Path:
    owner = json.dumps(identity())
    while True:
        at = parent / f"{_PREFIX}{uuid4().hex[:8]}"
        at.mkdir(parents=True)
        try:
            (at / _OWNER).write_text(owner)
        except FileNotFoundError:
            continue  # another process removed it while it was empty
        return at


def settle() -> None:
    """Wait until all directories that are not used any more are removed."""
    _remover.submit(lambda: None).result()  # tasks run one after the other


def sweep(parent: Path) -> None:
    """Remove the private directories of processes that were killed."""
    for path in parent.glob(f"{_PREFIX}*"):
        try:
            is_alive = alive(json.loads((path / _OWNER).read_text()))
            is_old = time.time() - path.stat().st_mtime > _ABANDONED
        except (OSError, ValueError):
            with suppress(OSError):
                path.rmdir()  # killed before it was used, or before it was gone: such a directory is empty
            continue
        if is_alive is False or (is_alive is None and is_old):
            _remove(path)


def _remove(at: Path) -> None:
    """Remove a private directory. The file of the owner is removed last, so that a partly removed directory is
    recognised."""
    with suppress(OSError):  # another process may remove it at the same time
        for path in at.iterdir():
            if path.is_dir() and not path.is_symlink():
                _remove_tree(path)
            elif path.name != _OWNER:
                path.unlink(missing_ok=True)
        if [path.name for path in at.iterdir()] == [_OWNER]:  # otherwise something could not be removed
            (at / _OWNER).unlink(missing_ok=True)
        at.rmdir()


def _remove_tree(path: Path) -> None:
    """Remove a directory, including unreadable directories that overlays leave in it."""
    for folder, names, _ in os.walk(path):
        for name in names:
            inner = Path(folder, name)
            if not inner.is_symlink() and not os.access(inner, os.R_OK | os.X_OK):
                inner.chmod(0o700)
    shutil.rmtree(path, ignore_errors=True)


@contextmanager
def workplace(folder: Path, scratch: Path, *, in_place: bool, revision: Revision | None = None) -> Iterator[Path]:
    """A copy of ``folder``, made in ``scratch``; in_place: the folder itself.

    Inside a git repository it is in a clone at the current commit with the current files, ignored ones included (data
    usually is), so git gives the same answers there. Otherwise it is a plain copy. Virtual environments, caches and
    workspaces are left out.
    revision: copy this source instead, with the current files that are not part of it (``files_outside_commits``).
    Raises NotFound where the repository lacks the revision, or the revision lacks the folder, and PatchRefused.
    """
    if in_place:
        yield folder
        return
    if revision is not None:
        require_commit(repository_of(str(folder)), revision.commit)
    top = repository(folder)
    at = scratch / f"{_SOURCE}{uuid4().hex[:12]}"
    try:
        if top is None:
            shutil.copytree(folder, at / folder.name, symlinks=True, ignore=not_copied)
            yield at / folder.name
        elif revision is None:
            clone(str(top), "HEAD", str(at), is_shared=True)
            output(["reset", "--quiet"], str(at), COPY_SECONDS)
            shutil.copytree(top, at, symlinks=True, ignore=not_copied, dirs_exist_ok=True)
            yield at / folder.relative_to(top)
        else:
            check_out(top, revision.commit, revision.patch, at, is_shared=True)
            _copy_files_outside_commits(at, top)
            inner = at / folder.relative_to(top)
            if not inner.is_dir():
                missing = f"{revision} has no directory {folder.relative_to(top)}"
                raise NotFound(missing, hint="run the bisect from one that both commits have")
            yield inner
    finally:
        shutil.rmtree(at, ignore_errors=True)


def _copy_files_outside_commits(at: Path, top: Path) -> None:
    for name in files_outside_commits(top):
        if _is_free(at, Path(name)):
            (at / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(top / name, at / name, follow_symlinks=False)


def _is_free(at: Path, name: Path) -> bool:
    """Whether the source has nothing at a name, nor a link or file above it: a link would lead out of the copy."""
    parents = [at / parent for parent in name.parents if parent.name]
    return not os.path.lexists(at / name) and all(
        parent.is_dir() and not parent.is_symlink() for parent in parents if os.path.lexists(parent)
    )


def moved_into(place: Path, folder: Path, revision: Revision) -> Callable[[str], str]:
    """A function that makes paths of the source in a text lead to its copy.

    place: the copy of folder. Paths of what is not copied, such as virtual environments, stay as they are.
    """
    top, copied_top = repository(folder), repository(place)
    if top is None or copied_top is None:
        return lambda text: text
    roots = "|".join(re.escape(root) for root in {str(top), revision.root} if root)
    below = re.compile(rf"(?:^|(?<=[=:;,\s'\"]))(?:{roots})(?P<path>[/\\][^:;,\s'\"]*)?(?=[:;,\s'\"]|$)")

    def replaced(match: re.Match[str]) -> str:
        path = match["path"] or ""
        return match[0] if is_not_copied(top, Path(path.strip("/\\")), {}) else f"{copied_top}{path}"

    return lambda text: below.sub(replaced, text)


def tidy() -> None:
    """Remove what killed trials left on this machine: copies of the source, and linked environments."""
    sweep(Path(tempfile.gettempdir()))
    sweep(find_cache().links)
