"""One at a time: what removes files and what copies all of them keep out of each other's way."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from contexta.core.errors import WorkspaceError

_LOCK = "maintenance.lock"
PATIENCE = 10.0  # seconds


@contextmanager
def alone(root: Path) -> Iterator[None]:
    """Nobody else backs up or cleans the workspace meanwhile; runs and readers go on. Who dies holds nothing.

    The lock is SQLite's own, on an empty database beside the real one: it works wherever that one works.
    Raises WorkspaceError when somebody else is at it for longer than ten seconds.
    """
    with closing(sqlite3.connect(os.fspath(root / _LOCK), timeout=PATIENCE, isolation_level=None)) as lock:
        try:
            lock.execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError as error:
            if "locked" in str(error):
                raise busy(f"workspace {root}") from None
            raise WorkspaceError(
                f"workspace {root} cannot be locked: {error}", hint="free some space, or make the directory writable"
            ) from None
        try:
            yield
        finally:
            lock.execute("ROLLBACK")


def busy(name: str) -> WorkspaceError:
    """Somebody else has been at it for too long."""
    return WorkspaceError(f"{name} is being backed up or cleaned by another process", hint="try again when it is done")
