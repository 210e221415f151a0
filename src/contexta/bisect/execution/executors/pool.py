"""Trials on any executor of ``concurrent.futures``: a process pool, Ray, executorlib, mpi4py, dask-jobqueue.

A worker needs uv, Contexta and the source at the same path. It returns the run of a trial with its result, unless it
shares the directory of the study. There it also sees when the study has ended, and stops its trial.
"""

from __future__ import annotations

import importlib
import re
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import CancelledError, Future
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from contexta import __version__
from contexta.bisect.execution.executors.executor import Executor
from contexta.bisect.execution.executors.remote_run import (
    Marker,
    Markers,
    PackedRun,
    fetch_packed,
    packed,
    run_on_worker,
    settle,
    version_and_lack,
)
from contexta.bisect.execution.trial_job import TrialJob, TrialResult
from contexta.bisect.option_names import resume_call
from contexta.core.errors import ContextaError, InvalidInput, shown
from contexta.core.processes.process import Stopped

_NAME = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*")
_FORM = 'as in --executor cluster:workers, where cluster.py has "def workers(): return ProcessPoolExecutor(4)"'
_FIRST = 600.0  # seconds for the first answer: a batch system may queue the worker
_LOOK = 1.0  # seconds between two checks whether the study has ended
_MISSES = 3  # looks in a row without a marker; a network file system may miss one while it is renewed
_SILENT = 180.0  # seconds without a sign of the study after which it has ended; network file systems delay them
_CANCELLED = 30.0  # seconds that cancelled trials have to end
_TRIES = 3  # times that a trial runs for which the executor raises an error of its own

Packed = tuple[TrialResult, "PackedRun | None"]


@contextmanager
def executor_of(name: str, jobs: int | None = None) -> Iterator[PoolExecutor]:
    """The executor that the function MODULE:FACTORY returns, itself or as a context manager. jobs: at a time; None: as
    many as it has workers.

    Raises InvalidInput if there is no such function, or if it does not return an executor.
    """
    with ExitStack() as stack:
        markers = Markers()
        stack.callback(markers.remove)  # after the executor is shut down
        pool = _entered(name, _made_by(name), stack)
        executor = PoolExecutor(pool, name, jobs or _workers(pool), markers)
        stack.callback(executor.cancel)
        yield executor


def _made_by(name: str) -> Any:
    if not _NAME.fullmatch(name):
        raise InvalidInput(f"{shown(name)} is not MODULE:FACTORY", hint=_FORM)
    module_name, _, function_name = name.partition(":")
    if (here := str(Path.cwd())) not in sys.path:  # as `python -m` finds modules
        sys.path.insert(0, here)
    try:
        module = importlib.import_module(module_name)
    except Exception as error:  # whatever the user's module raises
        message = f"the module {module_name} cannot be imported: {type(error).__name__}: {error}"
        raise InvalidInput(message, hint="install what it needs next to contexta") from error
    factory = getattr(module, function_name, None)
    if not callable(factory):
        raise InvalidInput(f"the module {module_name} has no function {function_name}", hint=_FORM)
    try:
        return factory()
    except Exception as error:  # as above
        raise InvalidInput(f"{name} failed: {type(error).__name__}: {error}", hint=_FORM) from error


def _entered(name: str, made: Any, stack: ExitStack) -> Any:
    """The executor itself; it is shut down with the stack."""
    try:
        pool = stack.enter_context(made) if hasattr(made, "__exit__") else made
    except Exception as error:  # whatever the user's module raises
        raise InvalidInput(f"{name} failed: {type(error).__name__}: {error}", hint=_FORM) from error
    if not callable(getattr(pool, "submit", None)):
        message = f"{name} returned {type(pool).__name__}, not an executor of concurrent.futures"
        raise InvalidInput(message, hint=_FORM)
    return pool


def _workers(pool: Any) -> int:
    """The number of workers, where the executor says it; else 1."""
    for name in ("_max_workers", "max_workers"):  # of the standard library; of executorlib
        workers = getattr(pool, name, None)
        if isinstance(workers, int) and workers > 0:
            return workers
    return 1


