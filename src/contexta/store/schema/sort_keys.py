"""Sort keys for databases: bytes that sort like versions, and the number and the text of a JSON value."""

from __future__ import annotations

import math
import re
from typing import Any

from packaging.version import InvalidVersion, Version

from contexta.store.schema.tables.json_text import encode_json

MAX_WORDS = 250
"""Characters of a text in an index."""

_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?\Z", re.ASCII)
_LETTERS = {"a": b"a", "b": b"b", "rc": b"r"}


# ---------------------------------------------------------------------------------------------- versions


def version_order(text: str) -> bytes | None:
    """Bytes that sort like versions by PEP 440; None for other texts.

    Equal versions have equal bytes (1.0 and 1.0.0), and all local versions of a public one lie between
    ``without_local`` of it and ``after_local`` of it.
    """
    try:
        version = Version(text)
        return _public(version) + _local(version)
    except (InvalidVersion, OverflowError):
        return None


def local_range(text: str) -> tuple[bytes, bytes] | None:
    """(first, end) of a version with all its local versions; None unless it is a public version."""
    try:
        version = Version(text)
        public = _public(version)
    except (InvalidVersion, OverflowError):
        return None
    return None if version.local else (public, public + b"\xff")


def prefix_range(text: str) -> tuple[bytes, bytes] | None:
    """(first, end) of the versions that ``text.*`` matches: 2.1.* is 2.1.dev0 to 2.2.dev0; None for other texts."""
    if re.match(r"(\d+!)?\d+(\.\d+)*\Z", text, re.ASCII) is None:
        return None
    head, _, last = text.rpartition(".")
    epoch, mark, number = last.rpartition("!")
    following = f"{head}.{int(last) + 1}" if head else f"{epoch}{mark}{int(number) + 1}"
    first, end = version_order(f"{text}.dev0"), version_order(f"{following}.dev0")
    return None if first is None or end is None else (first, end)


def _public(version: Version) -> bytes:
    """Epoch, release without trailing zeros, then pre, post and dev, each in the order of packaging's own key."""
    release = list(version.release)
    while release and release[-1] == 0:
        release.pop()
    if version.pre is not None:
        letter, number = version.pre
        pre = b"\x01" + _LETTERS[letter] + _whole(number)
    else:
        pre = b"\x00" if version.post is None and version.dev is not None else b"\x02"
    post = b"\x00" if version.post is None else b"\x01" + _whole(version.post)
    dev = b"\x01" if version.dev is None else b"\x00" + _whole(version.dev)
    return _whole(version.epoch) + b"".join(b"\x01" + _whole(part) for part in release) + b"\x00" + pre + post + dev


def _local(version: Version) -> bytes:
    """No local part sorts first, a word before a number, and a shorter part before a longer one."""
    if version.local is None:
        return b"\x00"
    parts = version.local.split(".")
    return (
        b"\x01"
        + b"".join(
            b"\x02" + _whole(int(part)) if part.isdigit() else b"\x01" + part.encode() + b"\x00" for part in parts
        )
        + b"\x00"
    )


def _whole(number: int) -> bytes:
    """A length, then the number: longer is larger. Raises OverflowError for one of over 255 bytes."""
    size = (number.bit_length() + 7) // 8
    if size > 255:
        raise OverflowError(f"a version with a part of {size} bytes")
    return bytes((size,)) + number.to_bytes(size, "big")


# ---------------------------------------------------------------------------------------------- JSON values


def number_of(value: Any) -> float | None:
    """The number of a parameter or of its text; None for NaN and for other values."""
    if isinstance(value, str):
        value = float(value) if len(value) <= MAX_WORDS and _NUMBER.match(value) else None
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    try:
        real = float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf
    return None if math.isnan(real) else real


def words_of(value: Any) -> str:
    """The start of a text, or of the JSON of another value."""
    return (value if isinstance(value, str) else encode_json(value))[:MAX_WORDS]
