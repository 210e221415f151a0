"""Runs of MLflow in a file store: ``mlruns/EXPERIMENT/RUN/meta.yaml`` and one file per metric, parameter and tag."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from contexta.importers.formats.mlflow.logged_models import add_environment, add_tags, texts_as_values
from contexta.importers.formats.mlflow.runs_in_sqlite import set_times
from contexta.importers.reading.bounded_files import text_of, yaml_of
from contexta.importers.reading.description import EndedStatus, ForeignRun
from contexta.importers.reading.used_files import entries, files_below

TITLE = "MLflow"
_RUN = re.compile(r"^run_(?:id|uuid):", re.MULTILINE)
_MODEL = re.compile(r"^model_id:", re.MULTILINE)
_STATUSES: dict[object, EndedStatus] = {3: "completed", 4: "failed", 5: "cancelled"}
_MOST_FILES = 20_000


def place_of(file: Path) -> Path | None:
    """The directory of a run, by the ``meta.yaml`` in it."""
    if file.name != "meta.yaml" or not ((file.parent / "metrics").is_dir() or (file.parent / "params").is_dir()):
        return None
    text = text_of(file, [], 64 * 1024) or ""
    return file.parent if _RUN.search(text) and not _MODEL.search(text) else None


def read(place: Path) -> Iterator[ForeignRun]:
    """Deleted runs are left out."""
    notes: list[str] = []
    stored = yaml_of(place / "meta.yaml", notes)
    meta = stored if isinstance(stored, dict) else {}
    if meta.get("lifecycle_stage") == "deleted":
        return
    run_id = str(meta.get("run_id") or meta.get("run_uuid") or place.name)
    run = ForeignRun(
        "mlflow-files", run_id, place, str(meta.get("run_name") or run_id), 0, 0, notes=notes, tracker="mlflow"
    )
    experiment = yaml_of(place.parent / "meta.yaml", notes)
    project = experiment.get("name") if isinstance(experiment, dict) else None
    run.project = str(project) if project is not None else None
    for file, key in _files(place / "metrics"):
        _add_metric(run, file, key)
    params = ((key, text_of(file, notes)) for file, key in _files(place / "params"))
    run.params = texts_as_values(((key, text) for key, text in params if text is not None), notes)
    tags = ((key, text_of(file, notes)) for file, key in _files(place / "tags"))
    add_tags(run, {key: text for key, text in tags if text is not None})
    set_times(run, meta.get("start_time"), meta.get("end_time"), _status(meta))
    add_environment(run, _artifact_directories(place, meta), place.parent.parent.parent)
    yield run


def _files(folder: Path) -> list[tuple[Path, str]]:
    """(file, key) below a directory; a key with slashes is a path."""
    return [(file, file.relative_to(folder).as_posix()) for file in sorted(files_below(folder))[:_MOST_FILES]]


def _add_metric(run: ForeignRun, file: Path, key: str) -> None:
    """Add the lines ``milliseconds value step`` of one metric."""
    text = text_of(file, run.notes, 1024**3) or ""
    lines = text.split("\n")
    if lines.pop():
        run.notes.append(f"the last line of the metric {key} is incomplete and was left out")
    for number, line in enumerate(lines, 1):
        words = line.split()
        try:
            step = int(words[2]) if len(words) > 2 else 0
            is_valid = run.add_point(key, step, int(words[0]) * 1000, float(words[1]))
        except (ValueError, IndexError):
            is_valid = False
        if not is_valid:
            run.notes.append(f"the metric {key} was read up to line {number}, which is no measurement")
            return


def _status(meta: dict[Any, Any]) -> EndedStatus | None:
    status = meta.get("status")
    return _STATUSES.get(status) if isinstance(status, int) else None


def _artifact_directories(place: Path, meta: dict[Any, Any]) -> Iterator[str]:
    """The directories of logged models: below the run, and in newer versions below the experiment."""
    for folder in entries(place.parent / "models")[:_MOST_FILES]:
        model = yaml_of(folder / "meta.yaml", [])
        if isinstance(model, dict) and model.get("source_run_id") == (meta.get("run_id") or place.name):
            yield str(folder / "artifacts")
    yield str(place / "artifacts")
    yield str(meta.get("artifact_uri") or "")
