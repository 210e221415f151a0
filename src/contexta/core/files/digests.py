"""Digests of files, read in parts: a file may be larger than the memory."""

from __future__ import annotations

import hashlib
import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Union

_PART = 1024 * 1024


def file_sha256(path: Union[str, os.PathLike[str]]) -> str:
    """The SHA-256 of a file, as hexadecimal digits. Raises OSError."""
    digest = hashlib.sha256()
    with open(path, "rb") as file:  # standard library of 3.8, without pathlib
        for part in iter(lambda: file.read(_PART), b""):
            digest.update(part)
    return digest.hexdigest()
