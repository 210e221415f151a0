"""Running checksums of rows that are only appended: the points of a series, the records of a run.

A checksum has one CRC-32 per column, over the column's values in the order of the rows: four bytes, big-endian. A CRC
can be continued, so appending costs in proportion to the new rows, and the size of the portions does not matter. It
detects every flipped bit, and misses one other change in 2**32. It does not protect against forgery.

An integer is encoded as eight bytes (None: -2**63), a double as eight bytes (None: NaN), both little-endian; a text as
UTF-8 and a NUL (None: the NUL alone), bytes as themselves and a NUL.
"""

from __future__ import annotations

import sys
from array import array
from collections.abc import Sequence
from typing import Any, Literal
from zlib import crc32

Kind = Literal["integer", "double", "text", "bytes"]

POINTS: tuple[Kind, ...] = ("integer", "integer", "double", "text")
"""metric_series.points_check: step, observed_at, value, exact of its metric_point rows, by number."""
RECORDS: tuple[Kind, ...] = ("text", "bytes", "integer", "integer")
"""run.records_check: name, digest of the content, point, recorded_at of its record rows, by number.

The content of a metric record is its form, and that of any other record its body.
"""

_NO_INTEGER, _NO_DOUBLE = -(2**63), float("nan")


def extended(kinds: Sequence[Kind], columns: Sequence[Sequence[Any]], before: bytes | None = None) -> bytes:
    """The checksum of the earlier rows and the new ones. columns: the values of the new rows, column by column."""
    checksums = before or bytes(4 * len(kinds))
    checks = (
        crc32(_bytes(kind, column), int.from_bytes(checksums[4 * place : 4 * place + 4], "big"))
        for place, (kind, column) in enumerate(zip(kinds, columns, strict=True))
    )
    return b"".join(check.to_bytes(4, "big") for check in checks)


def _bytes(kind: Kind, column: Sequence[Any]) -> bytes:
    absent = column.count(None)
    if kind in ("text", "bytes"):
        if absent == len(column):
            return b"\0" * absent
        if kind == "text":
            return "\0".join((*(column if not absent else (text or "" for text in column)), "")).encode()
        return b"\0".join((*(column if not absent else (text or b"" for text in column)), b""))
    none = _NO_INTEGER if kind == "integer" else _NO_DOUBLE
    filled = column if not absent else [none if text is None else text for text in column]
    numbers = array("q" if kind == "integer" else "d", filled)
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers.tobytes()
