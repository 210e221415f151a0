"""Limit a verdict to what the trials can show. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from contexta.bisect.reporting.finished_trial import Trial
from contexta.bisect.search.problem import Verdict

UNSEEN = "the recorder saw no Python that trained in these environments, so the command may not use them at all"


def limited(verdict: Verdict, trials: Sequence[Trial], *, judged: bool, lost: Sequence[str]) -> Verdict:
    """The verdict; undecided if OLD itself is bad, if a changed build cannot be rerun, or if equal values may come from
    a command that uses none of the environments.

    judged: whether runs are good or bad, without a value. lost: the packages with such builds.
    """
    if verdict.kind != "no_regression":
        return verdict
    old = [trial.result.value for trial in trials if trial.observation.mix == 0 and trial.result.value is not None]
    if judged and old and not any(old):
        return replace(verdict, kind="undecided", why=f"OLD itself is bad in each of {len(old)} runs")
    if any(trial.result.confirmed == "outside" for trial in trials if trial.result.value is not None):
        return replace(verdict, kind="undecided", why=f"{UNSEEN}; for what it ran on, {verdict.why}")
    if lost:
        builds = f"the build of {', '.join(lost)} differs and cannot be rerun"
        return replace(verdict, kind="undecided", why=f"{builds}; of everything else, {verdict.why}")
    return verdict
