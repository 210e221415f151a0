"""Read and write small files that end with the digest of their content, so that a reader detects damage.

The recorder's cache of installed distributions and the files of a bisect study have this form. The digest covers the
name of the file too: a copy under another name does not count. Standard library only, Python 3.8.
"""

from __future__ import annotations

import os

from contexta.core.errors import DamagedData
from contexta.core.files import atomic_files

_LABEL = b"sha256:"
_LENGTH = len(_LABEL) + 64 + 1  # the last line


def write(path: str, content: bytes) -> None:
    """Replace a file in one step. Raises OSError; then the old file is still there."""
    atomic_files.write(path, content + b"\n" + _last_line(path, content))


def read(path: str) -> bytes:
    """The content of a file that ``write`` wrote. Raises DamagedData when a byte of it has changed, and OSError."""
    with open(path, "rb") as file:
        data = file.read()
    content, last_line = data[: -_LENGTH - 1], data[-_LENGTH:]
    if data != content + b"\n" + last_line or last_line != _last_line(path, content):
        raise DamagedData(f"{path} is damaged: its content does not match its digest", hint="delete the file")
    return content


def _last_line(path: str, content: bytes) -> bytes:
    from hashlib import sha256

    name = os.fsencode(os.path.basename(path))
    return _LABEL + sha256(name + b"\0" + content).hexdigest().encode() + b"\n"
