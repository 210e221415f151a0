"""The executors that a request can name."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

from contexta.bisect.execution.executors import dask, pool
from contexta.bisect.execution.executors.executor import Executor
from contexta.bisect.execution.executors.local import LocalExecutor

OPENED_BY: dict[str, Callable[[str, int | None], AbstractContextManager[Executor]]] = {
    "dask": dask.executor_at,
    "executor": pool.executor_of,
}
"""Option of a request -> function that opens the executor at its value, with a number of jobs at a time."""


@contextmanager
def open_executor(addresses: dict[str, str | None], jobs: int | None) -> Iterator[Executor]:
    """addresses: option -> its value; None if it is not used. jobs: at a time; None: as many as the executor has room
    for."""
    for option, open_at in OPENED_BY.items():
        if (address := addresses.get(option)) is not None:
            with open_at(address, jobs) as executor:
                yield executor
            return
    yield LocalExecutor(jobs or 1)
