"""Read files of other tools up to a size."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from contexta.importers.reading.used_files import used
from contexta.recorder.parameters.config_files import Unreadable, parsed_yaml

LARGEST_TEXT = 32 * 1024**2  # bytes of a log or a patch
LARGEST_FACTS = 16 * 1024**2  # bytes of a JSON or YAML file


def text_of(path: Path, notes: list[str], limit: int = LARGEST_TEXT) -> str | None:
    """The text of a file, its first ``limit`` bytes; None if there is none or it cannot be read."""
    data = bytes_of(path, notes, limit)
    return None if data is None else data.decode("utf-8", "replace")


def bytes_of(path: Path, notes: list[str], limit: int = LARGEST_TEXT) -> bytes | None:
    """The content of a regular file, its first ``limit`` bytes; None if there is none or it cannot be read."""
    try:
        if not used(path).is_file():
            return None
        with path.open("rb") as file:
            data = file.read(limit + 1)
    except OSError as error:
        notes.append(f"{path.name} cannot be read: {error.strerror}")
        return None
    if len(data) > limit:
        notes.append(f"{path.name} has over {limit} bytes: the rest is left out")
    return data[:limit]


def json_of(path: Path, notes: list[str]) -> Any:
    """The content of a JSON file; None if there is none or it is damaged."""
    return json_in(bytes_of(path, notes, LARGEST_FACTS), path.name, notes)


def json_in(content: bytes | None, name: str, notes: list[str]) -> Any:
    """The value of a JSON text; None if there is none or it is damaged. name: for the note."""
    if content is None:
        return None
    try:
        return json.loads(content.decode("utf-8", "replace"))
    except (ValueError, RecursionError):
        notes.append(f"{name} is no valid JSON and was left out")
        return None


def yaml_of(path: Path, notes: list[str]) -> Any:
    """The content of a YAML file, read without constructing objects; None if there is none or it is damaged."""
    return yaml_in(bytes_of(path, notes, LARGEST_FACTS), path.name, notes)


def yaml_in(content: bytes | None, name: str, notes: list[str]) -> Any:
    """The value of a YAML text; None if there is none or it is damaged. name: for the note."""
    if content is None:
        return None
    try:
        return parsed_yaml(content.decode("utf-8", "replace"))
    except (Unreadable, ValueError, RecursionError) as error:
        notes.append(f"{name} is not YAML that can be read here and was left out: {error}")
        return None


def mapping_of(value: object) -> dict[str, Any]:
    """A JSON or YAML value that should be a mapping; empty for any other value."""
    return value if isinstance(value, dict) else {}
