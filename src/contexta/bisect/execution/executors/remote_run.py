"""Check a worker, and bring the run of a trial from it to the workspace of the study: in chunks, or with its result."""

from __future__ import annotations

import shutil
import tempfile
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from uuid import uuid4

from contexta import __version__
from contexta.bisect.execution.run_job import run_job, why_not_ready
from contexta.bisect.execution.trial_job import TrialJob, TrialResult
from contexta.core import settings
from contexta.core.errors import ContextaError
from contexta.core.files import atomic_files
from contexta.recorder.journal.writer import SUFFIX

CHUNK = 4 * 1024 * 1024  # bytes of one message
_PREFIX = "contexta-away-"
_MOST_PACKED = 256 * 1024 * 1024  # bytes of a run that returns with its result
_RENEWED = 20.0  # seconds between two signs that a study still runs
_ENDED = "ended"


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
        return self.sign(workspace) is not None

    def has_ended(self, workspace: Path) -> bool:
        """Whether the study waits for no trial that it has submitted so far."""
        return self.sign(workspace) == _ENDED

    def sign(self, workspace: Path) -> str | None:
        """Differs from time to time while the study runs; None if the marker is not there."""
        try:
            content, _, sign = (workspace / self.name).read_text().partition(" ")
        except OSError:
            return None
        return sign if content == self.content else None

    def give_sign(self, workspace: Path, sign: str) -> None:
        with suppress(OSError):  # a full disk, or one that is away; the next attempt may succeed
            atomic_files.write(workspace / self.name, f"{self.content} {sign}".encode())


class Markers:
    """The markers of a study, one in each of its workspaces, with a new sign from time to time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._current: dict[Path, Marker] = {}
        self._ended: list[tuple[Path, Marker]] = []
        self._has_ended = threading.Event()

    @property
    def contents(self) -> set[str]:
        return {marker.content for marker in self._current.values()}

    def of(self, workspace: Path) -> Marker:
        with self._lock:
            if not self._current:
                self._has_ended = threading.Event()
                threading.Thread(target=self._give_signs, args=(self._has_ended,), name="markers", daemon=True).start()
            if workspace not in self._current:
                self._current[workspace] = Marker.in_workspace(workspace)
            return self._current[workspace]

    def end(self) -> None:
        """End all trials with the current markers, also those that begin later. Later markers are new."""
        with self._lock:
            self._has_ended.set()
            for workspace, marker in self._current.items():
                marker.give_sign(workspace, _ENDED)
                self._ended.append((workspace, marker))
            self._current.clear()

    def remove(self) -> None:
        """Remove the files, when no trial can begin any more."""
        self.end()
        for workspace, marker in self._ended:
            (workspace / marker.name).unlink(missing_ok=True)
        self._ended.clear()

    def _give_signs(self, has_ended: threading.Event) -> None:
        number = 0
        while not has_ended.wait(_RENEWED):
            number += 1
            with self._lock:
                for workspace, marker in () if has_ended.is_set() else self._current.items():
                    marker.give_sign(workspace, str(number))


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


@dataclass(frozen=True)
class PackedRun:
    """The files of a run, to be returned with the result of its trial."""

    run: RemoteRun
    contents: dict[str, bytes]


def packed(run: RemoteRun) -> PackedRun:
    """On a worker: read and remove the files of a run. Raises ContextaError if they are too large for one message."""
    try:
        size = sum(size for _, size in run.files)
        if size > _MOST_PACKED:
            message = (
                f"the files of a trial have {size / 2**20:.0f} MB, and a worker can return {_MOST_PACKED / 2**20:.0f}"
            )
            raise ContextaError(message, hint="put the workspace on a disk that the workers share, or use --dask")
        return PackedRun(run, {name: Path(run.folder, name).read_bytes() for name, _ in run.files})
    finally:
        remove(run.folder)


def fetch_packed(packed_run: PackedRun, result: TrialResult, workspace: Path) -> None:
    """As ``fetch``."""

    def read(_: str, name: str, offset: int) -> bytes:
        return packed_run.contents[name][offset : offset + CHUNK]

    fetch(packed_run.run, result, workspace, read)


def version_and_lack(job: TrialJob) -> tuple[str, str | None]:
    """On a worker: the version of Contexta, and the reason why such jobs cannot run there, if any."""
    return __version__, why_not_ready(job)


def settle(future: Future[TrialResult], outcome: TrialResult | BaseException) -> None:
    """Set the result or the error of a trial, unless its future was cancelled."""
    with suppress(InvalidStateError):
        if isinstance(outcome, BaseException):
            future.set_exception(outcome)
        else:
            future.set_result(outcome)
