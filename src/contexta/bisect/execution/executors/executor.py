"""The interface of an executor."""

from __future__ import annotations

from concurrent.futures import Future
from typing import Protocol

from contexta.bisect.execution.trial_job import TrialJob, TrialResult


class Executor(Protocol):
    """Runs trial jobs. Its owner opens and closes it; a study only uses it."""

    jobs: int
    """Trials at a time."""
    is_remote: bool = True
    """Whether trials run on other machines. These check the source and get the index settings of uv."""

    def require_ready(self, job: TrialJob) -> None:
        """Raise InvalidInput if such jobs cannot run."""

    def submit(self, job: TrialJob) -> Future[TrialResult]:
        """Run a job. Its run is in ``job.workspace`` when the future is done.

        The future raises what ``run_job`` raises, and ContextaError when the executor cannot continue. A job whose
        machine was lost too often has the result of ``lost_trial``.
        """
        ...

    def cancel(self) -> None:
        """End all jobs, and wait until those on this machine have ended. Jobs can be submitted afterwards."""
