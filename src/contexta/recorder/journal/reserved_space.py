"""Reserve disk space for the last records of runs: their end, and the number of lost records.

Standard library only, Python 3.8.
"""

from __future__ import annotations

import errno
import os

SPARE = ".spare"  # next to the journals
_SIZE = 16 * 1024  # bytes: four blocks of most file systems
_FULL = (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC))


def reserve_space(folder: str) -> None:
    """Reserve space for the last records of the runs in ``folder``."""
    path = os.path.join(folder, SPARE)
    if os.path.exists(path):
        return
    try:
        with open(path, "wb") as file:
            file.write(os.urandom(_SIZE))  # a file system cannot compress it
    except OSError:
        pass  # the disk is full


def release_space(folder: str, error: OSError) -> bool:
    """Free the reserved space if ``error`` means that the disk is full. Returns whether space was freed."""
    if error.errno not in _FULL:
        return False
    try:
        os.unlink(os.path.join(folder, SPARE))
    except OSError:
        return False
    return True
