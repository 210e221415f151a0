"""Write logs of W&B: copies of real ones without what names a machine, and logs from given records."""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import Iterable
from pathlib import Path
from zlib import crc32

from contexta.importers.reading import protobuf
from contexta.importers.reading.leveldb_log import HEADER, records

_BLOCK = 32 * 1024
# number of a record -> the numbers of its fields that stay
_CONFIG = 5
_KEPT = {17: {1, 3, 4, 5, 8, 9, 10, 17, 19}, 26: {1, 2, 3, 5, 8, 15}}
_DROPPED = {6, 7, 8, 9, 27}


def anonymous_copy(run: Path, target: Path) -> None:
    """A copy of the directory of a run: the log and the files that the reader needs, without machine names."""
    (target / "files").mkdir(parents=True)
    log = next(run.glob("run-*.wandb"))
    data = log.read_bytes()
    (target / log.name).write_bytes(encoded(data[:HEADER], filter(None, map(_stripped, records(io.BytesIO(data))))))
    for name in ("requirements.txt", "config.yaml", "wandb-summary.json", "output.log", "diff.patch"):
        if (run / "files" / name).exists():
            shutil.copy(run / "files" / name, target / "files" / name)


def encoded(header: bytes, messages: Iterable[bytes]) -> bytes:
    """A log of these records."""
    data = bytearray(header)
    for message in messages:
        position, is_first = 0, True
        while is_first or position < len(message):
            room = _BLOCK - len(data) % _BLOCK
            if room < HEADER:
                data += bytes(room)
                continue
            part = message[position : position + room - HEADER]
            position += len(part)
            is_last = position == len(message)
            kind = {(True, True): 1, (True, False): 2, (False, False): 3, (False, True): 4}[is_first, is_last]
            body = bytes([kind]) + part
            data += crc32(body).to_bytes(4, "little") + len(part).to_bytes(2, "little") + body
            is_first = False
    return bytes(data)


def field(number: int, value: int | bytes) -> bytes:
    """One field of a message: a varint, or bytes."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    return varint(number << 3 | 2) + varint(len(value)) + value


def varint(value: int) -> bytes:
    data = bytearray()
    while value >= 0x80:
        data.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*data, value])


def _stripped(record: bytes) -> bytes:
    """The record without fields that name a machine; empty for one that only does that."""
    parts = []
    for number, value in protobuf.fields(record):
        if number in _DROPPED:
            return b""
        if number in _KEPT and isinstance(value, bytes):
            content = [pair for pair in protobuf.fields(value) if pair[0] in _KEPT[number]]
            value = b"".join(field(key, _config(part) if (number, key) == (17, 4) else part) for key, part in content)
        elif number == _CONFIG and isinstance(value, bytes):
            value = _config(value)
        parts.append(field(number, value))
    return b"".join(parts)


def _config(message: int | bytes) -> bytes:
    """A configuration without what W&B adds about the machine."""
    assert isinstance(message, bytes)
    items = []
    for number, item in protobuf.fields(message):
        if number == 1 and isinstance(item, bytes) and protobuf.text(protobuf.grouped(item), 1) == "_wandb":
            content = json.loads(protobuf.text(protobuf.grouped(item), 16))
            versions = {name: content[name] for name in ("cli_version", "python_version") if name in content}
            item = field(1, b"_wandb") + field(16, json.dumps(versions).encode())
        items.append(field(number, item))
    return b"".join(items)
