"""Estimate the duration of a study, before and while it runs. Pure. Only for display, never for decisions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from contexta.bisect.inference.endpoints import judge_endpoints
from contexta.bisect.inference.mix_evidence import MixEvidence
from contexta.bisect.inference.observations import Observation
from contexta.bisect.inference.posterior import infer_posterior
from contexta.bisect.inference.values.outliers import usable_observations
from contexta.bisect.reporting.finished_trial import Trial
from contexta.bisect.reporting.report import counted_observations, suspects
from contexta.bisect.search.problem import Problem, Settings
from contexta.bisect.space.changes import Space
from contexta.bisect.space.lattice import groups_of
from contexta.findings.bisect import BisectPlan, PossibleCause

_ENDS = 7  # least number of runs of the endpoints
_PROOF = 4  # runs for the two facts of a proof, twice each


@dataclass(frozen=True)
class Estimate:
    """The progress of a study."""

    suspects: tuple[PossibleCause, ...]
    """The likeliest first."""
    runs: int
    """The estimated number of remaining runs."""


def plan(space: Space, max_runs: int, *, seconds: float | None = None, notes: Sequence[str] = ()) -> BisectPlan:
    """The plan of a study of this space. Its figures assume a single culprit and no noise.

    seconds: duration of one run of the command, None if unknown.
    """
    weights = space.weights()
    total = sum(weights) or 1.0
    names = [" + ".join(group.keys) for group in space.groups]
    probes = sum(w / total * math.log2(total / w) for w in weights)
    runs = min(max_runs, _ENDS + math.ceil(probes) + _PROOF)
    return BisectPlan(
        changes=tuple(change for group in space.groups for change in group.changes),
        atoms=tuple(group.keys for group in space.groups),
        needs={
            name: tuple(names[other] for other in groups_of(space.mixes.needs[number]) if other != number)
            for number, name in enumerate(names)
            if space.mixes.needs[number] != 1 << number
        },
        prior={name: round(weight / total, 4) for name, weight in zip(names, weights, strict=True)},
        expected_probes=round(probes, 1),
        expected_runs=runs,
        expected_seconds=None if seconds is None else round(runs * seconds, 1),
        max_runs=max_runs,
        notes=tuple(notes),
    )


def estimate(space: Space, problem: Problem, trials: Sequence[Trial]) -> Estimate:
    """The estimate after the trials so far."""
    observations = usable_observations(counted_observations(trials), space.mixes.full)
    left = _runs_left(problem.settings, [trial.observation for trial in trials])
    values = observations.run_count(0), observations.run_count(space.mixes.full)
    ends = judge_endpoints(observations) if all(values) else None
    if ends is None or ends.state != "worse":
        needed = max(_ENDS, 2 * (ends.repeats or 0)) if ends is not None else _ENDS
        total = sum(problem.weights)
        bits = sum(w / total * math.log2(total / w) for w in problem.weights)
        return Estimate((), min(left, max(2, needed - sum(values)) + math.ceil(bits) + _PROOF))
    posterior = infer_posterior(MixEvidence(observations), space.mixes, problem.weights)
    bits = -sum(p * math.log2(p) for p in posterior.marginals if p > 1e-9)
    shown = sum(trial.step.purpose == "proof" for trial in trials)
    return Estimate(suspects(space, posterior), min(left, math.ceil(bits) + max(1, _PROOF - shown)))


def _runs_left(settings: Settings, results: Sequence[Observation]) -> int:
    """How many further trials the budget allows at the pace so far."""
    left, seconds = settings.max_runs - len(results), [result.seconds for result in results]
    if settings.max_hours is not None and any(seconds):
        left = min(left, max(0, int((settings.max_hours * 3600 - sum(seconds)) / median(seconds))))
    return left


def remaining_seconds(runs: int, trials: Sequence[Trial], jobs: int) -> float | None:
    """How long this many runs take at the pace so far; None before two trials ended. jobs: trials at a time."""
    seconds = [trial.result.seconds for trial in trials if not trial.is_earlier]
    return runs * sum(seconds) / len(seconds) / jobs if len(seconds) > 1 else None
