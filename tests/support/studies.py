"""Studies without noise and without a process, for tests of what is made of them."""

from __future__ import annotations

from contexta.bisect.execution.trial import Report
from contexta.bisect.inference.observations import Result
from contexta.bisect.reporting.advice import Here
from contexta.bisect.reporting.report import Trial, report
from contexta.bisect.search.search import Probe, Problem, Settings, decide
from contexta.bisect.space.changes import End, Metadata, Space, space_between
from contexta.findings.bisect import BisectReport


def a_space(*names: str, requires: dict[tuple[str, str], Metadata] | None = None) -> Space:
    old, new = (End(dict.fromkeys(names, version), "3.11.7", {}) for version in ("1.0", "2.0"))
    return space_between(old, new, requires or {}, lambda release, end: True)


def studied(
    space: Space,
    worse: dict[frozenset[str], float],
    *,
    higher_is_better: bool = True,
    max_runs: int = 60,
    here: Here | None = None,
) -> BisectReport:
    """A study without noise: every set of changes that is all at NEW adds what it says to the damage."""
    sign, trials = (1.0 if higher_is_better else -1.0), list[Trial]()
    problem = Problem(space.mixes, space.weights(), Settings(max_runs=max_runs))
    while isinstance(step := decide(problem, [trial.result for trial in trials]), Probe):
        on = set(space.keys(step.mix))
        value = 0.9 - sign * sum(damage for keys, damage in worse.items() if keys <= on)
        trials.append(Trial(step, Result(step.mix, step.seed, sign * value), Report(value, "", 1.0)))
    return report(space, step, trials, metric="m", higher_is_better=higher_is_better, here=here or Here())
