"""Studies without noise and processes, for tests of their reports."""

from __future__ import annotations

from collections.abc import Callable

from contexta.bisect.execution.trial_job import TrialResult
from contexta.bisect.inference.observations import Observation
from contexta.bisect.reporting.advice import Here
from contexta.bisect.reporting.finished_trial import Trial
from contexta.bisect.reporting.report import report
from contexta.bisect.search.problem import Probe, Problem, Settings, Verdict
from contexta.bisect.search.search import decide
from contexta.bisect.space.changes import End, Metadata, Space, space_between
from contexta.findings.bisect import BisectReport, BisectStatus, PossibleCause, RunningTrial
from contexta.recorder.journal.processes import identity


def a_space(*names: str, requires: dict[tuple[str, str], Metadata] | None = None) -> Space:
    old, new = (End(dict.fromkeys(names, version), "3.11.7", {}) for version in ("1.0", "2.0"))
    return space_between(old, new, requires or {}, lambda release, end: True)


def search(
    space: Space, value: Callable[[Probe, list[Trial]], float], *, sign: float = 1.0, max_runs: int = 60
) -> tuple[Verdict, list[Trial]]:
    """The verdict and its trials. value: of a step, after the trials so far. sign: -1 where lower is better."""
    trials: list[Trial] = []
    problem = Problem(space.mixes, space.weights(), Settings(max_runs=max_runs))
    while isinstance(step := decide(problem, [trial.observation for trial in trials]), Probe):
        trials.append(a_trial(step, value(step, trials), sign))
    return step, trials


def a_trial(step: Probe, value: float, sign: float = 1.0) -> Trial:
    return Trial(step, Observation(step.mix, step.seed, sign * value), TrialResult(value, "", 1.0))


def studied(
    space: Space,
    worse: dict[frozenset[str], float],
    *,
    higher_is_better: bool = True,
    max_runs: int = 60,
    here: Here | None = None,
) -> BisectReport:
    """A study without noise: every set of changes that is completely at NEW adds its damage."""
    sign = 1.0 if higher_is_better else -1.0

    def value(step: Probe, trials: list[Trial]) -> float:
        at_new = set(space.keys(step.mix))
        return 0.9 - sign * sum(damage for keys, damage in worse.items() if keys <= at_new)

    verdict, trials = search(space, value, sign=sign, max_runs=max_runs)
    return report(space, verdict, trials, metric="m", higher_is_better=higher_is_better, here=here or Here())


def status_within(report: BisectReport, trials: int) -> BisectStatus:
    """The status of a study by this process that ends with the report, while the next trial runs."""
    following = report.trials[trials]
    return BisectStatus(
        study="study",
        state="searching",
        metric=report.metric,
        higher_is_better=report.higher_is_better,
        command=("python", "train.py"),
        changes=report.changes,
        old=report.old,
        new=report.new,
        trials=report.trials[:trials],
        running=RunningTrial(
            number=following.number,
            purpose=following.purpose,
            why=following.why,
            at_new=following.at_new,
            seed=following.seed,
            since="2026-01-01T00:00:00.000000Z",
        ),
        suspects=(PossibleCause(changes=report.culprits, probability=0.88),),
        remaining_runs=6,
        remaining_seconds=2160.0,
        max_runs=60,
        updated="2026-01-01T00:00:00.000000Z",
        process=identity(),
    )
