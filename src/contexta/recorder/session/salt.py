"""The salt of a workspace: the secret key of the hashes that replace secrets and host names.

Its file has 32 random bytes and their SHA-256, which reveals damage. With another salt every hidden value would seem to
have changed. Standard library only, Python 3.8.
"""

from __future__ import annotations

import os

from contexta.core.files.atomic_files import create, make_directory
from contexta.recorder.journal.objects import Objects

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Optional

NAME = ".salt"
_SIZE = 32


def salt_of(objects: Objects) -> bytes:
    """The workspace's salt, created at its first use. Raises OSError when that fails.

    A damaged salt is used as it is, since nothing can restore it; ``salt_is_intact`` reports it.
    """
    path = os.path.join(objects.root, NAME)
    for _ in range(3):
        data = _read(path)
        if data:
            return data[:_SIZE]
        if data is not None:
            os.unlink(path)  # the process that created it died before it wrote
        _make(objects.root, path)
    return (_read(path) or b"")[:_SIZE]


def salt_or_another(objects: Objects) -> bytes:
    """The workspace's salt; where it can be neither read nor created, a random one."""
    try:
        return salt_of(objects)
    except OSError:
        return os.urandom(_SIZE)


def salt_is_intact(objects: Objects) -> Optional[bool]:
    """Whether the salt is as it was created; None where there is none, or one without a digest."""
    data = _read(os.path.join(objects.root, NAME))
    if not data or len(data) == _SIZE:
        return None
    return data[_SIZE:] == _digest(data[:_SIZE])


def _read(path: str) -> Optional[bytes]:
    try:
        with open(path, "rb") as file:
            return file.read()
    except FileNotFoundError:
        return None


def _make(root: str, path: str) -> None:
    make_directory(root)
    salt = os.urandom(_SIZE)
    create(path, salt + _digest(salt), 0o600)  # if another process was first, its salt counts


def _digest(salt: bytes) -> bytes:
    from hashlib import sha256

    return sha256(salt).digest()
