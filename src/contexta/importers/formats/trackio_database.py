"""Runs of Trackio: one SQLite database per project, with metrics and configurations as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from contexta.importers.reading.description import ForeignRun, flattened, moment
from contexta.importers.reading.sqlite_files import DAMAGE, opened, rows, tables_of

TITLE = "Trackio"
NO_STATUS = "the tool does not record how a run ended: completed is assumed"
_REQUIRED = {"run_name", "metrics", "timestamp", "step"}
_METRICS = ("run_id", "run_name", "timestamp", "step", "metrics")


def place_of(file: Path) -> Path | None:
    return file if file.suffix == ".db" and tables_of(file).get("metrics", frozenset()) >= _REQUIRED else None


def read(place: Path) -> Iterator[ForeignRun]:
    runs: dict[str, ForeignRun] = {}
    damage = None
    try:
        with opened(place) as connection:
            for run_id, name, timestamp, step, body in rows(connection, "metrics", _METRICS, "ORDER BY id"):
                run = runs.setdefault(str(run_id or name), _new_run(place, run_id, name))
                _add(run, timestamp, step, body)
            for run_id, name, config in rows(connection, "configs", ("run_id", "run_name", "config")):
                run = runs.setdefault(str(run_id or name), _new_run(place, run_id, name))
                _set_config(run, config)
    except DAMAGE as error:
        damage = f"the database was read up to its damage: {error}"
    for run in runs.values():
        times = [point.at for points in run.metrics.values() for point in points]
        start = run.started_at or min(times, default=int(place.stat().st_mtime * 1e6))
        run.started_at, run.ended_at = start, max([start, *times])
        run.notes += [NO_STATUS, *([damage] if damage else [])]
        yield run


def _new_run(place: Path, run_id: object, name: object) -> ForeignRun:
    identity = str(run_id) if run_id else f"{place.stem} {name}"
    return ForeignRun("trackio", identity, place, str(name), 0, 0, project=place.stem)


def _content(body: object) -> dict[str, Any]:
    """The mapping of a JSON text; empty for any other value."""
    try:
        value = json.loads(body) if isinstance(body, (str, bytes)) else None
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _add(run: ForeignRun, timestamp: object, step: object, body: object) -> None:
    at, values = moment(timestamp), _content(body)
    if at is None or not isinstance(step, int) or not values:
        run.notes.append(f"a row at step {step} is damaged and was left out")
        return
    for name, value in flattened(values):
        if not run.add_point(name, step, at, value):
            note = f"values of {name} that are no numbers were left out"
            if note not in run.notes:
                run.notes.append(note)


def _set_config(run: ForeignRun, body: object) -> None:
    config = _content(body)
    run.started_at = moment(config.get("_Created")) or 0
    if isinstance(config.get("_Group"), str):
        run.tags["group"] = config["_Group"]
    run.params = dict(flattened({key: value for key, value in config.items() if not key.startswith("_")}))
