"""Read TFRecord files: records with the CRC-32C of their length and of their content."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from contexta.importers.reading.leveldb_log import Damaged

_LARGEST = 256 * 1024**2  # bytes of a record
_POLYNOMIAL = 0x82F63B78  # Castagnoli's, reflected (RFC 3720, section 12.1)


def _table() -> tuple[int, ...]:
    entries = []
    for byte in range(256):
        value = byte
        for _ in range(8):
            value = (value >> 1) ^ (_POLYNOMIAL if value & 1 else 0)
        entries.append(value)
    return tuple(entries)


_TABLE = _table()


def records(file: BinaryIO) -> Iterator[bytes]:
    """The content of each record. Raises Damaged after the last one before the damage. About 0.1 us a byte."""
    position = 0
    while head := file.read(12):
        if len(head) < 12:
            raise Damaged("its last record is incomplete")
        length = int.from_bytes(head[:8], "little")
        if _masked(head[:8]) != int.from_bytes(head[8:], "little") or length > _LARGEST:
            raise Damaged(f"the length of the record at byte {position} has a wrong checksum")
        data, checksum = file.read(length), file.read(4)
        if len(data) < length or len(checksum) < 4:
            raise Damaged("its last record is incomplete")
        if _masked(data) != int.from_bytes(checksum, "little"):
            raise Damaged(f"the record at byte {position} has a wrong checksum")
        yield data
        position += 16 + length


def framed(data: bytes) -> bytes:
    """A record as it is in a file."""
    length = len(data).to_bytes(8, "little")
    return length + _masked(length).to_bytes(4, "little") + data + _masked(data).to_bytes(4, "little")


def _masked(data: bytes) -> int:
    """The checksum as TensorFlow stores it: rotated, and with a constant added."""
    value, table = 0xFFFFFFFF, _TABLE
    for byte in data:
        value = table[(value ^ byte) & 0xFF] ^ (value >> 8)
    value ^= 0xFFFFFFFF
    return (((value >> 15) | (value << 17)) + 0xA282EAD8) & 0xFFFFFFFF
