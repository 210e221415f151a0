"""Where a trial runs: a throw-away copy of the current source or of a recorded one, a home and a place for temporary
files of its own, so that what it leaves behind is never met again."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import re
import shutil
import tempfile
import time
from collections.abc import Callable, Collection, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from contexta.core import settings
from contexta.core.digests import file_sha256
from contexta.core.errors import NotFound
from contexta.core.process import ProcessError
from contexta.recorder.journal.processes import alive, identity
from contexta.recorder.source.files import left_out
from contexta.recorder.source.git import clone, output, top_level
from contexta.reproduce.plan.checkouts import apply_changes, repository_of, require_commit

_NOT_COPIED = (".git", ".hg", ".venv", "venv", ".contexta", "__pycache__", "node_modules", ".tox", ".nox")
_MARKS = ("pyvenv.cfg", settings.DATABASE, f"{settings.OBJECTS}/.salt", "bisect/last.json")
"""What environments and workspaces have in them, whatever their name."""
_LARGEST_COPY = 500 * 1024 * 1024
_MOST_FILES = 20_000
_SECONDS = 120.0  # for git
_SOURCE = f"source-{re.sub(r'[^A-Za-z0-9]', '', platform.node())[:20]}-"
"""What copies of the source are called on this machine."""
_OWN = "cx-"
"""How places begin: short, as paths of sockets are."""
_OWNER = "owner.json"
_remover = ThreadPoolExecutor(1, "remover")  # tens of thousands of files: the next trial need not wait for it
_ABANDONED = 7 * 24 * 3600.0  # seconds after which a place whose owner cannot be looked at is nobody's


@dataclass(frozen=True)
class Revision:
    """A recorded source: a commit with changes on top, as ``git apply`` takes them. root: where it stood. packages:
    (name, directory below the top) of what a trial of it installs from it."""

    commit: str
    patch: bytes | None = None
    root: str = ""
    packages: tuple[tuple[str, str], ...] = ()

    def __str__(self) -> str:
        return self.commit[:12] + (" and uncommitted changes" if self.patch else "")

    @property
    def state(self) -> str:
        """What tells it from other ones."""
        return f"{self.commit}+{hashlib.sha256(self.patch).hexdigest()[:16]}" if self.patch else self.commit


@contextmanager
def own_place(parent: Path) -> Iterator[Path]:
    """A directory of this process alone, removed soon after (``settle`` waits for it); those of processes that died
    without are removed now."""
    sweep(parent)
    at = parent / f"{_OWN}{uuid4().hex[:8]}"
    at.mkdir(parents=True)
    try:
        (at / _OWNER).write_text(json.dumps(identity()))
        yield at
    finally:
        _remover.submit(_remove, at)


def settle() -> None:
    """Wait until all places that are not used any more are gone."""
    _remover.submit(lambda: None).result()  # it does one after the other


def _remove(at: Path) -> None:
    """The owner's name last: else nobody could tell later that what is left is nobody's."""
    for path in at.iterdir():
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
    shutil.rmtree(at, ignore_errors=True)


def sweep(parent: Path) -> None:
    """Remove the places of processes that died."""
    for left in parent.glob(f"{_OWN}*"):
        try:
            owner = json.loads((left / _OWNER).read_text())
            lives = alive(owner)
            old = time.time() - left.stat().st_mtime > _ABANDONED
        except (OSError, ValueError):
            continue  # it is being made, or removed
        if lives is False or (lives is None and old):
            _remove(left)


@contextmanager
def workplace(folder: Path, scratch: Path, *, in_place: bool, revision: Revision | None = None) -> Iterator[Path]:
    """A place that looks like ``folder``. scratch: where copies are made.

    Inside a git repository it is a clone at the current commit with the current files in it, ignored ones included
    (data usually is), so that git answers there as it does here. Else it is a copy. Virtual environments, caches and
    workspaces are left out.
    revision: a clone at that commit instead, with the current files that are no source in it (``beside_source``).
    Raises NotFound if the repository lacks the commit or the commit lacks the folder, and PatchRefused.
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
            shutil.copytree(folder, at / folder.name, symlinks=True, ignore=_left_out)
            yield at / folder.name
        else:
            commit = _git(top, "rev-parse", "HEAD").decode().strip() if revision is None else revision.commit
            clone(str(top), commit, str(at), is_shared=True)
            if revision is None:
                _git(at, "reset", "--quiet")
                shutil.copytree(top, at, symlinks=True, ignore=_left_out, dirs_exist_ok=True)
            else:
                _fill(at, top, revision)
            yield _inside(at, folder.relative_to(top), revision)
    finally:
        shutil.rmtree(at, ignore_errors=True)