class PoolExecutor(Executor):
    """pool: an executor of ``concurrent.futures``. name: for messages. markers: removed by the caller."""

    def __init__(self, pool: Any, name: str, jobs: int, markers: Markers) -> None:
        self.jobs = jobs
        self._pool = pool
        self._name = name
        # computed here, because threads do not share the context of option names
        self._resume_hint = f"{resume_call()} continues"
        self._markers = markers
        self._open: dict[Future[TrialResult], Future[Packed]] = {}  # our future -> the future of the pool

    def require_ready(self, job: TrialJob) -> None:
        try:
            version, lack = self._pool.submit(version_and_lack, job).result(timeout=_FIRST)
        except Exception as error:  # whatever the executor raises
            message = f"a worker of {self._name} cannot run trials: {type(error).__name__}: {error}"
            hint = f"install contexta {__version__} with its extra reproduce on the workers"
            raise InvalidInput(message, hint=hint) from error
        if version != __version__:
            raise InvalidInput(f"a worker of {self._name} has contexta {version}, not {__version__}")
        if lack is not None:
            raise InvalidInput(f"a worker of {self._name} is not ready: {lack}")

    def submit(self, job: TrialJob) -> Future[TrialResult]:
        outer: Future[TrialResult] = Future()
        self._start(job, outer, 1)
        return outer

    def cancel(self) -> None:
        opened = list(self._open.items())
        self._markers.end()
        for outer, inner in opened:
            inner.cancel()
            outer.cancel()
        deadline = time.monotonic() + _CANCELLED
        while any(not inner.done() for _, inner in opened) and time.monotonic() < deadline:
            time.sleep(_LOOK / 10)

    def _start(self, job: TrialJob, outer: Future[TrialResult], attempt: int) -> None:
        try:
            inner = self._pool.submit(_run_on_worker, job, self._markers.of(Path(str(job.workspace))))
        except Exception as error:  # noqa: BLE001  # whatever the executor raises: who waits for the trial gets it
            settle(outer, self._given_up(error))
        else:
            self._open[outer] = inner
            inner.add_done_callback(lambda done: self._finish(job, outer, done, attempt))

    def _finish(self, job: TrialJob, outer: Future[TrialResult], inner: Future[Packed], attempt: int) -> None:
        """Set the result of a job, after its run is in the workspace."""
        self._open.pop(outer, None)
        if outer.done():
            return None
        try:
            result, files = inner.result()
            if files is not None:
                fetch_packed(files, result, Path(str(job.workspace)))
        except ContextaError as error:
            return settle(outer, error)
        except CancelledError as error:
            return settle(outer, self._given_up(error))
        except Exception as error:  # noqa: BLE001  # whatever the executor raises
            return self._start(job, outer, attempt + 1) if attempt < _TRIES else settle(outer, self._given_up(error))
        return settle(outer, result)

    def _given_up(self, error: BaseException) -> ContextaError:
        message = f"the executor {self._name} gave up a trial: {type(error).__name__}: {error}"
        return ContextaError(message, hint=self._resume_hint)


def _run_on_worker(job: TrialJob, marker: Marker) -> Packed:
    """On a worker: run a job until it ends or the study has ended. Returns its result, and the files of its run unless
    they are in the workspace."""
    stop, ended = threading.Event(), threading.Event()
    workspace = Path(str(job.workspace))
    if marker.has_ended(workspace):
        raise ContextaError("the study has ended")
    if marker.is_in(workspace):
        threading.Thread(target=_watch, args=(marker, workspace, stop, ended), daemon=True).start()
    try:
        result, run = run_on_worker(job, marker, stop)
    except Stopped as error:  # it cannot be pickled, and no caller waits for this trial
        raise ContextaError(str(error)) from None
    finally:
        ended.set()
    return result, None if run is None else packed(run)


def _watch(marker: Marker, workspace: Path, stop: threading.Event, ended: threading.Event) -> None:
    """Stop the trial of a study that has ended, or that gave no sign for a long time."""
    sign, last_sign, misses = marker.sign(workspace), time.monotonic(), 0
    while misses < _MISSES and time.monotonic() - last_sign < _SILENT and not marker.has_ended(workspace):
        if ended.wait(_LOOK):
            return
        latest = marker.sign(workspace)
        misses = misses + 1 if latest is None else 0
        if latest not in (None, sign):
            sign, last_sign = latest, time.monotonic()
    stop.set()
