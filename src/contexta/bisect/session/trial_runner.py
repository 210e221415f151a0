"""Provide the trials of the search: from the cache, from speculative trials, or by a new run."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, CancelledError, Future, wait
from dataclasses import replace

from contexta.bisect.execution.executors.executor import Executor
from contexta.bisect.execution.isolation.source_files import Source
from contexta.bisect.execution.parameter_changes import with_settings
from contexta.bisect.execution.trial_cache import key_of
from contexta.bisect.execution.trial_job import GENEROUS, Command, TrialJob, TrialResult
from contexta.bisect.inference.observations import Observation
from contexta.bisect.option_names import resume_call
from contexta.bisect.reporting.finished_trial import Trial
from contexta.bisect.search.problem import Probe, Problem
from contexta.bisect.search.speculation import Slot, slot_of, speculate
from contexta.bisect.session.early_references import EarlyReferences
from contexta.bisect.session.environments import TrialEnvironments
from contexta.bisect.session.setup import Setup
from contexta.bisect.space.changes import Space
from contexta.core.errors import ContextaError
from contexta.core.references import slug
from contexta.reproduce.environments.linker import Recipe
from contexta.reproduce.uv.indexes import settings_for_elsewhere

_LEAST_PATIENCE = 60.0  # seconds that a trial may take at least
_PATIENCE = 4.0  # times the expected duration


class TrialRunner:
    """source_key: a digest of the source and of the user's own packages. results: of earlier trials, by key."""

    def __init__(
        self,
        setup: Setup,
        space: Space,
        environments: TrialEnvironments,
        executor: Executor,
        source: Source,
        source_key: str,
        results: dict[str, list[TrialResult]],
    ) -> None:
        self._setup, self._space, self._environments, self._executor = setup, space, environments, executor
        self._source, self._source_key = source, source_key
        self._results = results
        self._earlier = {key: tuple(of_key) for key, of_key in results.items()}
        self._pending: dict[tuple[Slot, bool], Future[TrialResult]] = {}
        self._early = EarlyReferences(setup, space.mixes.full)

    @property
    def jobs(self) -> int:
        """Trials at a time."""
        return self._executor.jobs

    @property
    def earlier(self) -> int:
        """The number of reusable earlier trials; 0 if they had other endpoints, another command or another source."""
        ends = [self._key((end, 0, 0)) for end in (0, self._space.mixes.full)]
        return sum(map(len, self._earlier.values())) if any(key in self._earlier for key in ends) else 0

    def obtain(self, problem: Problem, step: Probe, trials: Sequence[Trial]) -> Trial:
        """The trial for a step. Probable next trials run meanwhile, up to the limit of jobs."""
        observations = [trial.observation for trial in trials]
        slot = slot_of(step, observations)
        jobs, timeout = self._executor.jobs, self.timeout(trials)
        while (result := self._result(slot, step, trials)) is None:
            steps = speculate(problem, observations, step, jobs) if jobs > 1 else [(slot, step)]
            for next_slot, next_step in steps:
                key = next_slot, next_step.to_end
                free = len(self._pending) < jobs
                if free and key not in self._pending and self._result(next_slot, next_step, trials) is None:
                    job = self._mix_job(next_slot, next_step, timeout)
                    job = replace(job, early=self._early.rule(next_step, trials))
                    self._pending[key] = self._executor.submit(job)
            wait(self._pending.values(), return_when=FIRST_COMPLETED)
            self._collect()
        is_earlier = any(result is earlier for earlier in self._earlier.get(self._key(slot), ()))
        return self._trial(step, result, trials, is_earlier=is_earlier)

    def obtain_release(
        self,
        step: Probe,
        recipe: Recipe,
        variables: Mapping[str, str | None],
        about: Mapping[str, object],
        mix: int,
        trials: Sequence[Trial],
    ) -> Trial:
        """A trial in an environment that is not a mix. mix: has its source and parameters. about: further metadata of
        its run."""
        key = self._key_of(mix, recipe.python.path, recipe.pins, variables, step.seed)
        if key in self._results:
            measured = next((result for result in self._results[key] if result.is_measured), None)
            if measured is not None:
                return self._trial(step, measured, (), is_earlier=True)
        job = self._job(step, mix, recipe, variables, key, self.timeout(trials))
        future = self._executor.submit(replace(job, about={**job.about, **about}))
        try:
            self._results[key] = [_outcome(future)]
        finally:
            self.cancel()
        return self._trial(step, self._results[key][0], (), is_earlier=False)

    def cancel(self) -> None:
        """End speculative and interrupted trials."""
        self._pending.clear()
        self._executor.cancel()

    def sample(self) -> TrialJob:
        """A job as this study submits them, to check whether an executor can run it."""
        recipe = self._environments.recipe(self._space.python_end(0), self._space.packages(0))
        return self._job(Probe(0, 0, "end", ""), 0, recipe, {}, "", GENEROUS)

    # ------------------------------------------------------------------------------------------ results

    def _result(self, slot: Slot, step: Probe, trials: Sequence[Trial]) -> TrialResult | None:
        """A result that is there and that no trial has used; a measured one if the step needs that."""
        used = {id(trial.result) for trial in trials}
        count = sum((trial.step.mix, trial.step.seed) == slot[:2] for trial in trials)
        usable = [
            result
            for result in self._results.get(self._key(slot), ())
            if id(result) not in used and self._is_usable(result, step, trials)
        ]
        number = slot[2] - count
        return usable[number] if number < len(usable) else None

    def _is_usable(self, result: TrialResult, step: Probe, trials: Sequence[Trial]) -> bool:
        if result.is_measured or result.followed is None:
            return True
        return not step.to_end and self._early.is_valid(result.followed, trials)

    def _collect(self) -> None:
        for (slot, to_end), future in list(self._pending.items()):
            if future.done():
                del self._pending[slot, to_end]
                self._results.setdefault(self._key(slot), []).append(_outcome(future))

    def _trial(self, step: Probe, result: TrialResult, trials: Sequence[Trial], *, is_earlier: bool) -> Trial:
        sign = 1.0 if self._setup.higher_is_better or self._setup.command.good_if is not None else -1.0
        settled = self._early.settled_value(step, result, trials)
        value = None if settled is None else sign * settled
        predicted = None if result.followed is None else sign * result.followed.value
        predicted = value if settled != result.value else predicted
        observation = Observation(
            step.mix,
            step.seed,
            value,
            result.reason,
            result.seconds,
            result.is_measured,
            predicted,
            is_only_seed=self._setup.settings.only_seed is not None,
        )
        return Trial(step, observation, result, is_earlier)

    # ------------------------------------------------------------------------------------------ jobs

    def _mix_job(self, slot: Slot, step: Probe, timeout: float) -> TrialJob:
        space, mix = self._space, step.mix
        recipe = self._environments.recipe(space.python_end(mix), space.packages(mix))
        job = self._job(step, mix, recipe, space.variables(mix), self._key(slot), timeout)
        return replace(job, about={**job.about, "at_new": list(space.keys(mix))})

    def _job(
        self, step: Probe, mix: int, recipe: Recipe, variables: Mapping[str, str | None], key: str, timeout: float
    ) -> TrialJob:
        """mix: has the source and parameters of the job."""
        revision, is_remote = self._space.revision(mix), self._executor.is_remote
        return TrialJob(
            command=self._command(mix),
            seed=self._setup.first_seed + step.seed,
            variables=variables,
            recipe=recipe,
            workspace=str(self._setup.workspace),
            about={
                "study": slug(self._setup.folder.name) or "study",
                "purpose": step.purpose,
                "why": step.why,
                "seed": step.seed,
                "key": key,
                "at_new": [],
                **({} if revision is None else {"source": revision.state}),
            },
            timeout=timeout,
            neighbours=1 if is_remote else self._executor.jobs,
            source=self._source if is_remote else None,
            revision=revision,
            parameters=self._space.parameters(mix),
            changing=self._space.changing_variables(),
            offline=self._environments.uv.offline,
            index=settings_for_elsewhere() if is_remote else (),
        )

    def timeout(self, trials: Sequence[Trial]) -> float:
        """Time limit of a trial in seconds, if the command has none."""
        first = next((trial.result.seconds for trial in trials if trial.result.value is not None), None)
        expected = self._setup.expected if self._setup.expected is not None else first
        if expected is None:
            return GENEROUS
        neighbours = 1 if self._executor.is_remote else self._executor.jobs
        return max(_LEAST_PATIENCE, round(_PATIENCE * neighbours * expected, 1))

    def _key(self, slot: Slot) -> str:
        mix, seed, _ = slot
        python = self._setup.pythons[self._space.python_end(mix)].path
        return self._key_of(mix, python, self._space.packages(mix), self._space.variables(mix), seed)

    def _key_of(
        self, mix: int, python: str, pins: Mapping[str, str], variables: Mapping[str, str | None], seed: int
    ) -> str:
        revision, parameters = self._space.revision(mix), self._space.parameters(mix)
        source = self._source_key if revision is None else f"{self._source_key}-{revision.state}"
        if options := self._setup.content_of_options:
            source = f"{source}-{json.dumps(options)}"
        seed = self._setup.first_seed + seed
        return key_of(self._command(mix), source, python, pins, variables, seed, parameters)

    def _command(self, mix: int) -> Command:
        command = self._setup.command
        return replace(command, argv=with_settings(command.argv, self._space.parameters(mix)))


def _outcome(future: Future[TrialResult]) -> TrialResult:
    try:
        return future.result()
    except (CancelledError, BrokenExecutor) as error:
        raise ContextaError(f"the executor gave up a trial: {error}", hint=f"{resume_call()} continues") from error
