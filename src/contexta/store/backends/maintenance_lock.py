"""The maintenance lock of a workspace: `gc` and `backup` exclude each other."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from contexta.core.errors import WorkspaceError
from contexta.core.files import filelock

_LOCK = "maintenance.lock"
PATIENCE = 10.0  # seconds


@contextmanager
def alone(root: Path) -> Iterator[None]:
    """Exclude other maintenance of the workspace; runs and readers continue.

    Raises WorkspaceError when another process holds the lock for longer than ten seconds.
    """
    with ExitStack() as stack:
        try:
            is_held = stack.enter_context(filelock.alone(root / _LOCK, PATIENCE))
        except OSError as error:
            raise WorkspaceError(
                f"workspace {root} cannot be locked: {error}", hint="free some space, or make the directory writable"
            ) from None
        if not is_held:
            raise busy(f"workspace {root}")
        yield


def busy(name: str) -> WorkspaceError:
    """The error for a workspace whose lock another process holds."""
    return WorkspaceError(f"{name} is being backed up or cleaned by another process", hint="try again when it is done")
