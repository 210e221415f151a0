"""Write the status of a study after each of its events, for readers in other processes."""

from __future__ import annotations

import time
from collections.abc import Sequence
from statistics import mean
from types import TracebackType

from contexta.bisect.reporting.estimate import remaining_seconds
from contexta.bisect.reporting.finished_trial import Trial, finished
from contexta.bisect.search.problem import Probe, Verdict
from contexta.bisect.session import study_files
from contexta.bisect.session.progress import BisectProgress
from contexta.bisect.session.study import Study
from contexta.core.errors import ContextaError
from contexta.core.validation import from_microseconds
from contexta.findings.bisect import BisectStatus, EndValues, FinishedTrial, RunningTrial, StudyState
from contexta.recorder.journal.processes import identity


class StatusFile(BisectProgress):
    """Passes the events on to ``receiver``, and keeps the status of the study on disk. A fault here stops no study.

    Writes from the first trial on: then this process holds the lock of the study.
    """

    def __init__(self, receiver: BisectProgress, command: Sequence[str], labels: Sequence[str]) -> None:
        """command: without secrets."""
        self._receiver, self._command, self._labels = receiver, tuple(command), tuple(labels)
        self._study: Study | None = None
        self._status: BisectStatus | None = None
        self._trials: list[FinishedTrial] = []
        self._is_reported = False

    def __enter__(self) -> StatusFile:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        if self._status is None:
            return
        state: StudyState = "finished" if error is None else "failed"
        if isinstance(error, KeyboardInterrupt):
            state = "interrupted"
        reason = error.what if isinstance(error, ContextaError) else type(error).__name__ if error else ""
        self._write(self._status, state=state, reason=reason, running=None, remaining_runs=None, remaining_seconds=None)

    def message(self, text: str) -> None:
        self._receiver.message(text)

    def started(self, study: Study, swapped: str) -> None:
        self._study = study
        self._receiver.started(study, swapped)

    def trial_started(self, step: Probe) -> None:
        self._receiver.trial_started(step)
        if self._study is not None:
            self._update(self._study, step)

    def trial_finished(self, trial: Trial, number: int) -> None:
        if self._study is not None:
            sign = 1.0 if self._study.setup.higher_is_better else -1.0
            self._trials.append(finished(self._study.space, trial, number, sign))
        if self._status is not None:
            self._write(self._status, trials=tuple(self._trials), running=None)
        self._receiver.trial_finished(trial, number)

    def decided(self, verdict: Verdict) -> None:
        if self._status is not None:
            self._write(self._status, state="releases", remaining_runs=None, remaining_seconds=None)
        self._receiver.decided(verdict)

    def interrupted(self, text: str) -> None:
        self._receiver.interrupted(text)

    def _update(self, study: Study, step: Probe) -> None:
        """Write the estimate after the trials so far, and the trial that begins now."""
        try:
            estimate = study.estimate()
            self._write(
                self._new_status(study) if self._status is None else self._status,
                running=RunningTrial(
                    number=len(study.trials) + 1,
                    purpose=step.purpose,
                    why=step.why,
                    at_new=study.space.keys(step.mix),
                    seed=step.seed,
                    since=_now(),
                ),
                old=self._end(()),
                new=self._end(study.space.keys(study.space.mixes.full)),
                suspects=estimate.suspects,
                remaining_runs=estimate.runs,
                remaining_seconds=remaining_seconds(estimate.runs, study.trials, study.runner.jobs),
            )
        except Exception as error:  # noqa: BLE001  # a page that shows less is better than a study that stops
            self._report(error)

    def _new_status(self, study: Study) -> BisectStatus:
        no_values = EndValues(values=(), mean=None)
        return BisectStatus(
            study=study.setup.folder.name,
            state="searching",
            metric=study.setup.command.measured,
            higher_is_better=study.setup.higher_is_better,
            command=self._command,
            labels=self._labels,
            changes=tuple(change for group in study.space.groups for change in group.changes),
            old=no_values,
            new=no_values,
            trials=(),
            max_runs=study.setup.settings.max_runs,
            updated=_now(),
            process=identity(),
        )

    def _end(self, at_new: tuple[str, ...]) -> EndValues:
        """The values of an endpoint. at_new: its changes at NEW."""
        trials = [trial for trial in self._trials if trial.at_new == at_new and trial.release is None]
        runs = [(trial.seed, trial.value) for trial in trials if trial.value is not None]
        values, seeds = tuple(value for _, value in runs), tuple(seed for seed, _ in runs)
        return EndValues(values=values, mean=mean(values) if values else None, seeds=seeds)

    def _write(self, status: BisectStatus, **changes: object) -> None:
        try:
            self._status = status.model_copy(update={**changes, "updated": _now()})
            if self._study is not None:
                study_files.write_status(self._study.setup.folder, self._status)
        except Exception as error:  # noqa: BLE001  # a page that shows less is better than a study that stops
            self._report(error)

    def _report(self, error: Exception) -> None:
        if not self._is_reported:
            self._is_reported = True
            self._receiver.message(
                f"note: the status of the study cannot be written, which only its page needs: {error}"
            )


def _now() -> str:
    return from_microseconds(time.time_ns() // 1000)
