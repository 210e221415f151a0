"""Record which processes use a cached environment: one file per process, next to the environment."""

from __future__ import annotations

import atexit
import json
import os
import time
from contextlib import suppress
from pathlib import Path

from contexta.recorder.journal.processes import alive, identity

_SUFFIX = ".user"
_UNKNOWN_SECONDS = 24 * 3600.0  # seconds for which a process counts as alive if the system does not report it
_held: dict[Path, int] = {}  # file -> process that wrote it


def hold(folder: Path) -> None:
    """Mark an environment as used by this process until it ends. folder: of its key in the cache."""
    path = folder / f"{os.getpid()}{_SUFFIX}"
    with suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
        if _held.get(path) == os.getpid() and path.exists():
            os.utime(path)
            return
        path.write_text(json.dumps(identity()))
        if not _held:
            atexit.register(_release_all)
        _held[path] = os.getpid()


def release(folder: Path) -> None:
    """Remove the mark of this process, and the directory unless others use it or build there."""
    with suppress(OSError):
        (folder / f"{os.getpid()}{_SUFFIX}").unlink(missing_ok=True)
        folder.rmdir()


def is_in_use(folder: Path, *, by_others: bool = False) -> bool:
    """Whether a live process uses an environment. by_others: whether to ignore this process."""
    for path in folder.glob(f"*{_SUFFIX}"):
        if by_others and path.stem == str(os.getpid()):
            continue
        try:
            is_alive = alive(json.loads(path.read_text()))
            is_recent = time.time() - path.stat().st_mtime < _UNKNOWN_SECONDS
        except FileNotFoundError:
            continue
        except (OSError, ValueError):
            return True  # it is being written
        if is_alive or (is_alive is None and is_recent):
            return True
        path.unlink(missing_ok=True)
    return False


def _release_all() -> None:
    for path, process in _held.items():
        if process == os.getpid():  # not in a child that was forked
            with suppress(OSError):
                path.unlink(missing_ok=True)
