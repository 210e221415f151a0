"""Read a LevelDB log: records in blocks of 32 KiB, each part with its CRC-32. W&B and SwanLab write such files."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO
from zlib import crc32

from contexta.importers.reading import protobuf
from contexta.importers.reading.used_files import used

HEADER = 7  # bytes of the header of the file, and of the head of a part
_BLOCK = 32 * 1024
_WHOLE, _FIRST, _MIDDLE, _LAST = 1, 2, 3, 4
_LARGEST = 256 * 1024**2  # bytes of a record


class Damaged(Exception):
    """A log cannot be read further; the message says why."""


def read_fields(
    path: Path, magic: bytes, tool: str, take: Callable[[int, int | bytes], None], notes: list[str]
) -> None:
    """Pass each field of the messages in a log to ``take``, until the end of the log or its damage.

    magic: the first bytes of the file. tool: the tool whose logs begin so. notes: receives why the rest was not read.
    """
    try:
        with used(path).open("rb") as file:
            if file.read(HEADER)[: len(magic)] != magic:
                notes.append(f"{path.name} does not begin as a log of {tool}: nothing of it was read")
                return
            file.seek(0)
            for record in records(file):
                for number, value in protobuf.fields(record):
                    take(number, value)
    except Damaged as error:
        notes.append(f"{path.name} was read up to its damage: {error}")
    except (ValueError, RecursionError) as error:
        notes.append(f"{path.name} was read up to a record that is malformed: {error}")


def records(file: BinaryIO) -> Iterator[bytes]:
    """The records after the header of the file. Raises Damaged after the last one before the damage."""
    block = file.read(_BLOCK)
    position, number = HEADER, 0
    parts: list[bytes] = []
    size = 0
    while True:
        if position + HEADER > len(block):
            if len(block) < _BLOCK:
                break
            block, position, number = file.read(_BLOCK), 0, number + 1
            continue
        length, kind = int.from_bytes(block[position + 4 : position + 6], "little"), block[position + 6]
        if kind == 0 and not any(block[position:]):
            position = len(block)  # reserved space that was never written
            continue
        start, end = position + HEADER, position + HEADER + length
        data = block[start:end]
        if end > len(block):
            if len(block) < _BLOCK:
                raise Damaged("its last record is incomplete")
            raise Damaged(f"a record at byte {number * _BLOCK + position} is longer than its block")
        if crc32(block[position + 6 : end]) != int.from_bytes(block[position : position + 4], "little"):
            raise Damaged(f"a record at byte {number * _BLOCK + position} has a wrong checksum")
        is_expected = kind in ((_MIDDLE, _LAST) if parts else (_WHOLE, _FIRST))
        size += length
        if not is_expected or size > _LARGEST:
            raise Damaged(f"a record at byte {number * _BLOCK + position} is out of order")
        position = end
        parts.append(data)
        if kind in (_WHOLE, _LAST):
            yield b"".join(parts)
            parts, size = [], 0
    if parts or position < len(block):
        raise Damaged("its last record is incomplete")
