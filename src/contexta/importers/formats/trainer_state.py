"""Runs of the Trainer of transformers: ``trainer_state.json`` of the last checkpoint, or of the output directory."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from contexta.importers.reading.bounded_files import json_of
from contexta.importers.reading.description import ForeignRun
from contexta.importers.reading.used_files import entries, used

TITLE = "transformers"
FILE = "trainer_state.json"
_CHECKPOINT = re.compile(r"checkpoint-(\d+)\Z")
_NO_TIMES = "the Trainer records no times: the time of its file is used for all values"
_OF_THE_LOG = frozenset(("step", "epoch"))
_SETTINGS = ("max_steps", "num_train_epochs", "train_batch_size", "trial_params")


def place_of(file: Path) -> Path | None:
    """The output directory."""
    if file.name != FILE:
        return None
    return file.parent.parent if _CHECKPOINT.match(file.parent.name) else file.parent


def read(place: Path) -> Iterator[ForeignRun]:
    notes: list[str] = []
    file = _last_state(place)
    stored = json_of(file, notes)
    state: dict[str, Any] = stored if isinstance(stored, dict) else {}
    log = state.get("log_history")
    entries = [entry for entry in log if isinstance(entry, dict)] if isinstance(log, list) else []
    at = int(file.stat().st_mtime * 1e6)
    run = ForeignRun("transformers", f"{place.name} {entries[:3]}", place, place.name or "run", at, at, notes=notes)
    for entry in entries:
        step = entry.get("step")
        for key, value in entry.items():
            if key not in _OF_THE_LOG and isinstance(step, int) and not run.add_point(key, step, at, value):
                run.notes.append(f"{key} at step {step} is no number and was left out")
        if isinstance(step, int) and "epoch" in entry:
            run.add_point("epoch", step, at, entry["epoch"])
    for name in _SETTINGS:
        if state.get(name) is not None:
            run.params[name] = state[name]
    if isinstance(state.get("best_metric"), (int, float)):
        run.add_point("best_metric", None, at, state["best_metric"])
    if file.parent != place:
        run.status = "crashed"
        run.notes.append(f"only checkpoints have a state: the run crashed, or went on after {file.parent.name}")
    run.notes.append(_NO_TIMES)
    yield run


def _last_state(place: Path) -> Path:
    """The state of the output directory, else that of the checkpoint with the highest number."""
    numbers = {int(match[1]): folder for folder in entries(place) if (match := _CHECKPOINT.match(folder.name))}
    states = [folder / FILE for _, folder in sorted(numbers.items()) if used(folder / FILE).is_file()]
    return place / FILE if used(place / FILE).is_file() or not states else states[-1]
