"""One finished trial of a study, as the search sees it and as the report shows it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from contexta.bisect.execution.trial_job import TrialResult
from contexta.bisect.inference.observations import Observation
from contexta.bisect.search.problem import Probe
from contexta.bisect.space.changes import Space
from contexta.findings.bisect import FinishedTrial, StoppedEarly


@dataclass(frozen=True)
class Trial:
    """A finished trial of a study."""

    step: Probe
    """Why the trial ran."""
    observation: Observation
    """The observation of the search."""
    result: TrialResult
    is_earlier: bool = False
    """Whether an earlier study ran it."""
    release: str | None = None
    """The release of the culprit, tried in an endpoint; None for a mix of both endpoints."""
    endpoint: int = 0
    """The endpoint in which a release was tried, as a mix."""


def finished(space: Space, trial: Trial, number: int, sign: float) -> FinishedTrial:
    """One trial as the report has it. sign: -1 where lower is better."""
    step, observation, result = trial.step, trial.observation, trial.result
    return FinishedTrial(
        number=number,
        purpose=step.purpose,
        why=step.why,
        at_new=space.keys(trial.endpoint if trial.release is not None else observation.mix),
        release=trial.release,
        seed=observation.seed,
        value=measured_value(trial, sign),
        stopped=_stopped(result) if observation.value is not None else None,
        verdict=_judgement(result),
        reason=observation.reason or ("" if result.is_measured or result.followed is None else result.followed.text),
        seconds=round(observation.seconds, 3),
        run=result.run,
        confirmed=result.confirmed,
        writes=result.writes,
    )


def measured_value(trial: Trial, sign: float) -> float | None:
    """The measured value with its own sign; without a metric the judgement, 1 or 0."""
    if not trial.result.is_measured:
        return None
    if trial.result.measured is not None:
        return trial.result.measured
    return None if trial.observation.value is None else sign * trial.observation.value


def _judgement(result: TrialResult) -> Literal["good", "bad"] | None:
    """The judgement of a measured value by a threshold or a judge."""
    if not result.is_measured or result.measured in (None, result.value):
        return None
    return "good" if result.value else "bad"


def _stopped(result: TrialResult) -> StoppedEarly | None:
    followed = result.followed
    if followed is None or not followed.stopped:
        return None
    return StoppedEarly(
        step=followed.step,
        last_step=followed.last_step,
        equal_to=followed.endpoint,
        since=followed.since,
        run=followed.run,
    )
