"""A Dask cluster as an executor: the only place that knows distributed.

A worker needs uv, the code of Contexta and the source at the same path. Dask itself gives the trial of a worker that
died to another one, and gives up when several died of it; ``WorkerLost`` says so. Whoever ends a study, or kills it,
ends its trials on the workers too: a trial watches whether the scheduler still wants it.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from contextlib import contextmanager
from typing import Any, TypeVar

from contexta import __version__
from contexta.bisect.execution.job import Errand, WorkerLost, machine_is_ready
from contexta.core.errors import ContextaError, InvalidInput, shown

_CONNECT = 30.0  # seconds
_LOOK = 1.0  # seconds between two looks at whether a trial is still wanted
_ALONE = 60.0  # seconds without any worker after which nobody is waited for
_ADDRESS = re.compile(r"((tcp|tls|ucx|ws|wss)://)?(\[[0-9a-fA-F:.]+\]|[\w.-]+):\d{1,5}")
_AS_IN = "the scheduler says it when it starts; as in tcp://10.0.0.1:8786"
_MOST_TOLD = 3  # workers whose troubles are told

Result = TypeVar("Result")


@contextmanager
def cluster_at(address: str) -> Iterator[Cluster]:
    """The cluster whose scheduler has this address. Raises InvalidInput when none answers, or it has no worker."""
    try:
        from distributed import Client
    except ImportError as error:
        raise InvalidInput("a cluster needs the package distributed", hint='pip install "contexta[dask]"') from error
    if not _ADDRESS.fullmatch(address):
        raise InvalidInput(f"{shown(address)} is no scheduler's address", hint=_AS_IN)
    try:
        client: Any = Client(address, timeout=_CONNECT, set_as_default=False)  # type: ignore[no-untyped-call,unused-ignore]  # distributed says no types
    except OSError as error:
        raise InvalidInput(f"no Dask scheduler answers at {address}: {error}", hint=_AS_IN) from error
    with client:
        try:
            client.wait_for_workers(1, timeout=_CONNECT)
        except TimeoutError as error:
            raise InvalidInput(
                f"the cluster at {address} has no worker", hint=f"dask worker {address} --nthreads 1"
            ) from error
        cluster = Cluster(client, address)
        try:
            yield cluster
        finally:
            cluster.shutdown(wait=False)


class Cluster(Executor):
    """What is submitted runs on some worker, with ``stop``: an event that is set when nobody wants it any more."""

    def __init__(self, client: Any, address: str) -> None:
        self.address = address
        self._client = client
        self._inner = client.get_executor(pure=False)  # pure: the same call twice would be one
        self._open: set[Future[Any]] = set()
        self._ended = threading.Event()
        threading.Thread(target=self._watch, name="cluster", daemon=True).start()

    @property
    def size(self) -> int:
        """How many trials it runs at a time."""
        return sum(self._client.nthreads().values()) or 1

    def require_ready(self, sample: Errand) -> None:
        """Raises InvalidInput with what workers lack to run such an errand."""
        told = self._client.run(_look, sample, on_error="return")
        wrong = []
        for worker, said in sorted(told.items()):
            if isinstance(said, BaseException):
                said = f"cannot load contexta {__version__}: {said}"
            elif said[0] != __version__:
                said = f"has contexta {said[0]}, not {__version__}"
            else:
                said = said[1]
            if said:
                wrong.append(f"{worker}: {said}")
        if wrong:
            raise InvalidInput(f"workers are not ready: {'; '.join(wrong[:_MOST_TOLD])}", hint="mend or remove them")

    def submit(self, fn: Callable[..., Result], /, *args: Any, **kwargs: Any) -> Future[Result]:
        from distributed import KilledWorker

        outer: Future[Result] = Future()
        inner = self._inner.submit(_wanted, fn, *args, **kwargs)

        def settle(done: Future[Result]) -> None:
            self._open.discard(outer)
            if outer.done():
                return
            error = None if done.cancelled() else done.exception()
            if done.cancelled():
                outer.set_exception(ContextaError(f"the cluster at {self.address} cancelled a trial"))
            elif isinstance(error, KilledWorker):
                outer.set_exception(WorkerLost("the worker that ran it died, and so did those that tried again"))
            elif error is not None:
                outer.set_exception(error)
            else:
                outer.set_result(done.result())

        def unwanted(future: Future[Result]) -> None:
            if future.cancelled():
                inner.cancel()

        self._open.add(outer)
        outer.add_done_callback(unwanted)
        inner.add_done_callback(settle)
        return outer

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        self._ended.set()
        self._inner.shutdown(wait=wait and not cancel_futures)

    def _watch(self) -> None:
        """Give up on what is open when there is no worker for too long: Dask itself would wait for ever."""
        without = 0.0
        pause = _ALONE / 10
        while not self._ended.wait(pause):
            without = 0.0 if self._workers() else without + pause
            if without >= _ALONE:
                for future in list(self._open):
                    if not future.done():
                        future.set_exception(_abandoned(self.address))
                without = 0.0

    def _workers(self) -> int:
        try:
            return len(self._client.nthreads())
        except Exception:  # noqa: BLE001  # whatever a scheduler that went away makes the client raise: none answers
            return 0


def _abandoned(address: str) -> ContextaError:
    return ContextaError(
        f"the cluster at {address} has no worker any more",
        hint="start one, then `contexta bisect --resume` goes on: finished trials are kept",
    )


def _look(sample: Errand) -> tuple[str, str | None]:
    """On a worker: (its version of contexta, what it lacks)."""
    return __version__, machine_is_ready(sample)


def _wanted(fn: Callable[..., Result], *args: Any, **kwargs: Any) -> Result:
    """On a worker: the call, told to stop when the scheduler has forgotten it."""
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
    try:
        return fn(*args, **kwargs, stop=stop)
    finally:
        ended.set()


__all__ = ["Cluster", "cluster_at"]
