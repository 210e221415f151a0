"""The loop: decide, rerun, write down, decide again.

Every finished trial is a run of the study's workspace; ``decide`` is pure. So a study that was ended anyhow goes on
where it was: the same decisions fall again, and what they ask for is there already. A later study that wants the same
trials finds them too. Trials go through an executor: threads of this process, or one that runs them elsewhere.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Container, Iterator, Mapping
from concurrent.futures import (
    FIRST_COMPLETED,
    BrokenExecutor,
    CancelledError,
    Executor,
    Future,
    ThreadPoolExecutor,
    wait,
)
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from contexta.bisect.execution.job import (
    Errand,
    Returned,
    WorkerLost,
    carry_out,
    carry_out_elsewhere,
    unpack,
)
from contexta.bisect.execution.parameter_changes import with_settings
from contexta.bisect.execution.sandbox import settle, tidy
from contexta.bisect.execution.source_files import Source, fingerprint, source_of
from contexta.bisect.execution.trial import GENEROUS, Command, Order, Report, lose
from contexta.bisect.execution.trial_cache import key_of, read_known
from contexta.bisect.inference.observations import Result
from contexta.bisect.reporting.limits import limited
from contexta.bisect.reporting.report import Trial
from contexta.bisect.search.search import Probe, Problem, Verdict, decide
from contexta.bisect.search.speculation import Slot, ahead, slot_of
from contexta.bisect.session import study_files
from contexta.bisect.session.first_trials import require_metric, require_modules
from contexta.bisect.session.setup import Setup
from contexta.bisect.session.study_files import StudyBeginning
from contexta.bisect.space.changes import Metadata, Release, Space, space_between
from contexta.core.errors import ContextaError, InvalidInput
from contexta.core.files.filelock import alone
from contexta.core.references import slug
from contexta.core.validation import from_microseconds
from contexta.reproduce.environments.builder import Built, Contents, EnvironmentChanged, build
from contexta.reproduce.environments.cache import find_cache
from contexta.reproduce.environments.linker import Recipe
from contexta.reproduce.plan.not_installable import not_built
from contexta.reproduce.uv.commands import Uv
from contexta.reproduce.uv.error_messages import UvError
from contexta.reproduce.uv.indexes import settings_for_elsewhere
from contexta.reproduce.uv.requirement_options import InstallOptions

Watch = Callable[[Trial, int], None]
_LEAST_PATIENCE = 60.0  # seconds a trial may take at least
_PATIENCE = 4.0  # times as long as expected


class Study:
    """One study on disk."""

    def __init__(
        self,
        setup: Setup,
        uv: Uv,
        executor: Executor | None = None,
        *,
        resume: bool = False,
        fresh: bool = False,
    ) -> None:
        """executor: where trials run; it takes picklable calls, and stays its owner's to end. None: on this machine.

        resume: go on with the study in this folder. fresh: rerun what was run before.
        Raises InvalidInput when the source is no longer what the study to resume began with.
        """
        self.setup = setup
        self.uv = uv
        self._executor = executor
        self._cache = find_cache()
        self._stop = threading.Event()
        self._foreign: dict[str, Mapping[str, str]] = {}
        self._source, since = self._begin(resume, fresh)
        self.notes: dict[str, None] = {}  # of how the two ends were built
        self.space = self._space()
        self.trials: list[Trial] = []
        self.inside: list[Trial] = []  # those of releases between the ends
        known = read_known(setup.workspace, since)
        self._known, self._unconfirmed = known.reports, known.unconfirmed
        self._before = {key: len(reports) for key, reports in self._known.items()}
        self._pending: dict[Slot, Future[Report | Returned]] = {}
        self._sent: dict[Slot, Errand] = {}

    @property
    def before(self) -> int:
        """How many known trials may be taken over; 0 where they ran other ends, another command or source."""
        return sum(self._before.values()) if self._shares_ends(self._before) else 0

    @property
    def unconfirmed(self) -> int:
        """How many known trials are not taken over, as nobody saw what they ran in; 0 as for ``before``."""
        return sum(self._unconfirmed.values()) if self._shares_ends(self._unconfirmed) else 0

    def _shares_ends(self, keys: Container[str]) -> bool:
        return any(self._key((end, 0, 0)) in keys for end in (0, self.space.mixes.full))

    @property
    def problem(self) -> Problem:
        """What is decided about."""
        return Problem(self.space.mixes, self.space.weights(), self.setup.settings)

    def finish(self, watch: Watch | None = None, trying: Callable[[Probe], None] | None = None) -> Verdict:
        """Run trials until there is a verdict. watch: told after each trial, with its number; trying: before each.

        Raises EnvironmentChanged when a trial edited installed files in place; InvalidInput when another process works
        on this study, or the first run of an end does not give the metric; ContextaError when a machine lacks what a
        trial takes.
        """
        problem = self.problem
        if not self.space.atoms:
            return self._limited(Verdict("no_regression", "OLD and NEW differ in nothing that is compared"))
        with self._alone(), self._pool() as pool:
            while isinstance(step := decide(problem, self._results()), Probe):
                if trying is not None:
                    trying(step)
                trial = self._obtain(pool, problem, step)
                self.trials.append(trial)
                if watch is not None:
                    watch(trial, len(self.trials))
                if trial.report.confirmed == "no" and step.mix in (0, problem.mixes.full):
                    end = "OLD" if step.mix == 0 else "NEW"
                    return Verdict("undecided", f"{end} did not run in its environment: {trial.report.reason}")
                full, records = self.space.mixes.full, str(self.setup.workspace)
                require_metric(self.trials, full, records)
                require_modules(self.trials, full, records, Path(self.setup.command.folder))
        return self._limited(step)

    def _limited(self, verdict: Verdict) -> Verdict:
        return limited(verdict, self.trials, judged=self.setup.command.is_judged, lost=self.setup.lost)

    # ------------------------------------------------------------------------------------------ trials

    def _results(self) -> list[Result]:
        return [trial.result for trial in self.trials]

    def _obtain(self, pool: Executor, problem: Problem, step: Probe) -> Trial:
        """The trial that is wanted: known, or run now with others that will likely be wanted after it."""
        slot = slot_of(step, self._results())
        while (report := self._at_hand(slot)) is None:
            wanted = ahead(problem, self._results(), step, self.setup.jobs) if self.setup.jobs > 1 else [(slot, step)]
            for each, probe in wanted:
                if each not in self._pending and self._at_hand(each) is None and len(self._pending) < self.setup.jobs:
                    self._submit(pool, each, probe)
            if slot not in self._pending:
                self._submit(pool, slot, step)
            wait(self._pending.values(), return_when=FIRST_COMPLETED)
            self._collect()
        return self._trial(step, report, slot[2] < self._before.get(self._key(slot), 0))

    def _submit(self, pool: Executor, slot: Slot, step: Probe) -> None:
        at_new = list(self.space.keys(step.mix))
        recipe, variables = self._recipe(step.mix), self.space.variables(step.mix)
        errand = self._errand(step, step.mix, recipe, variables, self._key(slot), at_new)
        self._sent[slot] = errand
        self._pending[slot] = self._send(pool, errand)

    def _send(self, pool: Executor, errand: Errand) -> Future[Report | Returned]:
        if self._executor is None:
            return pool.submit(carry_out, errand, self._stop)
        return pool.submit(carry_out_elsewhere, errand)

    def _back(self, future: Future[Report | Returned], errand: Errand) -> Report:
        """The report of an errand that has ended, its run in the workspace."""
        try:
            came = future.result()
        except WorkerLost as lost:
            order = Order(errand.command, "", errand.seed, workspace=errand.workspace, about=errand.about)
            return lose(order, str(lost))
        except (CancelledError, BrokenExecutor) as error:
            raise ContextaError(f"a trial was given up by what runs it: {error}", hint="--resume goes on") from error
        return unpack(came, self.setup.workspace) if isinstance(came, Returned) else came

    def _trial(self, step: Probe, report: Report, before: bool) -> Trial:
        sign = 1.0 if self.setup.higher_is_better or self.setup.command.good_if is not None else -1.0
        value = None if report.value is None else sign * report.value
        return Trial(step, Result(step.mix, step.seed, value, report.reason, report.seconds), report, before)

    def rerun(
        self,
        step: Probe,
        recipe: Recipe,
        variables: Mapping[str, str | None],
        apart: Mapping[str, object],
        *,
        beside: int,
    ) -> Trial:
        """A trial of what is no mix of the two ends, with the source and the parameters of the mix ``beside``; one that
        is known already is taken over. apart: told with it."""
        key = self._key_of(beside, recipe.python.path, recipe.pins, variables, step.seed)
        if key in self._known:
            return self._trial(step, self._known[key][0], True)
        errand = self._errand(step, beside, recipe, variables, key, [])
        errand = replace(errand, about={**errand.about, **apart})
        with self._pool() as pool:
            report = self._back(self._send(pool, errand), errand)
        self._known[key] = [report]
        return self._trial(step, report, False)

    def _at_hand(self, slot: Slot) -> Report | None:
        reports = self._known.get(self._key(slot), [])
        return reports[slot[2]] if slot[2] < len(reports) else None

    def _collect(self) -> None:
        for slot, future in list(self._pending.items()):
            if future.done():
                del self._pending[slot]
                report = self._back(future, self._sent.pop(slot))
                self._known.setdefault(self._key(slot), []).append(report)

    def _key(self, slot: Slot) -> str:
        mix, seed, _ = slot
        python = self.setup.pythons[self.space.python_end(mix)].path
        return self._key_of(mix, python, self.space.packages(mix), self.space.variables(mix), seed)

    def _key_of(
        self, mix: int, python: str, pins: Mapping[str, str], variables: Mapping[str, str | None], seed: int
    ) -> str:
        """The key of a trial with the source and the parameters of a mix."""
        revision, told = self.space.revision(mix), self.space.parameters(mix)
        source = self._everything if revision is None else f"{self._everything}-{revision.state}"
        if options := self.setup.content_of_options:
            source = f"{source}-{json.dumps(options)}"
        return key_of(self._command(mix), source, python, pins, variables, self.setup.first_seed + seed, told)

    def _command(self, mix: int) -> Command:
        command = self.setup.command
        return replace(command, argv=with_settings(command.argv, self.space.parameters(mix)))

    def _errand(
        self, step: Probe, mix: int, recipe: Recipe, variables: Mapping[str, str | None], key: str, at_new: list[str]
    ) -> Errand:
        """mix: whose source and parameters it has."""
        revision = self.space.revision(mix)
        return Errand(
            command=self._command(mix),
            recipe=recipe,
            seed=self.setup.first_seed + step.seed,
            variables=variables,
            about={
                "study": slug(self.setup.folder.name) or "study",
                "purpose": step.purpose,
                "why": step.why,
                "seed": step.seed,
                "key": key,
                "at_new": at_new,
                **({} if revision is None else {"source": revision.state}),
            },
            workspace=str(self.setup.workspace),
            timeout=self._patience(),
            neighbours=self.setup.jobs if self._executor is None else 1,
            source=None if self._executor is None else self._source,
            revision=revision,
            parameters=self.space.parameters(mix),
            offline=self.uv.offline,
            index=() if self._executor is None else settings_for_elsewhere(),
            changing=self.space.changing_variables(),
        )

    def sample(self) -> Errand:
        """An errand as this study sends them, to see whether a machine can run it."""
        return self._errand(Probe(0, 0, "end", ""), 0, self._recipe(0), {}, "", [])

    def _patience(self) -> float:
        """Seconds a trial may take, where the command has no limit of its own."""
        first = next((trial.report.seconds for trial in self.trials if trial.report.value is not None), None)
        expected = self.setup.expected if self.setup.expected is not None else first
        if expected is None:
            return GENEROUS
        beside = self.setup.jobs if self._executor is None else 1  # they share this machine
        return max(_LEAST_PATIENCE, round(_PATIENCE * beside * expected, 1))

    # ------------------------------------------------------------------------------------------ this process

    @contextmanager
    def _pool(self) -> Iterator[Executor]:
        pool = self._executor or ThreadPoolExecutor(self.setup.jobs, "trial")
        try:
            yield pool
        finally:  # what was run ahead and nobody asked for, or what a Ctrl-C came into
            for future in self._pending.values():
                future.cancel()
            self._pending.clear()
            if self._executor is None:
                self._stop.set()
                pool.shutdown(cancel_futures=True)
                self._stop.clear()

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """The only process at this study; git forgets what a killed one left behind."""
        self.setup.folder.mkdir(parents=True, exist_ok=True)
        with alone(self.setup.folder / "lock") as first:
            if not first:
                raise InvalidInput(
                    f"another process works on the study in {self.setup.folder}", hint="wait for it, or stop it"
                )
            tidy()
            try:
                yield
            finally:
                settle()

    def _begin(self, resume: bool, fresh: bool) -> tuple[Source, str]:
        """(the source, since when trials count); remembered for a study that goes on.

        What came after a study began is no part of its source: nothing that ran before could use it.
        """
        command, path = self.setup.command, self.setup.folder / study_files.BEGINNING
        folder = Path(command.folder)
        if resume and path.exists():
            beginning = study_files.read(path, StudyBeginning)
            source = Source(beginning.files, beginning.source)
            if fingerprint(folder, source.files) != source.digest or beginning.own != tuple(self._own):
                raise InvalidInput(
                    f"files in {command.folder} were changed since this study began: its trials do not fit any more",
                    hint="undo the change, or start a study of what is there now: leave out --resume",
                )
            return source, beginning.since
        since = from_microseconds(time.time_ns() // 1000) if fresh else ""
        self.setup.folder.mkdir(parents=True, exist_ok=True)
        recorded = self.setup.old.revision is not None
        source = source_of(folder, in_place=command.in_place, outputs=self.setup.outputs, recorded=recorded)
        beginning = StudyBeginning(source=source.digest, own=tuple(self._own), since=since, files=source.files)
        study_files.write(path, beginning)
        return source, since

    @property
    def _everything(self) -> str:
        return "-".join([self._source.digest, *self._own])

    @property
    def _own(self) -> list[str]:
        """What tells one state of the user's own packages from another; those of a revision come with it."""
        moved = {name for name, _ in self.setup.old.revision.packages} if self.setup.old.revision else set()
        return [each.state for each in self.setup.fixed if each.state and each.name not in moved]

    # ------------------------------------------------------------------------------------------ environments

    def _space(self) -> Space:
        """The two ends are built first: what they hold is where requirements are read from."""
        setup = self.setup
        metadata: dict[Release, Metadata] = {}
        for name, end in (("old", setup.old), ("new", setup.new)):
            try:
                built = self.built(name, end.packages)
            except UvError as error:
                sides = {
                    each: (self.uv_of(each), setup.pythons[each], packages)
                    for each, packages in (("old", setup.old.packages), ("new", setup.new.packages))
                }
                raise not_built(name, error, sides) from error
            self.notes.update(dict.fromkeys(built.notes))
            for package in built.packages.values():
                pin = end.packages.get(package.name, package.version)
                about = Metadata(package.requires, package.requires_python, package.version)
                metadata[package.name, pin] = about

        def has_wheel(release: Release, end: str) -> bool:
            return self.uv_of("new" if end == "old" else "old").has_wheel(setup.pythons[end].path, *release)

        return replace(space_between(setup.old, setup.new, metadata, has_wheel), suspicion=setup.suspicion)

    def built(self, end: str, pins: Mapping[str, str], options: str | None = None) -> Built:
        """The environment of some pins on the interpreter of one end, on this machine. options: the end whose they
        are; by default the same."""
        contents = Contents(pins, self.setup.fixed, self.setup.options_of(options or end))
        return build(self.uv, self._cache, self.setup.pythons[end], contents)

    def uv_of(self, end: str) -> Uv:
        """uv with the options of one end."""
        return replace(self.uv, options=self.setup.options_of(end))

    def recipe(self, end: str, pins: Mapping[str, str], *more: Contents) -> Recipe:
        """An environment on the interpreter of one end. more: sources of packages besides the two ends."""
        fixed = self.setup.fixed
        sources = [Contents(packages, fixed, self._options(of, end)) for of, packages in self._sources(end)]
        return Recipe(self.setup.pythons[end], pins, (*sources, *more))

    def _options(self, of: str, end: str) -> InstallOptions:
        """How packages of a side are installed on the interpreter of an end: on another one, from other files."""
        options, pythons = self.setup.options_of(of), self.setup.pythons
        return options if pythons[of].path == pythons[end].path else replace(options, hashes=())

    def _recipe(self, mix: int) -> Recipe:
        return self.recipe(self.space.python_end(mix), self.space.packages(mix))

    def _sources(self, end: str) -> tuple[tuple[str, Mapping[str, str]], ...]:
        """(whose it is, what it holds) of what packages are taken from on the interpreter of one end: its own, and of
        the other what fits."""
        ends = {"old": self.setup.old.packages, "new": self.setup.new.packages}
        other = "new" if end == "old" else "old"
        path = self.setup.pythons[end].path
        if path == self.setup.pythons[other].path:
            return ("old", ends["old"]), ("new", ends["new"])
        if end not in self._foreign:
            self._foreign[end] = {
                name: version
                for name, version in ends[other].items()
                if ends[end].get(name) != version and self.uv_of(other).has_wheel(path, name, version)
            }
        return (end, ends[end]), (other, self._foreign[end])


__all__ = ["EnvironmentChanged", "Study", "Trial", "Watch"]
