"""Distributions in older formats than dist-info: egg-info, eggs, and archives on ``sys.path``."""

from __future__ import annotations

import os

from contexta.recorder.notes import note, reason, storable
from contexta.recorder.packages.archives import archive_around
from contexta.recorder.packages.metadata import Place, from_metadata, read_head, requirement
from contexta.recorder.packages.places import TOPIC

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Iterator, Optional

    from contexta.recorder.notes import Note


def egg_info(place: Place, notes: list[Note]) -> Iterator[dict[str, Any]]:
    """An egg-info file (distutils) or directory (setuptools). The source of a linked one is next to it."""
    path = place.path
    head, requires = b"", []
    if not os.path.isdir(path):
        head = read_head(path)
    else:
        files = os.listdir(path)
        if "PKG-INFO" in files:
            head = read_head(os.path.join(path, "PKG-INFO"))
        if "requires.txt" in files:
            with open(os.path.join(path, "requires.txt"), "rb") as file:
                requires = required(file.read())
    described = _described(head, requires, place, notes)
    if described is None:
        return
    described["origin"] = {"kind": "unknown"}
    if place.linked:
        described["origin"] = {"kind": "editable", "url": _file_url(place.folder)}
    yield described


def in_archive(place: Place, notes: list[Note]) -> Iterator[dict[str, Any]]:
    """Every distribution in a zip file, wheel or zipped egg that is an entry of sys.path."""
    from zipfile import BadZipFile, ZipFile

    around = archive_around(place.folder)
    if around is None:
        return  # deleted in the meantime
    file, prefix = around
    try:
        with ZipFile(file) as archive:
            names = archive.namelist()
            for name in names:
                parts = name[len(prefix) :].split("/") if name.startswith(prefix) else []
                if len(parts) != 2 or parts[1] not in ("METADATA", "PKG-INFO"):
                    continue
                inner = Place(place.folder, "" if parts[0] == "EGG-INFO" else parts[0])
                requires = f"{prefix}{parts[0]}/requires.txt"
                listed = required(archive.read(requires)) if requires in names else []
                data = archive.read(name)
                end = data.find(b"\n\n")
                described = _described(data[:end] if end >= 0 else data, listed, inner, notes)
                if described is not None:
                    described["origin"] = {"kind": "archive", "url": _file_url(place.folder)}
                    yield described
    except (BadZipFile, RuntimeError, NotImplementedError, EOFError) as error:  # encrypted, odd compression, cut short
        notes.append(note(TOPIC, f"sys.path entry {place.folder} is no readable archive: {reason(error)}"))


def inside(place: Place) -> list[Place]:
    """The places of the metadata in an archive."""
    from zipfile import BadZipFile, ZipFile

    around = archive_around(place.folder)
    if around is None:
        return []
    try:
        with ZipFile(around[0]) as archive:
            names = [name[len(around[1]) :] for name in archive.namelist() if name.startswith(around[1])]
    except (OSError, BadZipFile):
        return []
    folders = {name.partition("/")[0] for name in names if name.endswith(("/METADATA", "/PKG-INFO"))}
    return [Place(place.folder, name) for name in sorted(folders) if name != "EGG-INFO"]


def _described(head: bytes, requires: list[str], place: Place, notes: list[Note]) -> Optional[dict[str, Any]]:
    described = from_metadata(head, place, notes)
    if described is not None and requires and "requires" not in described:
        described["requires"] = requires
    return described


def required(listing: bytes) -> list[str]:
    """The lines of requires.txt in the form of Requires-Dist: its sections ``[extra:marker]`` become markers."""
    lines, extra, marker = [], "", ""
    for raw in listing.decode("utf-8", "backslashreplace").splitlines():
        line = requirement(raw)
        if not line or line.startswith("#"):
            continue
        if line.startswith("[") and line.endswith("]"):
            extra, _, marker = line[1:-1].partition(":")
            continue
        conditions = [f"({marker})" if extra else marker] if marker else []
        if extra:
            conditions.append(f'extra == "{extra}"')
        lines.append(f"{line}; {' and '.join(conditions)}" if conditions else line)
    return lines


def _file_url(path: str) -> str:
    from pathlib import Path

    return storable(Path(os.path.realpath(path)).as_uri())[:4_096]
