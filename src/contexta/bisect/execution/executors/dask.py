"""Trials on a Dask cluster. The only module that imports distributed.

A worker needs uv, Contexta and the source at the same path. Dask reruns the trial of a dead worker on another one, and
gives up after several dead workers. A trial ends when the scheduler has forgotten it. So trials end with their study,
also when that is killed.
"""

from __future__ import annotations

import re
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from contexta import __version__
from contexta.bisect.execution.executors import remote_run
from contexta.bisect.execution.executors.executor import Executor
from contexta.bisect.execution.executors.remote_run import Marker, Markers, RemoteRun, fetch, settle, version_and_lack
from contexta.bisect.execution.trial import lost_trial
from contexta.bisect.execution.trial_job import TrialJob, TrialResult
from contexta.bisect.option_names import resume_call
from contexta.core.errors import ContextaError, InvalidInput, shown
from contexta.core.own_source import install_hint

_CONNECT = 30.0  # seconds
_LOOK = 1.0  # seconds between two checks whether a trial was cancelled
_ALONE = 60.0  # seconds without any worker after which a study ends
_CANCELLED = 30.0  # seconds that cancelled trials have to end
_TRIES = 3  # times that a trial runs whose files could not be fetched
_ADDRESS = re.compile(r"((tcp|tls|ucx|ws|wss)://)?(\[[0-9a-fA-F:.]+\]|[\w.-]+):\d{1,5}")
_AS_IN = "the scheduler prints it when it starts, as in tcp://10.0.0.1:8786"
_MOST_NAMED = 3  # workers that one message names
_RUNNING = Counter[str]()  # on a worker: content of the marker of a study -> its running trials


@contextmanager
def executor_at(address: str, jobs: int | None = None) -> Iterator[DaskExecutor]:
    """The cluster with this scheduler. jobs: at a time; None: all threads of its workers.

    Raises InvalidInput when no scheduler answers, or it has no worker.
    """
    try:
        from distributed import Client
    except ImportError as error:
        raise InvalidInput("a cluster needs the package distributed", hint=install_hint("dask")) from error
    if not _ADDRESS.fullmatch(address):
        raise InvalidInput(f"{shown(address)} is no scheduler's address", hint=_AS_IN)
    try:
        client: Any = Client(address, timeout=_CONNECT, set_as_default=False)  # type: ignore[no-untyped-call,unused-ignore]  # distributed has no types
    except OSError as error:
        raise InvalidInput(f"no Dask scheduler answers at {address}: {error}", hint=_AS_IN) from error
    with client:
        try:
            client.wait_for_workers(1, timeout=_CONNECT)
        except TimeoutError as error:
            raise InvalidInput(
                f"the cluster at {address} has no worker", hint=f"dask worker {address} --nthreads 1"
            ) from error
        executor = DaskExecutor(client, address, jobs or sum(client.nthreads().values()) or 1)
        try:
            yield executor
        finally:
            executor.close()


