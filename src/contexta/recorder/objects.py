"""Objects: bytes stored under their own sha256, once, however often they are put.

Standard library only, Python 3.8: the recorder writes environment bodies from inside training processes.
"""

from __future__ import annotations

import os
import re
from typing import Union

from contexta.errors import DamagedData, NotFound, shown

_DIGEST = re.compile(r"[0-9a-f]{64}\Z")


class Objects:
    """A directory of objects; ``<root>/ab/cdef...`` holds the bytes whose sha256 is ``abcdef...``.

    A reader never sees half an object: bytes go to a temporary name, reach the disk, then take their name.
    """

    def __init__(self, root: Union[str, "os.PathLike[str]"]) -> None:
        self.root = os.fspath(root)

    def put(self, data: bytes) -> str:
        """Store ``data`` and return its digest; on disk when this returns. Raises OSError when it cannot."""
        from hashlib import sha256

        digest = sha256(data).hexdigest()
        path = self._path(digest)
        if os.path.exists(path):
            return digest
        folder = os.path.dirname(path)
        os.makedirs(folder, exist_ok=True)
        temporary = os.path.join(folder, f".{digest[:16]}.{os.getpid()}.{os.urandom(4).hex()}")
        try:
            with open(temporary, "xb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, path)
        except BaseException:  # whatever stopped it: no half object stays behind
            if os.path.exists(temporary):
                os.unlink(temporary)
            raise
        sync_directory(folder)
        return digest

    def get(self, digest: str) -> bytes:
        """The bytes of that digest, verified. Raises NotFound, or DamagedData if they are not what was put."""
        from hashlib import sha256

        try:
            with open(self._path(digest), "rb") as file:
                data = file.read()
        except FileNotFoundError:
            raise NotFound(
                f"object {digest} is missing from {self.root}", hint="restore the workspace from a backup"
            ) from None
        if sha256(data).hexdigest() != digest:
            raise DamagedData(
                f"object {digest} in {self.root} is damaged: its bytes have another digest",
                hint="restore the workspace from a backup",
            )
        return data

    def _path(self, digest: str) -> str:
        if not _DIGEST.match(digest):
            raise NotFound(f"{shown(digest)} is no object digest")
        return os.path.join(self.root, digest[:2], digest[2:])


def sync_directory(folder: str) -> None:
    """Bring a directory's entries to the disk, where the system can do that."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
