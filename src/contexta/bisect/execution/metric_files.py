"""Read the metric from a file that the command writes: JSON, CSV, or event files of TensorBoard.

A file that was there before the command and did not change says nothing about it, so it counts as missing.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path

from contexta.core.errors import shown
from contexta.importers.formats.tensorboard_events import scalars

FORMS = {"json": "json:FILE:PATH", "csv": "csv:FILE:COLUMN", "tensorboard": "tensorboard:DIR:TAG"}
"""Kind of source -> how it is written."""
_MOST_NAMES = 5

State = tuple[int, int, int]  # time of the last change, size, inode


def states(folder: Path, source: str | None) -> dict[Path, State]:
    """The files of a source as they are now; {} for a source that is no file."""
    kind, _, rest = (source or "").partition(":")
    found = {}
    for path in _files(folder, rest.rpartition(":")[0] if kind != "json" else rest.partition(":")[0], kind):
        facts = path.stat()
        found[path] = (facts.st_mtime_ns, facts.st_size, facts.st_ino)
    return found if kind in FORMS else {}


def value_in_file(folder: Path, source: str, before: Mapping[Path, State]) -> tuple[str | None, str]:
    """(the value as text, or None; the reason). before: ``states`` when the command began."""
    kind, _, rest = source.partition(":")
    name, _, key = rest.partition(":") if kind == "json" else rest.rpartition(":")
    now = states(folder, source)
    written = sorted(path for path, state in now.items() if before.get(path) != state)
    if not written:
        why = "was not written by this run" if now else "does not exist"
        return None, f": {name} {why}"
    try:
        if kind == "tensorboard":
            return _in_events(name, written, key)
        if len(written) > 1:
            return None, f": {name} names {len(written)} files that this run wrote, as {written[0].name}"
        return _in_json(name, written[0], key) if kind == "json" else _in_csv(name, written[0], key)
    except OSError as error:
        return None, f": {name}: {error.strerror}"


def at_path(value: object, path: str) -> str | None:
    """A number in parsed JSON, by its key or by keys joined with dots; in a list by its index, -1 for the last."""
    if isinstance(value, dict) and path in value:
        value = value[path]
    else:
        for key in path.split("."):
            if isinstance(value, list) and key.removeprefix("-").isdecimal() and len(key) < 10:
                value = value[int(key)] if -len(value) <= int(key) < len(value) else None
            else:
                value = value.get(key) if isinstance(value, dict) else None
    return str(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def _files(folder: Path, name: str, kind: str) -> Iterator[Path]:
    """name: a file or a pattern such as ``logs/*/metrics.csv``; for TensorBoard a directory, with those below it."""
    if kind == "tensorboard":
        yield from (path for path in (folder / name).rglob("*tfevents*") if path.is_file())
    elif any(mark in name for mark in "*?["):
        yield from (path for path in folder.glob(name) if path.is_file())
    elif (folder / name).is_file():
        yield folder / name


def _in_json(name: str, file: Path, path: str) -> tuple[str | None, str]:
    try:
        content = json.loads(file.read_text(encoding="utf-8-sig"))
    except (ValueError, RecursionError):
        return None, f": {name} is no JSON"
    return at_path(content, path), f": {name} has no number at {path}{_others(_paths(content))}"


def _in_csv(name: str, file: Path, column: str) -> tuple[str | None, str]:
    """The last value in a column; the empty cells of rows for other metrics do not count."""
    value = None
    try:
        with file.open(encoding="utf-8-sig", newline="") as lines:
            rows = csv.reader(lines)
            header = [cell.strip() for cell in next(rows, [])]
            if column not in header:
                return None, f": {name} has no column {shown(column)}{_others(iter(header))}"
            place = header.index(column)
            for row in rows:
                if place < len(row) and row[place].strip():
                    value = row[place].strip()
    except (csv.Error, UnicodeDecodeError) as error:
        return None, f": {name} is no CSV: {error}"
    return value, f": the column {shown(column)} of {name} is empty"


def _in_events(name: str, files: list[Path], tag: str) -> tuple[str | None, str]:
    """The value of the last step. Files of one directory belong together."""
    values: dict[Path, float] = {}
    tags: dict[str, None] = {}
    for folder in sorted({file.parent for file in files}):
        curves = scalars([file for file in files if file.parent == folder])
        tags.update(dict.fromkeys(curves))
        if tag in curves:
            values[folder] = curves[tag][max(curves[tag])]
    if len(values) > 1:
        folders = ", ".join(folder.name for folder in values)
        return None, f": {name} has {shown(tag)} in several directories, {folders}: name one"
    return next(map(str, values.values()), None), f": {name} has no {shown(tag)}{_others(iter(tags))}"


def _others(names: Iterator[str]) -> str:
    some = ", ".join(islice(names, _MOST_NAMES))
    return f"; it has {some}" if some else ""


def _paths(content: object, above: str = "") -> Iterator[str]:
    """The paths of numbers in parsed JSON, for ``at_path``."""
    if isinstance(content, bool) or not isinstance(content, int | float | dict | list):
        return
    if isinstance(content, int | float):
        yield above
        return
    items = content.items() if isinstance(content, dict) else enumerate(content[:_MOST_NAMES])
    for key, value in items:
        yield from _paths(value, f"{above}.{key}" if above else str(key))