class DaskExecutor(Executor):
    def __init__(self, client: Any, address: str, jobs: int) -> None:
        self.address = address
        self.jobs = jobs
        # computed here, because threads do not share the context of option names
        self._resume_hint = f"{resume_call()} continues"
        self._client = client
        self._open: dict[Future[TrialResult], Any] = {}  # our future -> the future of Dask
        self._fetching = ThreadPoolExecutor(2, "fetch")
        self._markers = Markers()
        self._ended = threading.Event()
        threading.Thread(target=self._watch, name="cluster", daemon=True).start()

    def require_ready(self, job: TrialJob) -> None:
        answers = self._client.run(version_and_lack, job, on_error="return")
        faults = [
            f"{worker}: {fault}" for worker, answer in sorted(answers.items()) if (fault := _fault(answer)) is not None
        ]
        if faults:
            raise InvalidInput(f"workers are not ready: {'; '.join(faults[:_MOST_NAMED])}", hint="mend or remove them")

    def submit(self, job: TrialJob) -> Future[TrialResult]:
        outer: Future[TrialResult] = Future()
        self._start(job, outer, 1)
        return outer

    def cancel(self) -> None:
        cancelled = list(self._open.items())
        for outer, inner in cancelled:
            inner.cancel()
            outer.cancel()
        deadline = time.monotonic() + (_CANCELLED if cancelled else 0.0)
        with suppress(Exception):  # an unreachable scheduler runs nothing
            while time.monotonic() < deadline and self._is_running():
                time.sleep(_LOOK / 10)

    def close(self) -> None:
        self._ended.set()
        self.cancel()
        self._fetching.shutdown()
        self._markers.remove()

    def _is_running(self) -> bool:
        """Whether a worker still runs a trial of this study. A cancelled trial stops within a second."""
        return any(self._markers.contents & running for running in self._client.run(_running_studies).values())

    def _start(self, job: TrialJob, outer: Future[TrialResult], attempt: int) -> None:
        inner = self._client.submit(_run_on_worker, job, self._markers.of(Path(str(job.workspace))), pure=False)
        self._open[outer] = inner

        def take_result(_: object) -> None:
            with suppress(RuntimeError):  # the study has ended, and waits for no result
                self._fetching.submit(self._finish, job, outer, inner, attempt)

        inner.add_done_callback(take_result)

    def _finish(self, job: TrialJob, outer: Future[TrialResult], inner: Any, attempt: int) -> None:
        """Set the result of a job, after its run is in the workspace."""
        from distributed import KilledWorker

        self._open.pop(outer, None)
        if outer.done():
            return None
        try:
            if inner.cancelled():
                raise ContextaError(f"the cluster at {self.address} cancelled a trial", hint=self._resume_hint)
            result, run, worker = inner.result()
        except KilledWorker:
            reason = "its worker died, and so did the workers that ran it again"
            return settle(outer, lost_trial(job, reason))
        except BaseException as error:  # noqa: BLE001  # whatever the trial raised: who waits for it gets it
            return settle(outer, error)
        if run is None:
            return settle(outer, result)
        try:
            self._fetch(job, result, run, worker)
        except Exception as error:  # noqa: BLE001  # of the network, or of Dask about a worker that is gone
            if attempt < _TRIES:
                return self._start(job, outer, attempt + 1)
            message = f"the run of a trial could not be fetched from {worker}: {error}"
            return settle(outer, ContextaError(message, hint=self._resume_hint))
        return settle(outer, result)

    def _fetch(self, job: TrialJob, result: TrialResult, run: RemoteRun, worker: str) -> None:
        def read(*arguments: Any) -> bytes:
            content: bytes = self._client.run(remote_run.read_chunk, *arguments, workers=[worker])[worker]
            return content

        fetch(run, result, Path(str(job.workspace)), read)
        self._client.run(remote_run.remove, run.folder, workers=[worker], on_error="ignore")

    def _watch(self) -> None:
        """End open trials if there is no worker for too long. Dask itself would wait for ever."""
        without = 0.0
        pause = _ALONE / 10
        while not self._ended.wait(pause):
            without = 0.0 if self._worker_count() else without + pause
            if without >= _ALONE:
                for outer in list(self._open):
                    settle(outer, self._abandoned())
                without = 0.0

    def _abandoned(self) -> ContextaError:
        message = f"the cluster at {self.address} has no worker any more"
        return ContextaError(message, hint=f"start one; then {self._resume_hint}: finished trials are kept")

    def _worker_count(self) -> int:
        try:
            return len(self._client.nthreads())
        except Exception:  # noqa: BLE001  # whatever a scheduler that went away makes the client raise
            return 0


def _fault(answer: Any) -> str | None:
    """The reason why a worker cannot run trials. answer: the result of ``version_and_lack``, or its error."""
    if isinstance(answer, BaseException):
        return f"cannot load contexta {__version__}: {answer}"
    version, lack = answer
    if version != __version__:
        return f"has contexta {version}, not {__version__}"
    return None if lack is None else str(lack)


def _running_studies() -> set[str]:
    """On a worker."""
    return {content for content, count in _RUNNING.items() if count}


def _run_on_worker(job: TrialJob, marker: Marker) -> tuple[TrialResult, RemoteRun | None, str]:
    """On a worker: run a job until it ends or the scheduler has forgotten it. Returns its result and the worker's
    address."""
    from distributed import get_worker

    worker = get_worker()
    key = worker.get_current_task()
    stop, ended = threading.Event(), threading.Event()

    def watch() -> None:
        while not ended.wait(_LOOK):
            task = worker.state.tasks.get(key)
            if task is None or task.state == "cancelled":
                stop.set()
                return

    threading.Thread(target=watch, daemon=True).start()
    _RUNNING[marker.content] += 1
    try:
        return (*remote_run.run_on_worker(job, marker, stop), worker.address)
    finally:
        ended.set()
        _RUNNING[marker.content] -= 1
