"""Trials on this machine, each in a thread that waits for its processes."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from queue import SimpleQueue

from contexta.bisect.execution.executors.executor import Executor
from contexta.bisect.execution.executors.room import DEVICES, Measurement, Room, visible_devices
from contexta.bisect.execution.run_job import run_job
from contexta.bisect.execution.trial_job import TrialJob, TrialResult


class LocalExecutor(Executor):
    is_remote = False

    def __init__(self, jobs: int) -> None:
        self.jobs = jobs
        self._stop = threading.Event()
        self._pool: ThreadPoolExecutor | None = None

    def require_ready(self, job: TrialJob) -> None:
        """This machine built the environments, and has the source."""

    def submit(self, job: TrialJob) -> Future[TrialResult]:
        if self._pool is None:
            self._pool = ThreadPoolExecutor(max(self.jobs, os.cpu_count() or 1), "trial")
        return self._pool.submit(self._run, job, self._stop)

    def cancel(self) -> None:
        if self._pool is not None:
            self._stop.set()
            self._pool.shutdown(cancel_futures=True)
            self._stop.clear()
            self._pool = None

    def _run(self, job: TrialJob, stop: threading.Event) -> TrialResult:
        return run_job(job, stop)


class OnePerDevice(LocalExecutor):
    """One trial at a time on each GPU. devices: as CUDA_VISIBLE_DEVICES names them."""

    def __init__(self, devices: tuple[str, ...]) -> None:
        super().__init__(len(devices))
        self._free: SimpleQueue[str] = SimpleQueue()
        for device in devices:
            self._free.put(device)

    def _run(self, job: TrialJob, stop: threading.Event) -> TrialResult:
        device = self._free.get()
        try:
            return run_job(replace(job, variables={**job.variables, DEVICES: device}), stop)
        finally:
            self._free.put(device)


class AsManyAsFit(LocalExecutor):
    """One trial first, and then as many at a time as this machine has room for. announce: receives the decision."""

    def __init__(self, announce: Callable[[str], None]) -> None:
        super().__init__(1)
        self._announce = announce
        self._is_decided = False

    def _run(self, job: TrialJob, stop: threading.Event) -> TrialResult:
        if self._is_decided:
            return run_job(job, stop)
        with Measurement() as measurement:
            result = run_job(job, stop)
        if result.value is not None:
            self._is_decided = True
            self._decide(measurement)
        return result

    def _decide(self, measurement: Measurement) -> None:
        usage, room = measurement.usage(), Room.here()
        if usage is None:
            return self._announce("one trial runs at a time: what it uses can be measured on Linux only")
        self.jobs = room.jobs(usage)
        memory = "" if room.memory is None else f" and {_gigabytes(usage.memory)} of {_gigabytes(room.memory)} GB"
        used = f"the first one used {usage.cores:.1f} of {room.cores:g} cores{memory}"
        self._announce(f"{self.jobs} trial{'s' if self.jobs > 1 else ''} at a time: {used}")
        return None


def automatic(announce: Callable[[str], None]) -> LocalExecutor:
    """As many trials at a time as this machine has GPUs, without any as it has room for."""
    devices = visible_devices()
    if not devices:
        return AsManyAsFit(announce)
    announce(f"{len(devices)} trial{'s' if len(devices) > 1 else ''} at a time: one per GPU ({', '.join(devices)})")
    return OnePerDevice(devices)


def _gigabytes(size: int) -> str:
    return f"{size / 2**30:.1f}"
