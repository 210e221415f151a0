"""Space that is set aside on the disk for the last words of runs: how they ended, and how much is lost.

Standard library only, Python 3.8.
"""

from __future__ import annotations

import errno
import os

SPARE = ".spare"  # beside the journals
_SIZE = 16 * 1024  # bytes: four blocks of most file systems
_FULL = (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC))


def set_space_aside(folder: str) -> None:
    """Keep some space of the disk for the last words of the runs that are recorded in ``folder``."""
    path = os.path.join(folder, SPARE)
    if os.path.exists(path):
        return
    try:
        with open(path, "wb") as file:
            file.write(os.urandom(_SIZE))  # nothing that a file system could compress
    except OSError:
        pass  # there is none left


def make_room(folder: str, error: OSError) -> bool:
    """Give up that space. Whether there is some now, where it was space that was missing."""
    if error.errno not in _FULL:
        return False
    try:
        os.unlink(os.path.join(folder, SPARE))
    except OSError:
        return False
    return True
