"""The formats that can be imported, and the search for their files below a path."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from contexta.core.errors import InvalidInput, NotFound, shown
from contexta.importers.formats import (
    clearml_archive,
    comet_archive,
    csv_logs,
    dvc_runs,
    guild_run_directory,
    hydra_outputs,
    neptune_export,
    sacred_file_storage,
    swanlab_directory,
    tensorboard_events,
    trackio_database,
    trainer_state,
    wandb_directory,
)
from contexta.importers.formats.mlflow import file_store, runs_in_sqlite
from contexta.importers.reading.description import Reader

KINDS: Mapping[str, Reader] = {
    "wandb": wandb_directory,
    "mlflow": runs_in_sqlite,
    "mlflow-files": file_store,
    "trackio": trackio_database,
    "swanlab": swanlab_directory,
    "comet": comet_archive,
    "clearml": clearml_archive,
    "neptune": neptune_export,
    "guild": guild_run_directory,
    "dvc": dvc_runs,
    "sacred": sacred_file_storage,
    "tensorboard": tensorboard_events,
    "transformers": trainer_state,
    "csv": csv_logs,
    "hydra": hydra_outputs,
}
"""Kind -> its reader. The first one that takes a file reads it."""

_ONE_RUN_PER_DIRECTORY = ("wandb", "mlflow-files", "swanlab", "guild", "sacred")
_LOGS = (".wandb", ".swanlab")  # in the directory of their run
_READ_BY = {"guild": frozenset({"guild", "tensorboard"})}  # what a reader takes from the directory in which a run ran
_MOST_FILES = 1_000_000
_SKIPPED = frozenset({".git", ".venv", "__pycache__", "node_modules", "site-packages"})


class ImportSource(NamedTuple):
    """A file or directory that contains runs of one kind."""

    kind: str
    path: Path


def sources_below(path: Path, kind: str | None = None) -> list[ImportSource]:
    """The places of runs at or below a path, in a stable order.

    kind: only of this one. Raises NotFound without such a path, InvalidInput for an unknown kind.
    """
    if kind is not None and kind not in KINDS:
        raise InvalidInput(f"{shown(kind)} is not a kind of import", hint=f"use {', '.join(KINDS)}")
    if not path.exists():
        raise NotFound(f"there is no {path}", hint="name a directory or file of another tool")
    readers = KINDS if kind is None else {kind: KINDS[kind]}
    places: dict[ImportSource, None] = {}
    for number, file in enumerate(_files(path.resolve())):
        if number >= _MOST_FILES:
            raise InvalidInput(f"{path} contains over {_MOST_FILES} files", hint="name the directory of the tool")
        for name, reader in readers.items():
            place = reader.place_of(file)
            if place is not None:
                places[ImportSource(name, place)] = None
                break
    if not places and path.is_file() and kind is not None:
        places[ImportSource(kind, path.resolve())] = None
    return list(_outermost(places))


def _files(path: Path) -> Iterator[Path]:
    if path.is_file():
        yield path
        return
    for folder, folders, names in os.walk(path):
        folders[:] = sorted(name for name in folders if name not in _SKIPPED)
        for name in sorted(names):
            yield Path(folder, name)


def _outermost(places: Mapping[ImportSource, None]) -> Iterator[ImportSource]:
    """Without the places that a reader takes as parts of a run around them.

    The directory of a run of W&B, MLflow, SwanLab or Sacred contains files that the run kept. That of Guild is where
    the program ran: Guild's reader takes the event files, and other tools keep runs of their own in it. Jobs of Hydra
    around the runs of another tool are left out, which get its parameters.
    """
    owners = {
        source.path.parent if source.path.suffix in _LOGS else source.path: source.kind
        for source in places
        if source.kind in _ONE_RUN_PER_DIRECTORY
    }
    around = {folder for place in places if place.kind != "hydra" for folder in (place.path, *place.path.parents)}
    for place in places:
        if place.kind == "hydra" and place.path in around:
            continue
        above = [owners[folder] for folder in place.path.parents if folder in owners]
        if all(kind == place.kind or place.kind not in _READ_BY.get(kind, KINDS) for kind in above):
            yield place
