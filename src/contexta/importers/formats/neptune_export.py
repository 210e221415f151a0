"""Runs of Neptune, from the Parquet files of its exporter: one row per attribute, or per value of a series.

Reading Parquet needs pyarrow, which is imported only here.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from contexta.importers.reading.description import ForeignRun, microseconds
from contexta.importers.reading.used_files import entries, used

TITLE = "Neptune"
_COLUMNS = (
    "project_id",
    "run_id",
    "attribute_path",
    "attribute_type",
    "step",
    "timestamp",
    "int_value",
    "float_value",
    "string_value",
    "bool_value",
    "datetime_value",
    "string_set_value",
)
_FOOTER = 1024**2  # bytes at the end of a file that contain the names of its columns
_VALUES = ("int_value", "float_value", "string_value", "bool_value")
_SYSTEM = ("sys/", "monitoring/", "source_code/")
_OUTPUT = ("/stdout", "/stderr")
_MISSING = "it is in the format Parquet, and pyarrow is not installed here (pip install pyarrow)"
_NO_ENVIRONMENT = "Neptune records no installed packages"


def place_of(file: Path) -> Path | None:
    """The directory of the files of a project, by the names of the columns."""
    if file.suffix != ".parquet":
        return None
    try:
        with file.open("rb") as opened:
            opened.seek(-min(_FOOTER, opened.seek(0, 2)), 2)
            footer = opened.read()
    except OSError:
        return None
    return file.parent if b"attribute_path" in footer and b"attribute_type" in footer else None


def read(place: Path) -> Iterator[ForeignRun]:
    """Raises ValueError without pyarrow."""
    try:
        from pyarrow import ArrowException
        from pyarrow.parquet import ParquetFile
    except ImportError:
        raise ValueError(_MISSING) from None
    runs: dict[str, _Run] = {}
    damages = []
    for path in (used(path) for path in entries(place) if path.suffix == ".parquet"):
        try:
            with ParquetFile(path) as file:
                present = [name for name in _COLUMNS if name in file.schema_arrow.names]
                for batch in file.iter_batches(columns=present):
                    columns = [batch.column(name).to_pylist() for name in present]
                    for values in zip(*columns, strict=True):
                        row = dict(zip(present, values, strict=True))
                        key = str(row.get("run_id"))
                        runs.setdefault(key, _Run(key, place, row.get("project_id"))).take(row)
        except (ArrowException, OSError, ValueError) as error:
            damages.append(f"{path.name} was read up to its damage: {' '.join(str(error).split())[:500]}")
    if damages and not runs:
        raise ValueError("; ".join(damages))
    for run in runs.values():
        yield run.finished(damages)


class _Run:
    """The rows of one run."""

    def __init__(self, key: str, place: Path, project: object) -> None:
        self._result = ForeignRun("neptune", f"{project} {key}", place, key, 0, 0)
        self._result.project = str(project).rpartition("/")[2] if project else None
        self._system: dict[str, Any] = {}
        self._output: list[str] = []
        self._left_out: set[str] = set()

    def take(self, row: dict[str, Any]) -> None:
        path, kind = str(row.get("attribute_path")), str(row.get("attribute_type"))
        value = next((row[name] for name in _VALUES if row.get(name) is not None), None)
        if kind == "string_series" and path.endswith(_OUTPUT):
            self._output.append(f"{value}\n" if not str(value).endswith("\n") else str(value))
        elif path.startswith("sys/"):
            self._system[path[4:]] = row.get("datetime_value") or row.get("string_set_value") or value
        elif path.startswith(_SYSTEM):
            return
        elif kind == "float_series":
            self._take_point(path, row)
        elif kind in ("float", "int", "string", "bool") and value is not None:
            self._result.params[path.replace("/", ".")] = value
        elif kind == "datetime" and row.get("datetime_value") is not None:
            self._result.params[path.replace("/", ".")] = str(row["datetime_value"])
        else:
            self._left_out.add(path)

    def _take_point(self, path: str, row: dict[str, Any]) -> None:
        """Add a value. Steps are decimal numbers in Neptune."""
        step, at = row.get("step"), _time(row.get("timestamp"))
        whole = int(step) if step is not None and step == int(step) else None
        is_step = step is None or whole is not None
        if not is_step or not self._result.add_point(path, whole, 0 if at is None else at, row.get("float_value")):
            self._left_out.add(path)

    def finished(self, damages: list[str]) -> ForeignRun:
        run, system = self._result, self._system
        run.name = str(system.get("name") or system.get("custom_run_id") or run.name)
        run.description = str(system["description"]) if system.get("description") else None
        tags = system.get("tags")
        run.tags = {str(tag): "" for tag in tags} if isinstance(tags, (list, tuple, set)) else {}
        run.output = "".join(self._output) or None
        times = [point.at for points in run.metrics.values() for point in points if point.at]
        start = _time(system.get("creation_time")) or min(times, default=int(run.path.stat().st_mtime * 1e6))
        end = _time(system.get("modification_time")) or start
        run.started_at, run.ended_at = start, max([start, end, *times])
        if system.get("failed"):
            run.status = "failed"
        elif str(system.get("state", "")).lower() in ("running", "active"):
            run.status = "crashed"
            run.notes.append("its last state is running: the run crashed, was killed, or was still open")
        else:
            run.notes.append("Neptune marks failed runs only: completed is assumed for all others")
        run.notes += [_NO_ENVIRONMENT, *damages]
        if self._left_out:
            names = ", ".join(sorted(self._left_out)[:20])
            run.notes.append(f"files, texts and values with a fractional step were left out: {names}")
        return run


def _time(value: object) -> int | None:
    """A time of Parquet, which is UTC if it names no zone."""
    if not isinstance(value, datetime):
        return None
    return microseconds((value if value.tzinfo else value.replace(tzinfo=timezone.utc)).timestamp())