def _fill(at: Path, top: Path, revision: Revision) -> None:
    _git(at, "reset", "--quiet", "--hard")
    apply_changes(at, revision.commit, revision.patch)
    for name in beside_source(top):
        if _is_free(at, Path(name)):
            (at / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(top / name, at / name, follow_symlinks=False)


def _is_free(at: Path, name: Path) -> bool:
    """Whether nothing of the source stands at a name, or in its way: a link would lead out of the place."""
    above = [at / each for each in name.parents if each.name]
    return not os.path.lexists(at / name) and all(
        each.is_dir() and not each.is_symlink() for each in above if os.path.lexists(each)
    )


def _inside(at: Path, folder: Path, revision: Revision | None) -> Path:
    if revision is not None and not (at / folder).is_dir():
        raise NotFound(f"{revision} has no directory {folder}", hint="run the bisect from one that both commits have")
    return at / folder


def moved_into(place: Path, folder: Path, revision: Revision) -> Callable[[str], str]:
    """How a word or a variable is put that may name paths of the source: they name those of the place then, made of
    ``folder``. Not those of what is in no place, such as virtual environments."""
    top, there = repository(folder), repository(place)
    if top is None or there is None:
        return lambda text: text
    roots = "|".join(re.escape(root) for root in {str(top), revision.root} if root)
    below = re.compile(rf"(?:^|(?<=[=:;,\s'\"]))(?:{roots})(?P<path>[/\\][^:;,\s'\"]*)?(?=[:;,\s'\"]|$)")

    def put(found: re.Match[str]) -> str:
        path = found["path"] or ""
        return found[0] if _is_below_left_out(top, Path(path.strip("/\\")), {}) else f"{there}{path}"

    return lambda text: below.sub(put, text)


def beside_source(top: Path) -> list[str]:
    """The files of a repository that are in no commit, and in no recorded change either: what git ignores, and what
    holds data or secrets by its name, or is large."""
    listed = ["ls-files", "--others", "--exclude-standard", "-z"]
    names = {*_named(top, *listed, "--ignored")}
    loose = {name: now.st_size for name in _named(top, *listed) if (now := _standing(top / name)) is not None}
    names |= {name for name, size in loose.items() if left_out(name, size)}
    whole = {name for name in names if name.endswith("/")}  # repositories of their own
    names = (names - whole) | {path.relative_to(top).as_posix() for each in whole for path in _files(top / each)}
    skipped: dict[Path, bool] = {}
    return sorted(name for name in names if not _is_below_left_out(top, Path(name), skipped))


def _named(top: Path, *arguments: str) -> list[str]:
    return [os.fsdecode(name) for name in _git(top, *arguments).split(b"\0") if name]


def _is_below_left_out(top: Path, path: Path, known: dict[Path, bool]) -> bool:
    """Whether a path is, or lies in, what is never copied. known: what was found so far."""
    if path not in known:
        above = path.parent != path and _is_below_left_out(top, path.parent, known)
        known[path] = above or bool(path.name and _left_out(str(top / path.parent), [path.name]))
    return known[path]


def tidy() -> None:
    """Remove what trials on this machine that were killed left behind."""
    sweep(Path(tempfile.gettempdir()))


def repository(folder: Path) -> Path | None:
    """The top of the git repository around a folder; None outside of one, or before its first commit."""
    try:
        root = top_level(str(folder), "HEAD")
    except ProcessError:
        return None  # git is missing
    return Path(root) if root else None


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


@dataclass(frozen=True)
class Source:
    """What a study runs. files: by their names below the top of it. digest: of what was in them when it began."""

    files: tuple[str, ...]
    digest: str


def source_of(folder: Path, *, in_place: bool, outputs: Collection[Path] = (), recorded: bool = False) -> Source:
    """All files that are copied.

    in_place: Python files only, as trials may leave others beside them. outputs: files that the study itself writes to,
    which are none, as is what its stdout and stderr were sent to. recorded: the source comes from a ``Revision``, and
    only what is beside it from here.
    """
    ours = {(now.st_dev, now.st_ino) for descriptor in (1, 2) if (now := _standing(descriptor)) is not None}
    ours |= {(now.st_dev, now.st_ino) for path in outputs if (now := _standing(path)) is not None}
    top, found = repository(folder) or folder, []
    for path in [top / name for name in beside_source(top)] if recorded else sorted(_files(top)):
        now = None if in_place and path.suffix != ".py" else _standing(path)
        if now is not None and (now.st_dev, now.st_ino) not in ours:
            found.append(path.relative_to(top).as_posix())
    return Source(tuple(found), fingerprint(folder, found))


def fingerprint(folder: Path, files: Iterable[str]) -> str:
    """What tells these files from other ones, or from what they were, on any machine: by content."""
    found = hashlib.sha256()
    top = repository(folder) or folder
    for name in files:
        try:
            digest = _content(top / name)
        except OSError:
            digest = "gone"
        found.update(f"{name}\0{digest}\n".encode(errors="surrogateescape"))
    return found.hexdigest()[:16]


def _standing(file: Path | str | int) -> os.stat_result | None:
    """What the system says of a file by its name, or of an open one; None where it is not, or not any more."""
    try:
        return os.fstat(file) if isinstance(file, int) else os.lstat(file)
    except OSError:
        return None


def _content(path: Path) -> str:
    if path.is_symlink():
        return f"link {path.readlink()}"
    if not path.is_file():
        return "no file"
    return file_sha256(path)


def _files(top: Path) -> Iterator[Path]:
    for root, folders, names in os.walk(top):
        folders[:] = sorted({*folders} - {*_left_out(root, folders)})
        yield from (Path(root, name) for name in names)


def _left_out(folder: str, names: list[str]) -> list[str]:
    return [name for name in names if name in _NOT_COPIED or _is_marked(os.path.join(folder, name))]  # noqa: PTH118  # of every file


def _is_marked(path: str) -> bool:
    return os.path.isdir(path) and any(os.path.exists(f"{path}/{mark}") for mark in _MARKS)  # noqa: PTH110, PTH112  # of every file


def _git(at: Path, *arguments: str) -> bytes:
    return output(arguments, str(at), _SECONDS)
