"""Collect documents of a project, from disk and from its repository as it was at the moment."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path

from contexta.core.errors import InvalidInput
from contexta.reconstruct.documents.document_kinds import kind_of
from contexta.reconstruct.trace_values import Document, PointInTime, Traces
from contexta.recorder.source import git_history

_LARGEST = 64 * 1024 * 1024  # bytes of a document
_MOST_FILES = 50_000  # that are looked at below one directory
_SKIPPED = frozenset(
    {".git", ".hg", ".contexta", "node_modules", "__pycache__", "site-packages", ".tox", ".nox", ".mypy_cache"}
)


def collect(
    directories: Sequence[Path], files: Sequence[Path], moment: PointInTime
) -> tuple[list[Document], list[str]]:
    """(documents, notes). files: those that the user named, which count whatever their date is."""
    documents: list[Document] = []
    notes: list[str] = []
    for directory in directories:
        tracked: frozenset[Path] = frozenset()
        if (root := git_history.root_of(directory)) is not None:
            tracked = frozenset(root / path for path in git_history.tracked_paths(root))
            documents += _committed(root, directory, moment, notes)
        documents += _on_disk(directory, tracked, notes)
    for file in files:
        if (content := _content(file, notes)) is not None:
            documents.append(Document(file.as_posix(), content, _modified(file), is_named=True))
    others = {document.name: document.content for document in documents}
    dated = [
        replace(document, others=others, is_late=document.when > moment.latest and not document.is_named)
        for document in documents
    ]
    return sorted(dated, key=lambda document: document.is_late), notes


def _committed(root: Path, directory: Path, moment: PointInTime, notes: list[str]) -> Iterator[Document]:
    commit = moment.commit or (found.name if (found := git_history.commit_before(directory, moment.latest)) else None)
    if commit is None:
        notes.append(f"the repository {root} has no commit before the moment")
        return
    prefix = _relative(directory, root)
    chosen = []
    for file in git_history.files_at(root, commit):
        name = file.path.removeprefix(prefix)
        if file.path.startswith(prefix) and file.size <= _LARGEST and kind_of(name) is not None:
            chosen.append(file)
    for file, content in git_history.contents(root, chosen):
        when = git_history.last_change(root, commit, file.path) or moment.latest
        yield Document(file.path.removeprefix(prefix), content, min(when, moment.latest), commit)


def _relative(directory: Path, root: Path) -> str:
    inner = Path(os.path.realpath(directory)).relative_to(os.path.realpath(root)).as_posix()
    return "" if inner == "." else f"{inner}/"


def _on_disk(directory: Path, tracked: frozenset[Path], notes: list[str]) -> Iterator[Document]:
    """The files that git does not have; those of other projects' environments and caches are left out."""
    count = 0
    real = Path(os.path.realpath(directory))
    for folder, folders, names in os.walk(directory):
        is_environment = "pyvenv.cfg" in names and Path(folder) != directory
        folders[:] = [] if is_environment else sorted(name for name in folders if name not in _SKIPPED)
        for name in [] if is_environment else sorted(names):
            count += 1
            path = Path(folder, name)
            inner = path.relative_to(directory).as_posix()
            if kind_of(inner) is None or real / inner in tracked:
                continue
            if (content := _content(path, notes)) is not None:
                yield Document(inner, content, _modified(path))
        if count > _MOST_FILES:
            notes.append(f"{directory} has more than {_MOST_FILES} files: the rest was not searched; name its files")
            return


def _content(path: Path, notes: list[str]) -> bytes | None:
    try:
        if path.stat().st_size > _LARGEST:
            notes.append(f"{path} is larger than {_LARGEST // 1024**2} MB and was not read")
            return None
        return path.read_bytes()
    except OSError as error:
        notes.append(f"{path} cannot be read: {error.strerror or error}")
        return None


def _modified(path: Path) -> datetime:
    return datetime.fromtimestamp(path.stat().st_mtime, timezone.utc)


def traces_of(documents: Sequence[Document], markers: Mapping[str, str] | None = None) -> Traces:
    """The traces in documents. A damaged document yields its valid part and a note. markers: see ``Document``."""
    parts = []
    for document in documents:
        if (kind := kind_of(document.name, is_named=document.is_named)) is None:
            continue
        try:
            traces = kind.read(replace(document, markers=markers))
            if kind.is_definition:
                traces = replace(traces, evidence=tuple(replace(item, is_pin=True) for item in traces.evidence))
            parts.append(traces)
        except (ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError, struct.error) as error:
            parts.append(Traces(notes=(f"{document.where()} cannot be read: {type(error).__name__}: {error}",)))
    return Traces.joined(parts)


def split_paths(paths: Sequence[str | os.PathLike[str]]) -> tuple[list[Path], list[Path]]:
    """(directories, files) that a user names; the current directory without a directory.

    Raises InvalidInput for a path that does not exist.
    """
    directories: list[Path] = []
    files: list[Path] = []
    for path in map(Path, paths):
        if not path.exists():
            raise InvalidInput(f"{path} does not exist", hint="name files or directories with traces of that time")
        (directories if path.is_dir() else files).append(path)
    return directories or [Path.cwd()], files
