"""Executors without processes."""

from __future__ import annotations

import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from random import Random

from contexta.bisect.execution.executors.executor import Executor
from contexta.bisect.execution.trial_job import TrialJob, TrialResult


class Simulated(Executor):
    """Trials that take no environment; they end in another order than they began."""

    def __init__(self, jobs: int, culprit: str, noise: float = 0.0, seed: int = 0) -> None:
        """culprit: the package whose release 2.0 is worse."""
        self.jobs, self._culprit, self._noise, self._random = jobs, culprit, noise, Random(seed)
        self._pool = ThreadPoolExecutor(4 * jobs)
        self._lock = threading.Lock()
        self.most = self.running = self.ran = 0

    def require_ready(self, job: TrialJob) -> None: ...

    def submit(self, job: TrialJob) -> Future[TrialResult]:
        with self._lock:
            self.running += 1
            self.ran += 1
            self.most = max(self.most, self.running)
            seconds = self._random.random() / 500
        return self._pool.submit(self._run, job, seconds)

    def _run(self, job: TrialJob, seconds: float) -> TrialResult:
        time.sleep(seconds)
        assert job.recipe is not None
        bad = job.recipe.pins[self._culprit] == "2.0"
        value = 0.9 - 0.05 * bad + Random(f"{job.seed} {sorted(job.recipe.pins.items())}").gauss(0, self._noise)
        with self._lock:
            self.running -= 1
        return TrialResult(value, "", seconds)

    def cancel(self) -> None:
        self._pool.shutdown(cancel_futures=False)
