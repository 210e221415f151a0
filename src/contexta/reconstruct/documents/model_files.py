"""Versions inside of saved models, read without executing or unpickling anything."""

from __future__ import annotations

import bz2
import io
import json
import lzma
import re
import struct
import zipfile
import zlib
from collections.abc import Iterator
from datetime import datetime, timezone

from contexta.reconstruct.trace_values import Document, Trace, Traces, UnpinnedRequirement, collected

_NAME = re.compile(
    r"\.(?:pkl|pickle|joblib|sav|z|gz|bz2|xz|ubj|keras|h5|hdf5|onnx|pt|pth|ckpt|safetensors|model|lgb)$|(?:^|/)model[\w.-]*\.(?:json|txt|bin)$",
    re.IGNORECASE,
)
_MOST_BYTES = 64 * 1024 * 1024  # of a decompressed file
_STRING = rb"(?:\x94|q.|r.{4})?(?:\x8c(?P<short>.)|X(?P<long>.{4})|(?:\np\d+)?\nV(?P<line>[^\n]{1,40})\n)"
_IN_PICKLES = {
    b"_sklearn_version": "scikit-learn",
    b"pytorch-lightning_version": "pytorch-lightning",
    b"_xgboost_version": "xgboost",
}
"""Keys that libraries write next to their version -> package."""
_H5 = re.compile(rb"keras_version\x00.{0,160}?(\d+\.\d+\.\d+(?:[.-]?\w+)?)", re.DOTALL)
_XGBOOST = re.compile(rb'"version":\s*\[(\d+),\s*(\d+),\s*(\d+)\]\s*\}?\s*$')
_ONNX = {"pytorch": "torch", "skl2onnx": "skl2onnx", "tf2onnx": "tf2onnx", "onnxmltools": "onnxmltools"}
_LIGHTGBM = {b"v3": "lightgbm<4", b"v4": "lightgbm>=4"}


def recognises(name: str) -> bool:
    return _NAME.search(name) is not None


def read(document: Document) -> Traces:
    content = document.content
    if content.startswith(b"PK\x03\x04"):
        return Traces(tuple(_in_zip(document)))
    if content.startswith(b"tree\nversion=") and not document.is_late:
        line = _LIGHTGBM.get(content[13:15])
        return Traces(unpinned=(UnpinnedRequirement(line, document.where()),)) if line else Traces()
    name = document.name.lower()
    if content.startswith(b"\x89HDF"):
        match = _H5.search(content)
        return Traces(collected(document.evidence("keras", match[1].decode())) if match else ())
    if name.endswith(".onnx"):
        return Traces(collected(*_in_onnx(document)))
    if name.endswith(".safetensors"):
        return Traces(collected(*_in_safetensors(document)))
    if content[:1] == b"{":
        return Traces(collected(*_in_xgboost(document, content)))
    content = decompressed(content)
    return Traces(collected(*_in_pickle(document, content), *_in_xgboost(document, content)))


def decompressed(content: bytes) -> bytes:
    """The first bytes of a file that joblib may have compressed; of a damaged one, those before the damage."""
    try:
        if content.startswith(b"\x1f\x8b"):
            return zlib.decompressobj(31).decompress(content, _MOST_BYTES)
        if content[:1] == b"\x78" and len(content) > 1 and (content[0] * 256 + content[1]) % 31 == 0:
            return zlib.decompressobj().decompress(content, _MOST_BYTES)
        if content.startswith(b"BZh"):
            return bz2.BZ2Decompressor().decompress(content, _MOST_BYTES)
        if content.startswith((b"\xfd7zXZ", b"]\x00\x00")):
            return lzma.LZMADecompressor().decompress(content, _MOST_BYTES)
    except (zlib.error, OSError, EOFError, lzma.LZMAError):
        return b""
    return content


def _in_pickle(document: Document, content: bytes) -> Iterator[Trace | None]:
    """The text that a pickle has behind a key, by its opcodes: SHORT_BINUNICODE, BINUNICODE or UNICODE.

    The arrays between the opcodes of a joblib file are passed over.
    """
    for key, package in _IN_PICKLES.items():
        seen = set()
        for match in re.finditer(re.escape(key) + _STRING, content, re.DOTALL):
            if match["line"] is not None:
                text = match["line"]
            else:
                size = match["short"][0] if match["short"] is not None else struct.unpack("<I", match["long"])[0]
                text = content[match.end() : match.end() + min(size, 40)]
            seen.add(text.decode("ascii", "replace"))
        for version in sorted(seen):
            yield document.evidence(package, version)


