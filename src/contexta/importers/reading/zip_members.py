"""Read members of zip archives in the order in which they were written, also of truncated archives.

The local headers are read instead of the directory at the end, which a truncated archive lacks (APPNOTE.TXT, 4.3.7).
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO, NamedTuple
from zlib import crc32, decompressobj, error

_LOCAL = struct.Struct("<4s5H3L2H")
_SIGNATURE, _DIRECTORY = b"PK\x03\x04", (b"PK\x01\x02", b"PK\x05\x06")
_STORED, _DEFLATED = 0, 8
_ENCRYPTED_OR_STREAMED = 0b1001  # flags of a member whose content or size cannot be read here
_ZIP64 = 0xFFFFFFFF
_MOST_NAMES = 10_000
LARGEST = 512 * 1024**2  # bytes of a member


class _Header(NamedTuple):
    name: str
    is_readable: bool
    method: int
    checksum: int
    size: int  # compressed, in bytes


def names_of(path: Path) -> frozenset[str]:
    """The names of the members; empty for a file that is no zip archive."""
    try:
        facts = path.stat()
        return _names_of(path, facts.st_size, facts.st_mtime_ns)
    except OSError:
        return frozenset()


@lru_cache(maxsize=1)  # several readers look at each file
def _names_of(path: Path, _size: int, _modified: int) -> frozenset[str]:
    names: list[str] = []
    with path.open("rb") as file:
        while len(names) < _MOST_NAMES and (header := _header(file)) is not None:
            names.append(header.name)
            file.seek(header.size, io.SEEK_CUR)
    return frozenset(names)


def members_of(file: BinaryIO, names: frozenset[str], notes: list[str]) -> dict[str, bytes]:
    """Name -> content of these members. A member at which the file ends has its first part, with a note."""
    return {name: content for name, content in _members(file, names, notes) if content is not None}


def _members(file: BinaryIO, names: frozenset[str], notes: list[str]) -> Iterator[tuple[str, bytes | None]]:
    for _ in range(_MOST_NAMES):
        header = _header(file)
        if header is None:
            break
        if header.name in names:
            yield header.name, _content(file, header, notes)
        else:
            file.seek(header.size, io.SEEK_CUR)
    else:
        notes.append(f"only the first {_MOST_NAMES} members of the archive were read")
        return
    file.seek(-min(22, file.seek(0, io.SEEK_END)), io.SEEK_END)
    if file.read(4) != _DIRECTORY[1]:  # without a comment, the end of the directory is the end of the file
        notes.append("the archive is incomplete or damaged: only its intact part was read")


def _header(file: BinaryIO) -> _Header | None:
    """The header of the next member; None where there is none."""
    head = file.read(_LOCAL.size)
    if len(head) < _LOCAL.size or not head.startswith(_SIGNATURE):
        return None
    _, _, flags, method, _, _, checksum, size, full_size, name_length, extra_length = _LOCAL.unpack(head)
    name, extra = file.read(name_length), file.read(extra_length)
    if _ZIP64 in (size, full_size):
        position = extra.find(b"\x01\x00\x10\x00")
        if 0 <= position <= len(extra) - 20:
            size = struct.unpack_from("<Q", extra, position + 12)[0]
    return _Header(name.decode("utf-8", "replace"), not flags & _ENCRYPTED_OR_STREAMED, method, checksum, size)


def _content(file: BinaryIO, header: _Header, notes: list[str]) -> bytes | None:
    """The content of a member; None, with a note, if it is damaged."""
    if not header.is_readable or header.method not in (_STORED, _DEFLATED) or header.size > LARGEST:
        notes.append(f"{header.name} is encrypted, too large, or packed in a way that is not read here: it is left out")
        file.seek(header.size, io.SEEK_CUR)
        return None
    data = file.read(header.size)
    is_whole = len(data) == header.size
    try:
        content = data if header.method == _STORED else decompressobj(-15).decompress(data, LARGEST)
    except error:
        notes.append(f"{header.name} is damaged and was left out")
        return None
    if not is_whole:
        notes.append(f"the archive ends inside {header.name}: its last part is missing")
    elif crc32(content) != header.checksum:
        notes.append(f"{header.name} has a wrong checksum and was left out")
        return None
    return content
