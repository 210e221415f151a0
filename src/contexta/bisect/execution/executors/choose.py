"""The executors that a request can name."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Literal

from contexta.bisect.execution.executors import dask, pool
from contexta.bisect.execution.executors.executor import Executor
from contexta.bisect.execution.executors.local import LocalExecutor, automatic

OPENED_BY: dict[str, Callable[[str, int | None], AbstractContextManager[Executor]]] = {
    "dask": dask.executor_at,
    "executor": pool.executor_of,
}
"""Option of a request -> function that opens the executor at its value, with a number of jobs at a time."""


@contextmanager
def open_executor(
    addresses: dict[str, str | None], jobs: int | Literal["auto"] | None, announce: Callable[[str], None]
) -> Iterator[Executor]:
    """addresses: option -> its value; None if it is not used. jobs: at a time; ``auto``: as many as there is room for;
    None: one, on a cluster as many as it has workers. announce: receives what was decided for ``auto``."""
    for option, open_at in OPENED_BY.items():
        if (address := addresses.get(option)) is not None:
            with open_at(address, None if jobs == "auto" else jobs) as executor:
                yield executor
            return
    yield automatic(announce) if jobs == "auto" else LocalExecutor(jobs or 1)
