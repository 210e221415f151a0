"""One at a time: what removes files and what copies all of them keep out of each other's way."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from contexta.errors import WorkspaceError

_LOCK = "maintenance.lock"
_PATIENCE = 10.0  # seconds


@contextmanager
def alone(root: Path) -> Iterator[None]:
    """Nobody else backs up or cleans the workspace meanwhile; runs and readers go on. Who dies holds nothing.

    The lock is SQLite's own, on an empty database beside the real one: it works wherever that one works.
    Raises WorkspaceError when somebody else is at it for longer than ten seconds.
    """
    with closing(sqlite3.connect(os.fspath(root / _LOCK), timeout=_PATIENCE, isolation_level=None)) as lock:
        try:
            lock.execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError as error:
            raise WorkspaceError(
                f"workspace {root} is being backed up or cleaned by another process ({error})",
                hint="try again when it is done",
            ) from None
        try:
            yield
        finally:
            lock.execute("ROLLBACK")
