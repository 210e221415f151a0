"""Remember which files were imported, so that importing again reads only what changed.

A file of the workspace, ``imports/DIGEST.json``, holds the state of all files that a source was read from, and the runs
that they gave. It is a cache: without it the source is read again.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from contextlib import suppress
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

from contexta import __version__
from contexta.core.errors import DamagedData
from contexta.core.files import digested_files
from contexta.core.files.atomic_files import make_directory
from contexta.findings import ImportedRun
from contexta.importers.readers import ImportSource
from contexta.importers.reading.used_files import UsedFiles, state_of
from contexta.recorder.journal.objects import Objects
from contexta.recorder.redaction import redact
from contexta.recorder.session.salt import salt_or_another
from contexta.store.backends.engine import Store

_FOLDER = "imports"
_READERS = f"{__version__} 1 {find_spec('yaml') is not None} {find_spec('pyarrow') is not None}"
"""Increase the number when a reader gives other values of the same files."""
_OUTSIDE = frozenset({"dvc"})  # kinds whose readers use more than files: the references of git


class RememberedRun(NamedTuple):
    """A run that was imported from a source."""

    key: str
    digest: str
    """Of the content of its journal."""
    description: dict[str, Any]
    """The fields of its ImportedRun that do not depend on the workspace."""


class ImportedSources:
    """The sources that were imported into one workspace."""

    def __init__(self, store: Store) -> None:
        self._folder = store.root / _FOLDER
        self._objects: Objects = store.objects

    def find(self, source: ImportSource) -> list[RememberedRun]:
        """The runs that a source gave, if none of its files changed since; else none."""
        try:
            stored = json.loads(digested_files.read(os.fspath(self._file(source))))
            is_same = all(state_of(Path(path)) == _state(state) for path, state in stored["files"].items())
            runs = [RememberedRun(*entry) for entry in stored["runs"]]
        except (OSError, DamagedData, ValueError, KeyError, TypeError):
            return []
        return runs if is_same and stored["readers"] == _READERS else []

    def keep(self, source: ImportSource, files: UsedFiles, runs: Sequence[RememberedRun]) -> None:
        """Remember a source, unless one of its files changed while it was read. Nothing secret is written."""
        if source.kind in _OUTSIDE or not runs or (states := files.states()) is None:
            return
        salt = salt_or_another(self._objects)
        entries = {os.fspath(path): state for path, state in states.items()}
        if any(redact.inside(path, salt) != path for path in entries):
            return
        described = [
            run._replace(
                description={**run.description, "notes": [redact.inside(n, salt) for n in run.description["notes"]]}
            )
            for run in runs
        ]
        content = json.dumps({"readers": _READERS, "files": entries, "runs": described})
        with suppress(OSError, UnicodeEncodeError):  # the next import reads the source again
            make_directory(os.fspath(self._folder))
            digested_files.write(os.fspath(self._file(source)), content.encode())

    def _file(self, source: ImportSource) -> Path:
        key = f"{source.kind}\0{source.path}".encode("utf-8", "surrogateescape")
        return self._folder / f"{sha256(key).hexdigest()[:32]}.json"


def remembered(run: ImportedRun, key: str, digest: str) -> RememberedRun:
    """What is remembered of a run. Its name, project and reference are in the workspace."""
    description = run.model_dump(mode="json", exclude={"name", "project", "run_ref", "outcome"})
    return RememberedRun(key, digest, description)


def _state(value: object) -> tuple[Any, ...] | None:
    return tuple(value) if isinstance(value, list) else None
