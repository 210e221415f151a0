"""Bring the run of a trial from a worker to the workspace of the study, in chunks."""

from __future__ import annotations

import shutil
import tempfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from uuid import uuid4

from contexta.bisect.execution.run_job import run_job
from contexta.bisect.execution.trial_job import TrialJob, TrialResult
from contexta.core import settings
from contexta.core.files import atomic_files
from contexta.recorder.journal.writer import SUFFIX

CHUNK = 4 * 1024 * 1024  # bytes of one message
_PREFIX = "contexta-away-"


@dataclass(frozen=True)
class RemoteRun:
    """The files of a run on a worker: their paths below ``folder``, with their sizes in bytes."""

    folder: str
    files: tuple[tuple[str, int], ...]


@dataclass(frozen=True)
class Marker:
    """A file in the workspace of a study. A worker that finds it shares the directory of the study."""

    name: str
    content: str

    @classmethod
    def in_workspace(cls, workspace: Path) -> Marker:
        workspace.mkdir(parents=True, exist_ok=True)
        marker = cls(f".shared-{uuid4().hex}", uuid4().hex)
        (workspace / marker.name).write_text(marker.content)
        return marker

    def is_in(self, workspace: Path) -> bool:
        try:
            return (workspace / self.name).read_text() == self.content
        except OSError:
            return False


def run_on_worker(
    job: TrialJob, marker: Marker, stop: threading.Event | None = None
) -> tuple[TrialResult, RemoteRun | None]:
    """On a worker: run a job. Its run is stored in the workspace if that is shared, else in a directory of the
    worker."""
    if marker.is_in(Path(str(job.workspace))):
        return run_job(job, stop), None
    folder = tempfile.mkdtemp(prefix=_PREFIX)
    try:
        result = run_job(replace(job, workspace=folder), stop)
        return result, RemoteRun(folder, tuple(_files(Path(folder))))
    except BaseException:  # after any failure the study does not fetch the directory
        shutil.rmtree(folder, ignore_errors=True)
        raise


def _files(folder: Path) -> Iterator[tuple[str, int]]:
    for room in (settings.OBJECTS, settings.JOURNALS):
        for path in sorted((folder / room).rglob("*")):
            if path.is_file() and not path.name.startswith("."):
                yield path.relative_to(folder).as_posix(), path.stat().st_size


def read_chunk(folder: str, name: str, offset: int) -> bytes:
    """On a worker."""
    with Path(folder, name).open("rb") as file:
        file.seek(offset)
        return file.read(CHUNK)


def remove(folder: str) -> None:
    """On a worker: remove the files of a run that were fetched."""
    if Path(folder).name.startswith(_PREFIX):
        shutil.rmtree(folder, ignore_errors=True)


def fetch(run: RemoteRun, result: TrialResult, workspace: Path, read: Callable[[str, str, int], bytes]) -> None:
    """Write the files of a run to the workspace; its first journal last, which makes the run visible.

    read: ``read_chunk`` on the worker. Raises OSError for a file that changed, and what ``read`` raises.
    """
    first = f"{settings.JOURNALS}/{result.run}{SUFFIX}"
    for name, size in sorted(run.files, key=lambda file: (file[0] == first, file[0].startswith(settings.JOURNALS))):
        target = workspace / name
        if not target.resolve().is_relative_to(workspace.resolve()) or target.exists():
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        with atomic_files.NewFile(target.parent) as new:
            for offset in range(0, size, CHUNK):
                new.file.write(read(run.folder, name, offset))
            if new.file.tell() != size:
                raise OSError(f"{name} has {new.file.tell()} bytes, not {size}")
            new.replace(target)
