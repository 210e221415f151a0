"""The loop of a study: decide, run a trial, store it, decide again.

Every finished trial is a run of the study's workspace, and ``decide`` is pure. An interrupted study therefore resumes
by deciding again, with the stored trials. Later studies reuse the trials that they share.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from contexta.bisect.execution.executors.executor import Executor
from contexta.bisect.execution.executors.local import LocalExecutor
from contexta.bisect.execution.isolation.sandbox import settle, tidy
from contexta.bisect.execution.isolation.source_files import Source, fingerprint, source_of
from contexta.bisect.execution.trial_cache import read_results
from contexta.bisect.reporting.estimate import Estimate, estimate
from contexta.bisect.reporting.finished_trial import Trial
from contexta.bisect.reporting.verdict_limits import limited
from contexta.bisect.search.problem import Probe, Problem, Verdict
from contexta.bisect.search.search import decide
from contexta.bisect.session import study_files
from contexta.bisect.session.environments import TrialEnvironments
from contexta.bisect.session.first_trials import require_metric, require_modules
from contexta.bisect.session.setup import Setup
from contexta.bisect.session.study_files import StudyBeginning
from contexta.bisect.session.trial_runner import TrialRunner
from contexta.core.errors import InvalidInput
from contexta.core.files.filelock import alone
from contexta.core.validation import from_microseconds
from contexta.reproduce.environments.linker import Recipe
from contexta.reproduce.uv.commands import Uv

TrialFinished = Callable[[Trial, int], None]
"""Receives each trial and its number, from 1."""


class Study:
    """One study on disk."""

    def __init__(
        self, setup: Setup, uv: Uv, executor: Executor | None = None, *, resume: bool = False, fresh: bool = False
    ) -> None:
        """Build both endpoints, and read earlier trials. executor: default: this machine, with ``setup.jobs``.

        resume: continue the study in this directory. fresh: rerun what earlier studies ran.
        Raises InvalidInput where the source has changed since the study to resume began, UvError, DamagedData.
        """
        self.setup = setup
        source, since = self._begin(resume, fresh)
        self.environments = TrialEnvironments(setup, uv)
        self.space = self.environments.space()
        self.trials: list[Trial] = []
        self.release_trials: list[Trial] = []
        self._estimate: tuple[int, Estimate] | None = None
        self.runner = TrialRunner(
            setup,
            self.space,
            self.environments,
            executor or LocalExecutor(setup.jobs),
            source,
            "-".join([source.digest, *self._own_packages]),
            read_results(setup.workspace, since),
        )

    @property
    def problem(self) -> Problem:
        """The problem that ``decide`` solves."""
        return Problem(self.space.mixes, self.space.weights(), self.setup.settings)

    def estimate(self) -> Estimate:
        """The estimate after the trials so far. It is computed once per trial, for every display."""
        count = len(self.trials)
        if self._estimate is None or self._estimate[0] != count:
            self._estimate = count, estimate(self.space, self.problem, self.trials)
        return self._estimate[1]

    def finish(
        self, trial_finished: TrialFinished | None = None, trial_started: Callable[[Probe], None] | None = None
    ) -> Verdict:
        """Run trials until there is a verdict.

        Raises EnvironmentChanged when a trial edited installed files in place; InvalidInput when another process works
        on this study, or the first run of an end does not give the metric; ContextaError when a machine lacks what a
        trial needs.
        """
        problem = self.problem
        if not self.space.groups:
            return self._limited(Verdict("no_regression", "OLD and NEW differ in nothing that is compared"))
        with self._alone():
            try:
                while isinstance(step := decide(problem, [trial.observation for trial in self.trials]), Probe):
                    if trial_started is not None:
                        trial_started(step)
                    trial = self.runner.obtain(problem, step, self.trials)
                    self.trials.append(trial)
                    if trial_finished is not None:
                        trial_finished(trial, len(self.trials))
                    if trial.result.confirmed == "no" and step.mix in (0, problem.mixes.full):
                        end = "OLD" if step.mix == 0 else "NEW"
                        return Verdict("undecided", f"{end} did not run in its environment: {trial.result.reason}")
                    require_metric(self.trials, problem.mixes.full, str(self.setup.workspace))
                    folder = Path(self.setup.command.folder)
                    require_modules(self.trials, problem.mixes.full, str(self.setup.workspace), folder)
            finally:
                self.runner.cancel()
        return self._limited(step)

    def run_release(
        self,
        step: Probe,
        recipe: Recipe,
        variables: Mapping[str, str | None],
        about: Mapping[str, object],
        mix: int,
    ) -> Trial:
        """A trial of a release of the culprit, with the source and the parameters of a mix."""
        return self.runner.obtain_release(step, recipe, variables, about, mix, self.trials)

    def _limited(self, verdict: Verdict) -> Verdict:
        return limited(verdict, self.trials, judged=self.setup.command.is_judged, lost=self.setup.lost)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Lock the study for this process, and remove files of killed processes."""
        self.setup.folder.mkdir(parents=True, exist_ok=True)
        with alone(self.setup.folder / "lock") as is_first:
            if not is_first:
                raise InvalidInput(
                    f"another process works on the study in {self.setup.folder}", hint="wait for it, or stop it"
                )
            tidy()
            try:
                yield
            finally:
                settle()

    def _begin(self, resume: bool, fresh: bool) -> tuple[Source, str]:
        """(the source, the moment since which trials count), stored for a study that is resumed.

        Files that are added after a study began are not part of its source.
        """
        command, path = self.setup.command, self.setup.folder / study_files.BEGINNING
        folder, own_packages = Path(command.folder), tuple(self._own_packages)
        if resume and path.exists():
            beginning = study_files.read(path, StudyBeginning)
            source = Source(beginning.files, beginning.source)
            if fingerprint(folder, source.files) != source.digest or beginning.own != own_packages:
                raise InvalidInput(
                    f"files in {command.folder} were changed since this study began: its trials do not fit any more",
                    hint="undo the change, or start a study of the current files: do not resume",
                )
            return source, beginning.since
        since = from_microseconds(time.time_ns() // 1000) if fresh else ""
        self.setup.folder.mkdir(parents=True, exist_ok=True)
        recorded = self.setup.old.revision is not None
        source = source_of(folder, in_place=command.in_place, outputs=self.setup.outputs, recorded=recorded)
        beginning = StudyBeginning(source=source.digest, own=own_packages, since=since, files=source.files)
        study_files.write(path, beginning)
        return source, since

    @property
    def _own_packages(self) -> list[str]:
        """States of the user's own packages, except those that come with a revision."""
        revision = self.setup.old.revision
        with_source = {name for name, _ in revision.packages} if revision else set()
        return [package.state for package in self.setup.fixed if package.state and package.name not in with_source]
