"""Runs of the CSV loggers of Lightning (``metrics.csv`` and ``hparams.yaml``) and of Keras (``epoch,loss,...``)."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

from contexta.importers.reading.bounded_files import text_of, yaml_of
from contexta.importers.reading.description import ForeignRun, flattened

TITLE = "CSV log"
_LARGEST = 1024**3  # bytes
_HEAD = 4096  # bytes of which the first line has to be
_NO_TIMES = "a CSV log has no times and no status: the time of its file and completed are assumed"


def place_of(file: Path) -> Path | None:
    """A CSV file whose first line names a step or an epoch."""
    if file.suffix != ".csv":
        return None
    try:
        with file.open("rb") as opened:
            first = opened.read(_HEAD).partition(b"\n")[0].decode("utf-8", "replace")
    except OSError:
        return None
    names = _columns(first)
    is_lightning = file.name == "metrics.csv" and {"step", "epoch"} <= {*names}
    return file if is_lightning or (names[:1] == ["epoch"] and len(names) > 1) else None


def read(place: Path) -> Iterator[ForeignRun]:
    notes: list[str] = []
    lines = (text_of(place, notes, _LARGEST) or "").split("\n")
    if lines.pop():
        notes.append("the last line is incomplete and was left out")
    names = _columns(lines[0]) if lines else []
    at = int(place.stat().st_mtime * 1e6)
    is_lightning = "step" in names
    folder = place.parent
    name = f"{folder.parent.name} {folder.name}" if is_lightning else place.stem
    identity = f"{folder.parent.name}/{folder.name}/{place.name} {lines[1:3]}"
    run = ForeignRun("csv", identity, place, name.strip() or "run", at, at, notes=notes)
    step_column = names.index("step") if is_lightning else 0
    header = lines[0].strip() if lines else ""
    for number, line in enumerate(lines[1:], 2):
        if line.strip() == header:
            continue  # Keras repeats it where it goes on with a file
        cells = next(csv.reader([line], delimiter=_delimiter(header)), [])
        if len(cells) != len(names) or not _add(run, names, cells, step_column, at):
            run.notes.append(f"line {number} is no row of measurements and was left out")
    if is_lightning:
        settings = yaml_of(folder / "hparams.yaml", notes)
        run.params = dict(flattened(settings)) if isinstance(settings, dict) else {}
    run.notes.append(_NO_TIMES)
    yield run


def _add(run: ForeignRun, names: list[str], cells: list[str], step_column: int, at: int) -> bool:
    """Add one row; empty cells are no values. False where a cell is no number."""
    try:
        step = int(float(cells[step_column]))
        values = [float(cell) if cell.strip() else None for cell in cells]
    except (ValueError, OverflowError):
        return False
    for position, (name, value) in enumerate(zip(names, values, strict=True)):
        if value is not None and position != step_column:
            run.add_point(name, step, at, value)
    return True


def _columns(line: str) -> list[str]:
    return [name.strip() for name in next(csv.reader([line.strip()], delimiter=_delimiter(line)), [])]


def _delimiter(line: str) -> str:
    """Keras lets the program choose one."""
    return max(",;\t", key=line.count)
