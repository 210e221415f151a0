"""Note the files and directories that a reader uses, so that a later import can tell whether one of them changed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from contexta.core.files.digests import file_sha256

_noted: ContextVar[dict[Path, _Signature | None] | None] = ContextVar("_noted", default=None)


class _Signature(NamedTuple):
    size: int
    modified: int  # nanoseconds since 1970


State = tuple[int, int, str]
"""Size, modification time in nanoseconds, and digest of the content; of a directory the digest of its names."""


def used(path: Path) -> Path:
    """Note a file or directory before it is read. It may be missing: that it appears is a change, too."""
    noted = _noted.get()
    if noted is not None and path not in noted:
        noted[path] = _signature(path)
    return path


def entries(folder: Path) -> list[Path]:
    """The entries of a directory, sorted; empty without one. Raises OSError."""
    return sorted(folder.iterdir()) if used(folder).is_dir() else []


def files_below(folder: Path) -> Iterator[Path]:
    """The regular files below a directory, those of each directory sorted. Links to directories are not followed."""
    used(folder)
    for above, folders, names in os.walk(folder):
        used(Path(above))
        folders.sort()
        yield from (path for name in sorted(names) if (path := Path(above, name)).is_file())


class UsedFiles:
    """The files and directories that were used in a ``with`` block of ``noting``."""

    def __init__(self, signatures: dict[Path, _Signature | None]) -> None:
        self._signatures = signatures

    def states(self) -> dict[Path, State | None] | None:
        """The state of each, None for a missing one; None if one of them changed since it was used."""
        states = {path: state_of(path) for path in self._signatures}
        for path, signature in self._signatures.items():
            state = states[path]
            if (None if state is None else _Signature(*state[:2])) != signature:
                return None
        return states


@contextmanager
def noting() -> Iterator[UsedFiles]:
    signatures: dict[Path, _Signature | None] = {}
    token = _noted.set(signatures)
    try:
        yield UsedFiles(signatures)
    finally:
        _noted.reset(token)


def state_of(path: Path) -> State | None:
    """The state of a file or directory; None for a missing or unreadable one."""
    signature = _signature(path)
    if signature is None:
        return None
    try:
        if path.is_dir():
            names = sorted(os.fsencode(entry.name) for entry in path.iterdir())
            digest = sha256(b"\0".join(names)).hexdigest()
        else:
            digest = file_sha256(path)
    except OSError:
        return None
    return (*signature, digest)


def _signature(path: Path) -> _Signature | None:
    try:
        facts = path.stat()
    except OSError:
        return None
    return _Signature(0 if path.is_dir() else facts.st_size, facts.st_mtime_ns)
