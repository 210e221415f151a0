"""Trials are obtained with no more jobs at a time than asked for."""

from __future__ import annotations

import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from random import Random

import pytest
from support.studies import a_space

from contexta.bisect.execution.executors.executor import Executor
from contexta.bisect.execution.source_files import Source
from contexta.bisect.execution.trial_job import Command, TrialJob, TrialResult
from contexta.bisect.reporting.report import Trial
from contexta.bisect.search.search import Probe, Problem, Verdict, decide
from contexta.bisect.session.environments import Environments
from contexta.bisect.session.setup import Setup
from contexta.bisect.session.trial_runner import TrialRunner
from contexta.bisect.space.changes import End
from contexta.reproduce.uv.commands import find_uv
from contexta.reproduce.uv.interpreters import Interpreter

SPACE = a_space(*"abcdefgh")


class Simulated(Executor):
    """Trials that take no environment; they end in another order than they began."""

    def __init__(self, jobs: int, noise: float, seed: int) -> None:
        self.jobs, self._noise, self._random = jobs, noise, Random(seed)
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
        bad = job.recipe.pins["c"] == "2.0"
        value = 0.9 - 0.05 * bad + Random(f"{job.seed} {sorted(job.recipe.pins.items())}").gauss(0, self._noise)
        with self._lock:
            self.running -= 1
        return TrialResult(value, "", seconds)

    def cancel(self) -> None:
        self._pool.shutdown(cancel_futures=False)


def study(tmp_path: Path, executor: Executor) -> tuple[Verdict, list[Trial]]:
    python = Interpreter("/python", "3.11.7", {})
    old, new = (End(dict.fromkeys("abcdefgh", version), "3.11.7", {}) for version in ("1.0", "2.0"))
    command = Command(("python", "train.py"), "accuracy", str(tmp_path))
    setup = Setup(old, new, {"old": python, "new": python}, command, tmp_path / "study", tmp_path)
    runner = TrialRunner(setup, SPACE, Environments(setup, find_uv()), executor, Source((), ""), "", {})
    problem = Problem(SPACE.mixes, SPACE.weights(), setup.settings)
    trials: list[Trial] = []
    while isinstance(step := decide(problem, [trial.observation for trial in trials]), Probe):
        trials.append(runner.obtain(problem, step, trials))
    runner.cancel()
    return step, trials


@pytest.mark.parametrize("noise", [0.0, 0.02])
def test_no_more_trials_run_at_a_time_than_there_are_jobs_and_the_verdict_is_that_of_one(
    tmp_path: Path, noise: float
) -> None:
    one = Simulated(1, noise, 0)
    verdict, trials = study(tmp_path, one)
    assert (one.most, one.ran) == (1, len(trials))
    for seed in range(6):
        for jobs in (2, 3, 5):
            executor = Simulated(jobs, noise, seed)
            found, others = study(tmp_path, executor)
            assert 1 < executor.most <= jobs
            assert [trial.step for trial in others] == [trial.step for trial in trials]
            assert found == verdict
