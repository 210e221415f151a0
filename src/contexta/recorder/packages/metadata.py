"""Read the metadata of a distribution: its name, version and requirements.

Source: PEP 566 and 643 (METADATA), setuptools (PKG-INFO).
"""

from __future__ import annotations

import os
import re

from contexta.recorder.notes import note, storable
from contexta.recorder.redaction.redact import clean_url

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Optional

    from contexta.recorder.notes import Note

TOPIC = "distributions"
NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?\Z")
_FIELDS = re.compile(rb"^(Name|Version|Requires-Dist):[ \t]*([^\r\n]*(?:\r?\n[ \t]+[^\r\n]*)*)", re.MULTILINE)
_SEPARATORS = re.compile(r"[-_.]+")
_EGG_TAG = re.compile(r"-py\d[\d.]*(?:-.*)?\Z")  # name-version-py3.11-linux_x86_64.egg
_HEAD = 16 * 1024  # bytes that are read at first


def normalised(name: str) -> str:
    """The normalised name, which indexes compare (PEP 503)."""
    return _SEPARATORS.sub("-", name).lower()


class Place:
    """The place of the metadata of a distribution. name and version: as its directory spells them, or None.

    folder: the sys.path entry. file: the metadata directory or file in it; "" if it is the entry itself.
    """

    __slots__ = ("file", "folder", "linked", "name", "version")

    def __init__(self, folder: str, file: str, linked: bool = False) -> None:
        self.folder = folder
        self.file = file
        self.linked = linked  # by an .egg-link: setup.py develop
        stem = os.path.splitext(file or os.path.basename(folder))[0]
        name, dash, version = _EGG_TAG.sub("", stem).rpartition("-")
        if not dash:
            name, version = stem, ""
        self.name = normalised(name) if NAME.match(name) else None
        self.version = version or None

    @property
    def path(self) -> str:
        return os.path.join(self.folder, self.file) if self.file else self.folder

    @property
    def is_standard(self) -> bool:
        return self.file.endswith(".dist-info")


def read_head(path: str) -> bytes:
    """The header of a METADATA or PKG-INFO file, up to the first blank line. The description is not read."""
    with open(path, "rb", 0) as file:
        data = file.read(_HEAD) or b""
        end = _end_of_head(data)
        while end < 0:
            more = file.read(1 << 20)
            if not more:
                return data
            data += more
            end = _end_of_head(data)
    return data[:end]


def _end_of_head(data: bytes) -> int:
    end = data.find(b"\n\n")
    windows = data.find(b"\r\n\r\n", 0, end if end >= 0 else len(data))
    return windows if windows >= 0 else end


def from_metadata(head: bytes, place: Place, notes: list[Note]) -> Optional[dict[str, Any]]:
    """Name, display name, version and requirements, from the header or else from the name of the directory.

    None, and a note, if neither gives a name and a version.
    """
    fields: dict[bytes, str] = {}
    requires: list[str] = []
    damaged = False
    for key, raw in _FIELDS.findall(head):
        try:
            text = raw.decode()
        except UnicodeDecodeError:
            text, damaged = raw.decode("utf-8", "backslashreplace"), True
        if key == b"Requires-Dist":
            requires.append(requirement(text))
        else:
            fields.setdefault(key, text.strip())
    name, version = fields.get(b"Name", ""), fields.get(b"Version", "")
    if damaged:
        notes.append(note(TOPIC, f"the metadata in {place.path} is not UTF-8; its bytes are written as escapes"))
    if not (NAME.match(name) and len(name) <= 250 and _is_version(version)):
        return _from_file_name(place, name, version, requires, notes)
    described: dict[str, Any] = {"name": normalised(name), "version": version}
    if name != described["name"]:
        described["display_name"] = name
    if requires:
        described["requires"] = requires
    return described


def requirement(text: str) -> str:
    """A requirement on one line, without credentials in its URL."""
    text = " ".join(text.split()) if "\n" in text else text.strip()
    if "://" not in text:
        return storable(text)
    return clean_url(text)


def _from_file_name(
    place: Place, name: str, version: str, requires: list[str], notes: list[Note]
) -> Optional[dict[str, Any]]:
    usable = normalised(name) if NAME.match(name) and len(name) <= 250 else place.name
    number = version if _is_version(version) else place.version
    if usable is None or len(usable) > 250 or number is None or not _is_version(number):
        reason = f"{usable}: no version can be read" if usable else "no name and version can be read"
        notes.append(note(TOPIC, f"{place.path} is left out: {reason}"))
        return None
    notes.append(note(TOPIC, f"the metadata of {usable} is broken; {usable} {number} is read from {place.path}"))
    return {"name": usable, "version": number, **({"requires": requires} if requires else {})}


def _is_version(text: str) -> bool:
    return 0 < len(text) <= 250 and text.isprintable() and " " not in text