def _in_zip(document: Document) -> Iterator[Trace]:
    try:
        with zipfile.ZipFile(io.BytesIO(document.content)) as archive:
            for entry in archive.infolist():
                last = entry.filename.rpartition("/")[2]
                if entry.file_size > _MOST_BYTES:
                    continue
                if entry.filename == "metadata.json":
                    yield from collected(_of_keras(document, archive.read(entry)))
                elif last == "data.pkl":
                    yield from collected(*_in_pickle(document, archive.read(entry)))
    except (zipfile.BadZipFile, OSError, EOFError, zlib.error, NotImplementedError, RuntimeError):
        return


def _of_keras(document: Document, content: bytes) -> Trace | None:
    metadata = json.loads(content)
    version, saved = metadata.get("keras_version"), metadata.get("date_saved")
    when = None
    if isinstance(saved, str) and re.fullmatch(r"\d{4}-\d{2}-\d{2}@\d{2}:\d{2}:\d{2}", saved):
        when = datetime.fromisoformat(saved.replace("@", "T")).replace(tzinfo=timezone.utc)
    return document.evidence("keras", version, when=when) if isinstance(version, str) else None


def _in_onnx(document: Document) -> Iterator[Trace | None]:
    """``producer_name`` (field 2) and ``producer_version`` (field 3) of ModelProto."""
    texts: dict[int, str] = {}
    content, place = document.content, 0
    while place < len(content) and len(texts) < 2:
        tag, place = _varint(content, place)
        field, wire = tag >> 3, tag & 7
        if wire not in (0, 2):
            break
        size, place = _varint(content, place)
        if wire == 2:
            if field in (2, 3):
                texts[field] = content[place : place + min(size, 60)].decode("ascii", "replace")
            place += size
    package = _ONNX.get(texts.get(2, "").lower())
    if package is not None and 3 in texts:
        yield document.evidence(package, texts[3])


def _varint(content: bytes, place: int) -> tuple[int, int]:
    """(value, place behind it). Raises IndexError at the end."""
    value = shift = 0
    while True:
        byte = content[place]
        value |= (byte & 127) << shift
        place, shift = place + 1, shift + 7
        if byte < 128:
            return value, place


def _in_safetensors(document: Document) -> Iterator[Trace | None]:
    size = int.from_bytes(document.content[:8], "little")
    header = json.loads(document.content[8 : 8 + min(size, _MOST_BYTES)])
    for key, value in header.get("__metadata__", {}).items():
        if key.endswith("_version") and isinstance(value, str):
            package = key.removesuffix("_version").strip("_")
            yield document.evidence({"pytorch": "torch", "sklearn": "scikit-learn"}.get(package, package), value)


def _in_xgboost(document: Document, content: bytes) -> Iterator[Trace | None]:
    """A model of XGBoost as JSON, or as UBJSON, where the version is an array of three numbers; also in a pickle."""
    if match := _XGBOOST.search(content[-200:]):
        yield document.evidence("xgboost", ".".join(part.decode() for part in match.groups()))
        return
    place = content.rfind(b"version[")
    if place < 0 or b"learner" not in content:
        return
    rest = content[place + len(b"version[") :][:64]
    if match := re.match(rb"\$(?P<type>[iUIlL])#(?:L\x00{7}\x03|[iU]\x03)", rest):
        form = {b"i": ">3b", b"U": ">3B", b"I": ">3h", b"l": ">3i", b"L": ">3q"}[match["type"]]
        numbers = struct.unpack_from(form, rest, match.end())
        yield document.evidence("xgboost", ".".join(map(str, numbers)))
    elif match := re.match(rb"(?:#L\x00{7}\x03|#[iU]\x03)?[iU](.)[iU](.)[iU](.)", rest, re.DOTALL):
        yield document.evidence("xgboost", ".".join(str(part[0]) for part in match.groups()))
