"""Trials never exceed the requested number of parallel jobs."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.executors import Simulated
from support.studies import a_space

from contexta.bisect.execution.executors.executor import Executor
from contexta.bisect.execution.isolation.source_files import Source
from contexta.bisect.execution.trial_job import Command
from contexta.bisect.reporting.finished_trial import Trial
from contexta.bisect.search.problem import Probe, Problem, Verdict
from contexta.bisect.search.search import decide
from contexta.bisect.session.environments import TrialEnvironments
from contexta.bisect.session.setup import Setup
from contexta.bisect.session.trial_runner import TrialRunner
from contexta.bisect.space.changes import End
from contexta.reproduce.uv.commands import find_uv
from contexta.reproduce.uv.interpreters import Interpreter

SPACE = a_space(*"abcdefgh")


def study(tmp_path: Path, executor: Executor) -> tuple[Verdict, list[Trial]]:
    python = Interpreter("/python", "3.11.7", {})
    old, new = (End(dict.fromkeys("abcdefgh", version), "3.11.7", {}) for version in ("1.0", "2.0"))
    command = Command(("python", "train.py"), "accuracy", str(tmp_path))
    setup = Setup(old, new, {"old": python, "new": python}, command, tmp_path / "study", tmp_path)
    runner = TrialRunner(setup, SPACE, TrialEnvironments(setup, find_uv()), executor, Source((), ""), "", {})
    problem = Problem(SPACE.mixes, SPACE.weights(), setup.settings)
    trials: list[Trial] = []
    while isinstance(step := decide(problem, [trial.observation for trial in trials]), Probe):
        trials.append(runner.obtain(problem, step, trials))
    runner.cancel()
    return step, trials


@pytest.mark.slow
@pytest.mark.parametrize("noise", [0.0, 0.02])
def test_parallel_trials_are_limited_to_jobs_and_give_the_same_verdict(tmp_path: Path, noise: float) -> None:
    simulated = Simulated(1, "c", noise)
    verdict, trials = study(tmp_path, simulated)
    assert (simulated.most, simulated.ran) == (1, len(trials))
    for seed in range(6):
        for jobs in (2, 3, 5):
            executor = Simulated(jobs, "c", noise, seed)
            result, others = study(tmp_path, executor)
            assert 1 < executor.most <= jobs
            assert [trial.step for trial in others] == [trial.step for trial in trials]
            assert result == verdict
