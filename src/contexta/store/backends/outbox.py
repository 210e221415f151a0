"""This machine's directory for what is on its way to a server: journals, and the objects that they speak of."""

from __future__ import annotations

import os
import re
from pathlib import Path

from contexta.core.files import atomic_files
from contexta.recorder.journal.objects import Objects

ORIGIN = "origin"  # the file that tells this machine from others
_DIGEST = re.compile(rb"[0-9a-f]{64}")


class TeamObjects(Objects):
    """The objects that the team shares; those that this machine has not delivered yet are read from it and delivered.
    Raises what Objects raises."""

    def __init__(self, shared: Path, own: Objects) -> None:
        super().__init__(shared)
        self.own = own

    def get(self, digest: str) -> bytes:
        self._deliver(digest)
        return super().get(digest)

    def deliver(self, data: bytes) -> None:
        """Every object that lines of a journal speak of: there before the row that refers to it is. One that is there
        already counts as new, so that nobody takes it for forgotten meanwhile."""
        for digest in set(_DIGEST.findall(data)):
            if not self.touch(digest.decode()):
                self._deliver(digest.decode())

    def _deliver(self, digest: str) -> None:
        if not self.exists(digest) and self.own.exists(digest):
            self.own.check(digest)
            self.put_file(self.own.path(digest))


def deliver_objects(objects: Objects, data: bytes) -> None:
    """Objects that lie where everyone reads them need no delivery."""
    if isinstance(objects, TeamObjects):
        objects.deliver(data)


def origin_of(root: Path) -> str:
    """What the names of this directory's journals begin with on the server: two machines may have a run of one name.
    Chosen once, at random."""
    path = root / ORIGIN
    for _ in range(3):
        try:
            found = path.read_text(encoding="ascii").strip()
            if re.fullmatch(r"[0-9a-f]{16}", found):
                return found + "/"
            path.unlink(missing_ok=True)  # its maker died half-way on a file system without hard links
        except FileNotFoundError:
            pass
        atomic_files.create(path, os.urandom(8).hex().encode())  # where another process was first its name counts
    return path.read_text(encoding="ascii").strip() + "/"
