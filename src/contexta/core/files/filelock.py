"""A lock that one process at a time holds on a file."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep

_PAUSE = 0.05  # seconds between two tries
_HELD = (errno.EACCES, errno.EAGAIN, errno.EWOULDBLOCK, getattr(errno, "EDEADLK", errno.EAGAIN))


@contextmanager
def alone(path: Path, patience: float = 0.0) -> Iterator[bool]:
    """True if this process holds the lock until the block ends; False if another process holds it.

    The system releases the lock of a process that dies. path: the lock file; it is created, and stays.
    patience: seconds to wait for another process. Raises OSError if the file system has no locks.
    """
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        deadline = monotonic() + patience
        while not (is_held := _try_lock(handle)) and monotonic() < deadline:
            sleep(_PAUSE)
        yield is_held
    finally:
        os.close(handle)


def _try_lock(handle: int) -> bool:
    try:
        if os.name == "nt":
            import msvcrt

            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined,unused-ignore]  # only on Windows
        else:
            import fcntl

            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno not in _HELD:
            raise
        return False
    return True
