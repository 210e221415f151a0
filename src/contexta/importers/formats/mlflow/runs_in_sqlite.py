"""Runs of MLflow in ``mlflow.db``. Columns are read by name, because the schema differs between versions."""

from __future__ import annotations

import math
import sqlite3
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from contexta.importers.formats.mlflow.logged_models import add_environment, add_tags, texts_as_values
from contexta.importers.reading.description import EndedStatus, ForeignRun
from contexta.importers.reading.sqlite_files import DAMAGE, opened, rows, tables_of

TITLE = "MLflow"
_TABLES = {"experiments", "runs", "metrics", "params", "tags"}
STATUSES: dict[object, EndedStatus] = {"FINISHED": "completed", "FAILED": "failed", "KILLED": "cancelled"}
NO_END = "MLflow recorded no end: the run crashed, was killed, or was still open"
_RUN = ("run_uuid", "name", "status", "start_time", "end_time", "experiment_id", "artifact_uri", "lifecycle_stage")


def place_of(file: Path) -> Path | None:
    return file if file.suffix in (".db", ".sqlite", ".sqlite3") and tables_of(file).keys() >= _TABLES else None


def read(place: Path) -> Iterator[ForeignRun]:
    """Deleted runs are left out."""
    try:
        with opened(place) as connection:
            experiments = dict(rows(connection, "experiments", ("experiment_id", "name")))
            for row in list(rows(connection, "runs", _RUN)):
                fields = dict(zip(_RUN, row, strict=True))
                if fields["run_uuid"] is not None and fields["lifecycle_stage"] != "deleted":
                    yield _run(connection, place, fields, experiments)
    except DAMAGE as error:
        raise ValueError(f"the database is damaged ({error}): its other runs are left out") from None


def _run(
    connection: sqlite3.Connection, place: Path, fields: dict[str, Any], experiments: dict[Any, Any]
) -> ForeignRun:
    run_id, start, end = str(fields["run_uuid"]), fields["start_time"], fields["end_time"]
    run = ForeignRun("mlflow", run_id, place, str(fields["name"] or run_id), 0, 0)
    project = experiments.get(fields["experiment_id"])
    run.project = project if isinstance(project, str) else None
    where = ("WHERE run_uuid = ?", (run_id,))
    try:
        _add_metrics(connection, run)
        run.params = texts_as_values(rows(connection, "params", ("key", "value"), *where), run.notes)
        add_tags(run, {str(key): str(value) for key, value in rows(connection, "tags", ("key", "value"), *where)})
        models = rows(connection, "logged_models", ("artifact_location",), "WHERE source_run_id = ?", (run_id,))
        locations = [str(location) for (location,) in models] + [str(fields["artifact_uri"] or "")]
    except DAMAGE as error:
        run.notes.append(f"the database was read up to its damage: {error}")
        locations = []
    set_times(run, start, end, STATUSES.get(fields["status"]))
    add_environment(run, locations, place.parent)
    return run


def _add_metrics(connection: sqlite3.Connection, run: ForeignRun) -> None:
    infinite = 0
    columns = ("key", "value", "timestamp", "step", "is_nan")
    order = "WHERE run_uuid = ? ORDER BY key, step, timestamp"
    for key, value, at, step, is_nan in rows(connection, "metrics", columns, order, (run.identity,)):
        number = math.nan if is_nan else value
        if isinstance(number, float) and abs(number) == sys.float_info.max:
            number, infinite = math.copysign(math.inf, number), infinite + 1
        if isinstance(at, int) and (step is None or isinstance(step, int)):
            run.add_point(str(key), step, at * 1000, number)
    if infinite:
        run.notes.append(f"{infinite} values are infinite: MLflow stores the largest number for infinity")


def set_times(run: ForeignRun, start: object, end: object, status: EndedStatus | None) -> None:
    """Set times from milliseconds, and the status: None for a run without an end."""
    times = [point.at for points in run.metrics.values() for point in points]
    if isinstance(start, int) and start >= 0:
        run.started_at = start * 1000
    else:
        run.started_at = min(times, default=int(run.path.stat().st_mtime * 1e6))
        run.notes.append("MLflow recorded no start: the first value, or the time of the file, is used")
    last = max([run.started_at, *times])
    if status is None or not isinstance(end, int):
        run.status, run.ended_at = "crashed", last
        run.notes.append(NO_END)
    else:
        run.status, run.ended_at = status, max(end * 1000, run.started_at)
