"""Parts of MLflow runs that both of its stores share: tags, parameters as texts, environments of logged models."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from contexta.importers.reading.bounded_files import text_of, yaml_of
from contexta.importers.reading.description import ForeignEnvironment, ForeignRun
from contexta.importers.reading.requirements_list import read_requirements
from contexta.importers.reading.used_files import entries, used

_NUMBER = re.compile(r"-?(?:\d+|\d+\.\d+(?:e-?\d+)?|\d+e-\d+)\Z")
_WORDS = {"True": True, "False": False, "None": None}


def text_as_value(text: str) -> Any:
    """The number, bool or None that Python writes as this text; any other text itself."""
    if text in _WORDS:
        return _WORDS[text]
    if len(text) < 40 and _NUMBER.match(text):
        number = int(text) if text.lstrip("-").isdigit() else float(text)
        return number if repr(number) == text else text
    return text


def texts_as_values(pairs: Iterable[tuple[Any, ...]], notes: list[str]) -> dict[str, Any]:
    """Parameters that were stored as texts."""
    params = {str(key): text_as_value(str(value)) for key, value in pairs}
    if any(not isinstance(value, str) for value in params.values()):
        notes.append(
            "MLflow stores parameters as texts: those that Python writes for a number or bool were read as one"
        )
    return params


def add_tags(run: ForeignRun, tags: dict[str, str]) -> None:
    """Set the tags of a user, and what MLflow stores in tags of its own."""
    run.name = tags.get("mlflow.runName") or run.name
    run.description = tags.get("mlflow.note.content")
    run.commit = tags.get("mlflow.source.git.commit")
    run.branch = tags.get("mlflow.source.git.branch")
    run.remote = tags.get("mlflow.source.git.repoURL")
    if tags.get("mlflow.source.type") in ("LOCAL", "PROJECT") and tags.get("mlflow.source.name"):
        run.command = [tags["mlflow.source.name"]]
        run.notes.append("MLflow records the program without its arguments")
    run.tags = {name: value for name, value in tags.items() if not name.startswith("mlflow.")}


def add_environment(run: ForeignRun, locations: Iterable[str], base: Path) -> None:
    """Set the environment from the first logged model among artifact directories, which may have moved to ``base``."""
    for location in locations:
        for root in _candidates(location, base):
            for folder in (root, *entries(root)):
                if used(folder / "requirements.txt").is_file() and used(folder / "MLmodel").is_file():
                    run.environment = _environment(folder, run.notes)
                    return


def _candidates(location: str, base: Path) -> list[Path]:
    """Where an artifact directory may be: as recorded, or below the directory of the store."""
    path = unquote(re.sub(r"file:(?://)?", "", location))
    tail = path.replace("\\", "/").rpartition("mlruns/")[2] or path
    return [Path(path), base / "mlruns" / tail, base / tail] if path and "://" not in path else []


def _environment(folder: Path, notes: list[str]) -> ForeignEnvironment:
    environment = ForeignEnvironment(f"requirements.txt of the model {folder.name}", is_complete=False)
    read_requirements(text_of(folder / "requirements.txt", notes) or "", environment)
    settings = yaml_of(folder / "python_env.yaml", notes)
    python = settings.get("python") if isinstance(settings, dict) else None
    if python is None:
        match = re.search(r"^\s*- python=+([\d.]+)\s*$", text_of(folder / "conda.yaml", notes) or "", re.MULTILINE)
        python = match[1] if match else None
    environment.python_version = None if python is None else str(python)
    return environment
