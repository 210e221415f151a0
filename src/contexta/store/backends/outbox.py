"""The directory of this machine for undelivered journals and their objects."""

from __future__ import annotations

import os
import re
from pathlib import Path

from contexta.core.files import atomic_files
from contexta.recorder.journal.objects import Objects

ORIGIN = "origin"  # the file with the name of this machine
_DIGEST = re.compile(rb"[0-9a-f]{64}")


class TeamObjects(Objects):
    """The shared objects of a team. An undelivered object of this machine is delivered when it is read.

    Raises as ``Objects``.
    """

    def __init__(self, shared: Path, own: Objects) -> None:
        super().__init__(shared)
        self.own = own

    def get(self, digest: str) -> bytes:
        self._deliver(digest)
        return super().get(digest)

    def deliver(self, data: bytes) -> None:
        """Deliver all objects that lines of a journal name, before rows refer to them.

        An object that was delivered before counts as new, so that `gc` does not delete it meanwhile.
        """
        for digest in set(_DIGEST.findall(data)):
            if not self.touch(digest.decode()):
                self._deliver(digest.decode())

    def _deliver(self, digest: str) -> None:
        if not self.exists(digest) and self.own.exists(digest):
            self.own.check(digest)
            self.put_file(self.own.path(digest))


def deliver_objects(objects: Objects, data: bytes) -> None:
    """Deliver the objects that lines of a journal name, if the team shares a directory of objects."""
    if isinstance(objects, TeamObjects):
        objects.deliver(data)


def origin_of(root: Path) -> str:
    """The prefix of this machine's journals on the server, because two machines may have runs of one name.

    It is chosen once, at random.
    """
    path = root / ORIGIN
    for _ in range(3):
        try:
            name = path.read_text(encoding="ascii").strip()
            if re.fullmatch(r"[0-9a-f]{16}", name):
                return name + "/"
            path.unlink(missing_ok=True)  # incomplete: its process died on a file system without hard links
        except FileNotFoundError:
            pass
        atomic_files.create(path, os.urandom(8).hex().encode())  # if another process was first, its name counts
    return path.read_text(encoding="ascii").strip() + "/"
