"""Running checks: what tells damage from content where a digest of each row would cost more than the row.

The check of some rows is one CRC-32 for each of their columns, over the column's values in the rows' order, joined:
four bytes, big-endian, a column. A CRC continues where it stopped, so that appending costs by what is appended, and
rows appended in any portions have the check of all at once. It finds every flipped bit, and of anything else all but
one in 2**32; it is no protection against forgery.

An integer is its eight bytes (none: those of -2**63), a double its eight (none: those of NaN), both little-endian; a
text is its UTF-8 and a NUL (none: the NUL alone), bytes are themselves and a NUL.
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
RECORDS: tuple[Kind, ...] = ("text", "integer", "integer", "integer", "integer", "bytes")
"""run.records_check: name, form_id, series_id, point, recorded_at, digest of its record rows, by number."""

_NO_INTEGER, _NO_DOUBLE = -(2**63), float("nan")


def extended(kinds: Sequence[Kind], columns: Sequence[Sequence[Any]], before: bytes | None = None) -> bytes:
    """The check of the rows so far and of these behind them. columns: the new rows' values, column by column."""
    known = before or bytes(4 * len(kinds))
    checks = (
        crc32(_bytes(kind, column), int.from_bytes(known[4 * place : 4 * place + 4], "big"))
        for place, (kind, column) in enumerate(zip(kinds, columns, strict=True))
    )
    return b"".join(check.to_bytes(4, "big") for check in checks)


def _bytes(kind: Kind, column: Sequence[Any]) -> bytes:
    absent = column.count(None)
    if kind in ("text", "bytes"):
        if absent == len(column):
            return b"\0" * absent
        if kind == "text":
            return "\0".join((*(column if not absent else (each or "" for each in column)), "")).encode()
        return b"\0".join((*(column if not absent else (each or b"" for each in column)), b""))
    none = _NO_INTEGER if kind == "integer" else _NO_DOUBLE
    filled = column if not absent else [none if each is None else each for each in column]
    numbers = array("q" if kind == "integer" else "d", filled)
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers.tobytes()
