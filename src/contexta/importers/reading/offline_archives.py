"""Read the files of a run that a tool packs into a zip archive, from the archive or from its directory."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from contexta.importers.reading.bounded_files import bytes_of, mapping_of
from contexta.importers.reading.used_files import used
from contexta.importers.reading.zip_members import LARGEST, members_of

_DECODER = json.JSONDecoder()


class OfflineArchive:
    """The content of the named files of one archive or directory."""

    def __init__(self, place: Path, names: tuple[str, ...], notes: list[str]) -> None:
        self._notes = notes
        if place.is_dir():
            contents = {name: bytes_of(place / name, notes, LARGEST) for name in names}
            self._contents = {name: content for name, content in contents.items() if content is not None}
        else:
            with used(place).open("rb") as file:
                self._contents = members_of(file, frozenset(names), notes)

    def content(self, name: str) -> bytes | None:
        """The bytes of a file; None without one."""
        return self._contents.get(name)

    def mapping(self, name: str) -> dict[str, Any]:
        """The JSON mapping in a file; empty, with a note, if it is missing or damaged."""
        try:
            return mapping_of(json.loads(self._contents[name]))
        except KeyError:
            self._notes.append(f"{name} is missing or incomplete")
        except (ValueError, RecursionError):
            self._notes.append(f"{name} is no valid JSON and was left out")
        return {}

    def items(self, name: str) -> Iterator[dict[str, Any]]:
        """The JSON mappings of a file with one mapping or list of mappings a line, up to its damage."""
        text = self._contents.get(name, b"").decode("utf-8", "replace")
        position = 0
        while True:
            while position < len(text) and text[position] in "[], \r\n\t":
                position += 1
            if position >= len(text):
                return
            try:
                value, position = _DECODER.raw_decode(text, position)
            except (ValueError, RecursionError):
                self._notes.append(f"{name} was read up to its damage at character {position}")
                return
            if isinstance(value, dict):
                yield value
