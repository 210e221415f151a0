"""Studies of trainings that repeat only up to jitter: the real rule and search, without processes."""

from __future__ import annotations

import math
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from random import Random

from contexta.bisect.execution.executors.executor import Executor
from contexta.bisect.execution.isolation.source_files import Source
from contexta.bisect.execution.trial_job import Command, TrialJob, TrialResult
from contexta.bisect.reporting.finished_trial import Trial
from contexta.bisect.search.problem import Probe, Problem, Verdict
from contexta.bisect.search.search import decide
from contexta.bisect.session.environments import TrialEnvironments
from contexta.bisect.session.setup import Setup
from contexta.bisect.session.trial_runner import TrialRunner
from contexta.bisect.space.changes import End
from contexta.bisect.trajectories.live import LiveTrajectory
from contexta.bisect.trajectories.trajectory import encoded
from contexta.core import settings
from contexta.recorder.journal.objects import Objects
from contexta.reproduce.uv.commands import find_uv
from contexta.reproduce.uv.interpreters import Interpreter
from support.studies import a_space

NAMES = "abcdefghijkl"
EPOCHS = 40


@dataclass(frozen=True)
class Training:
    """A training of 40 epochs. Changes are named by their packages."""

    culprit: str = "d"
    """Lowers the value by four standard deviations of the seeds; empty for none."""
    cause_from: float = 0
    """The epoch from which the culprit moves the loss; inf if it acts only in the evaluation."""
    mover: str = ""
    """A harmless change that moves the loss, but not the value."""
    perturbing: str = ""
    """Harmless changes that draw other random numbers."""
    jitter: float = 1e-7
    growth: float = 1.3
    drop: float = 0.04

    def run(self, at_new: frozenset[str], seed: int, own: Random) -> tuple[list[float], float]:
        """(loss per epoch, value). own: what no seed determines."""
        noise = Random(f"{seed} {sorted(at_new & set(self.perturbing))}")
        value, loss = 0.9 + noise.gauss(0, 0.01), 2.0 + noise.random()
        amplitude, losses = own.gauss(0, self.jitter), []
        for epoch in range(EPOCHS):
            loss *= 0.95 + 0.01 * noise.random()
            loss *= 1.001 if self.culprit in at_new and self.culprit and epoch >= self.cause_from else 1.0
            loss *= 1.0005 if self.mover in at_new and self.mover else 1.0
            amplitude *= self.growth
            losses.append(loss * (1 + amplitude * (1 + 0.3 * own.gauss(0, 1))))
        bad = bool(self.culprit) and self.culprit in at_new
        return losses, value - self.drop * bad + amplitude / 100


class Logging(Executor):
    """Runs trainings at once, and stops them by the rule of the study."""

    jobs = 1

    def __init__(self, training: Training, workspace: Path, number: int) -> None:
        self._training, self._workspace, self._number = training, workspace, number
        self._objects = Objects(workspace / settings.OBJECTS)
        self.cost, self._own = 0.0, Random(number)

    def require_ready(self, job: TrialJob) -> None: ...

    def cancel(self) -> None: ...

    def submit(self, job: TrialJob) -> Future[TrialResult]:
        assert job.recipe is not None
        assert job.early is not None
        at_new = frozenset(name for name, version in job.recipe.pins.items() if version == "2.0")
        losses, value = self._training.run(at_new, 1000 * self._number + job.seed, self._own)
        live, epochs = LiveTrajectory(job.early, self._workspace / "none", None), 0
        for epoch, loss in enumerate(losses):
            live.receive(0, f"epoch={epoch} loss={loss:.10g}\n".encode())
            epochs = epoch + 1
            if live.is_set():
                break
        assert not live.fault, live.fault
        self.cost += epochs / EPOCHS
        followed = live.followed
        value = followed.value if followed is not None and followed.stopped else value
        content = encoded(live.finish())
        result: Future[TrialResult] = Future()
        run = f"bisect.{job.seed}-{self.cost:.4f}"
        digest = self._objects.put(content)
        result.set_result(TrialResult(value, "", 1.0, measured=value, run=run, followed=followed, trajectory=digest))
        return result


def study(training: Training, workspace: Path, number: int = 0) -> tuple[Verdict, tuple[str, ...], list[Trial], float]:
    """(verdict, its culprits, trials, cost in whole trainings)."""
    space, python = a_space(*NAMES), Interpreter("/python", "3.11.7", {})
    old, new = (End(dict.fromkeys(NAMES, version), "3.11.7", {}) for version in ("1.0", "2.0"))
    command = Command(("python", "train.py"), "accuracy", str(workspace))
    setup = Setup(old, new, {"old": python, "new": python}, command, workspace / "study", workspace, early_after=3)
    executor = Logging(training, workspace, number)
    runner = TrialRunner(setup, space, TrialEnvironments(setup, find_uv()), executor, Source((), ""), "", {})
    problem = Problem(space.mixes, space.weights(), setup.settings)
    trials: list[Trial] = []
    while isinstance(step := decide(problem, [trial.observation for trial in trials]), Probe):
        trials.append(runner.obtain(problem, step, trials))
    assert not math.isnan(executor.cost)
    return step, space.keys(step.culprits), trials, executor.cost
