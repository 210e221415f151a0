"""Trials on this machine, each in a thread that waits for its processes."""

from __future__ import annotations

import threading
from concurrent.futures import Future, ThreadPoolExecutor

from contexta.bisect.execution.executors.executor import Executor
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
            self._pool = ThreadPoolExecutor(self.jobs, "trial")
        return self._pool.submit(run_job, job, self._stop)

    def cancel(self) -> None:
        if self._pool is not None:
            self._stop.set()
            self._pool.shutdown(cancel_futures=True)
            self._stop.clear()
            self._pool = None
