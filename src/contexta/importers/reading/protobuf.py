"""Decode protobuf messages without their schema."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from contexta.importers.reading.description import microseconds

Field = tuple[int, int | bytes]
"""The number of a field and its value: an integer, or bytes for a text, a message, or a fixed-width number."""


def fields(message: bytes) -> Iterator[Field]:
    """The fields of a message in order. Raises ValueError if it is malformed.

    A fixed-width number is yielded as its 4 or 8 bytes, see ``double`` and ``float32``.
    """
    position, end = 0, len(message)
    while position < end:
        key = message[position]
        position += 1
        if key >= 0x80:
            key, position = _varint(message, position - 1)
        wire = key & 7
        if wire == 2:
            if position >= end:
                raise ValueError("a message ends inside a length")
            size = message[position]
            position += 1
            if size >= 0x80:
                size, position = _varint(message, position - 1)
            if position + size > end:
                raise ValueError("a field is longer than its message")
            yield key >> 3, message[position : position + size]
            position += size
        elif wire == 0:
            value, position = _varint(message, position)
            yield key >> 3, value
        elif wire in (1, 5):
            size = 8 if wire == 1 else 4
            if position + size > end:
                raise ValueError("a message ends inside a number")
            yield key >> 3, message[position : position + size]
            position += size
        else:
            raise ValueError(f"a field has the unknown wire type {wire}")


def grouped(message: bytes) -> dict[int, list[int | bytes]]:
    """Field number -> its values. Raises ValueError."""
    values: dict[int, list[int | bytes]] = {}
    for number, value in fields(message):
        values.setdefault(number, []).append(value)
    return values


def text(message: dict[int, list[int | bytes]], number: int) -> str:
    """The last text of a field; empty without one."""
    value = last(message, number)
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else ""


def last(message: dict[int, list[int | bytes]], number: int) -> int | bytes | None:
    """The last value of a field; None without one."""
    return message[number][-1] if number in message else None


def nested(message: dict[int, list[int | bytes]], number: int) -> dict[int, list[int | bytes]]:
    """The last message of a field; empty without one. Raises ValueError."""
    value = last(message, number)
    return grouped(value) if isinstance(value, bytes) else {}


def signed(value: int) -> int:
    """The value of an int32 or int64 field."""
    return value - 2**64 if value >= 2**63 else value


def zigzag(value: int) -> int:
    """The value of an sint32 or sint64 field."""
    return (value >> 1) ^ -(value & 1)


def double(data: bytes) -> float:
    """The value of a double field. Raises ValueError for a field of another width."""
    if len(data) != 8:
        raise ValueError(f"a double has {len(data)} bytes")
    value: float = struct.unpack("<d", data)[0]
    return value


def float32(data: bytes) -> float:
    """The value of a float field. Raises ValueError for a field of another width."""
    if len(data) != 4:
        raise ValueError(f"a float has {len(data)} bytes")
    value: float = struct.unpack("<f", data)[0]
    return value


def timestamp(message: dict[int, list[int | bytes]]) -> int | None:
    """The microseconds since 1970 of a ``google.protobuf.Timestamp``; None for a time that cannot be stored."""
    seconds, nanoseconds = last(message, 1), last(message, 2)
    if not isinstance(seconds, int) or microseconds(seconds) is None:
        return None
    return seconds * 1_000_000 + (nanoseconds // 1_000 if isinstance(nanoseconds, int) else 0)


def _varint(message: bytes, position: int) -> tuple[int, int]:
    value = shift = 0
    while position < len(message) and shift < 70:
        byte = message[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value & (2**64 - 1), position
        shift += 7
    raise ValueError("a message ends inside an integer")
