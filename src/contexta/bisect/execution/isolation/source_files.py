"""List the files of the source of a study, and detect changes."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from contexta.core import settings
from contexta.core.files.digests import file_sha256
from contexta.core.processes.process import ProcessError
from contexta.recorder.source.files import left_out
from contexta.recorder.source.git import COPY_SECONDS, output, top_level

_NOT_COPIED = (".git", ".hg", ".venv", "venv", ".contexta", "__pycache__", "node_modules", ".tox", ".nox")
_MARKERS = ("pyvenv.cfg", settings.DATABASE, f"{settings.OBJECTS}/.salt", "bisect/last.json")
"""Files of environments and workspaces, whatever the name of their directory."""
_MAX_COPY = 500 * 1024 * 1024
_MAX_FILES = 20_000


@dataclass(frozen=True)
class Source:
    """The source of a study. files: names below its top directory. digest: of their content when the study began."""

    files: tuple[str, ...]
    digest: str


def source_of(folder: Path, *, in_place: bool, outputs: Collection[Path] = (), recorded: bool = False) -> Source:
    """The files that each trial gets a copy of.

    in_place: Python files only, as trials may leave others there. outputs: files that the study writes to; they do not
    count, and neither do its stdout and stderr. recorded: only the files beside a ``Revision`` count.
    """
    streams = {(facts.st_dev, facts.st_ino) for stream in (1, 2) if (facts := _facts(stream)) is not None}
    streams |= {(facts.st_dev, facts.st_ino) for path in outputs if (facts := _facts(path)) is not None}
    top, names = repository(folder) or folder, []
    for path in [top / name for name in files_outside_commits(top)] if recorded else sorted(_files(top)):
        facts = None if in_place and path.suffix != ".py" else _facts(path)
        if facts is not None and (facts.st_dev, facts.st_ino) not in streams:
            names.append(path.relative_to(top).as_posix())
    return Source(tuple(names), fingerprint(folder, names))


def fingerprint(folder: Path, files: Iterable[str]) -> str:
    """A digest of the content of files, the same on every machine."""
    state = hashlib.sha256()
    top = repository(folder) or folder
    for name in files:
        try:
            digest = _content_digest(top / name)
        except OSError:
            digest = "gone"
        state.update(f"{name}\0{digest}\n".encode(errors="surrogateescape"))
    return state.hexdigest()[:16]


def repository(folder: Path) -> Path | None:
    """The top of the git repository around a folder; None outside of one, or before its first commit."""
    try:
        root = top_level(str(folder), "HEAD")
    except ProcessError:
        return None  # git is not installed
    return Path(root) if root else None


def files_outside_commits(top: Path) -> list[str]:
    """The files of a repository that are neither in a commit nor in a recorded change.

    These are the files that git ignores, and those that hold data or secrets by their name, or are large.
    """
    untracked = ["ls-files", "--others", "--exclude-standard", "-z"]
    names = {*_listed(top, *untracked, "--ignored")}
    sizes = {name: facts.st_size for name in _listed(top, *untracked) if (facts := _facts(top / name)) is not None}
    names |= {name for name, size in sizes.items() if left_out(name, size)}
    repositories = {name for name in names if name.endswith("/")}  # inside this one
    names -= repositories
    names |= {path.relative_to(top).as_posix() for name in repositories for path in _files(top / name)}
    results: dict[Path, bool] = {}
    return sorted(name for name in names if not is_not_copied(top, Path(name), results))


def _listed(top: Path, *arguments: str) -> list[str]:
    return [os.fsdecode(name) for name in output(arguments, str(top), COPY_SECONDS).split(b"\0") if name]


def is_not_copied(top: Path, path: Path, results: dict[Path, bool]) -> bool:
    """Whether a path is, or lies in, a directory that is never copied. results: of earlier calls."""
    if path not in results:
        above = path.parent != path and is_not_copied(top, path.parent, results)
        results[path] = above or bool(path.name and not_copied(str(top / path.parent), [path.name]))
    return results[path]


def not_copied(folder: str, names: list[str]) -> list[str]:
    """The names in a directory that are never copied, for ``shutil.copytree``."""
    return [name for name in names if name in _NOT_COPIED or _is_marked(os.path.join(folder, name))]  # noqa: PTH118  # of every file


def _is_marked(path: str) -> bool:
    return os.path.isdir(path) and any(os.path.exists(f"{path}/{marker}") for marker in _MARKERS)  # noqa: PTH110, PTH112  # of every file


def too_large_to_copy(folder: Path) -> str | None:
    """Why a folder is not copied for every trial; None when it is small enough."""
    size = files = 0
    top = repository(folder) or folder
    for path in _files(top):
        facts = _facts(path)
        if facts is None:
            continue  # it was removed meanwhile
        size += facts.st_size
        files += 1
        if size > _MAX_COPY or files > _MAX_FILES:
            return f"{top} holds more than {_MAX_COPY // 2**20} MB or {_MAX_FILES} files"
    return None


def _files(top: Path) -> Iterator[Path]:
    for root, folders, names in os.walk(top):
        folders[:] = sorted({*folders} - {*not_copied(root, folders)})
        yield from (Path(root, name) for name in names)


def _facts(file: Path | int) -> os.stat_result | None:
    """The facts of a path or an open file; None where it does not exist."""
    try:
        return os.fstat(file) if isinstance(file, int) else os.lstat(file)
    except OSError:
        return None


def _content_digest(path: Path) -> str:
    if path.is_symlink():
        return f"link {path.readlink()}"
    return file_sha256(path) if path.is_file() else "no file"
