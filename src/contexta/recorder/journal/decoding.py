"""Decode journals: JSON lines. A process that died may have written only a part of its last line.

Standard library only, Python 3.8.
"""

from __future__ import annotations

import json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, Iterator, Optional, Tuple

    Record = Dict[str, Any]


def decoded(data: bytes) -> "Iterator[Tuple[bytes, Optional[Record]]]":
    """(line, record) of every line with content; the record is None if the line is not a JSON object."""
    for line in data.split(b"\n"):
        if line:
            yield line, record_of(line)


def record_of(line: bytes) -> "Optional[Record]":
    """The record in a line; None if the line is not a JSON object."""
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return record if isinstance(record, dict) else None


def name_of(line: bytes) -> str:
    """The type of a record, and the name in it."""
    try:
        record = json.loads(line)
        return f"{record['t']} {record.get('k') or record.get('name') or record.get('topic') or ''}".strip()[:250]
    except (ValueError, KeyError):
        return "record"
