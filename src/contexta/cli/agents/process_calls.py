"""Tool calls that run as processes: each ends when its caller cancels it, and all end with the server."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

import anyio
import anyio.to_thread

_Answer = TypeVar("_Answer")
_AT_ONCE = 4
_GRACE = 5.0  # seconds for the processes of a call to end


class ProcessCalls:
    def __init__(self) -> None:
        self._limiter = anyio.CapacityLimiter(_AT_ONCE)
        self._running: dict[threading.Event, threading.Event] = {}  # stop flag -> whether the call has ended

    async def run(self, function: Callable[[threading.Event], _Answer]) -> _Answer:
        """Call a function in a thread, with a flag that is set when the caller cancels."""
        stop = threading.Event()

        def call() -> _Answer:
            ended = self._running.setdefault(stop, threading.Event())
            try:
                return function(stop)
            finally:
                ended.set()
                del self._running[stop]

        try:
            return await anyio.to_thread.run_sync(call, limiter=self._limiter, abandon_on_cancel=True)
        finally:
            stop.set()

    def end(self) -> None:
        """Stop all calls, and wait until their processes have ended."""
        running = dict(self._running)
        for stop in running:
            stop.set()
        for ended in running.values():
            ended.wait(_GRACE)
