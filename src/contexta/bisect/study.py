"""The loop: decide, build the mix, rerun, write down, decide again.

Every finished trial is a run of the study's workspace; ``decide`` is pure. So a study that was ended anyhow goes on
where it was: the same decisions fall again, and what they ask for is there already. A later study that wants the same
trials finds them too.
"""

from __future__ import annotations

import json
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path

from contexta.bisect.ahead import Slot, ahead, slot_of
from contexta.bisect.changes import End, Metadata, Release, Space, space_between
from contexta.bisect.known import key_of, read_known
from contexta.bisect.place import fingerprint, sources, tidy
from contexta.bisect.readings import Result
from contexta.bisect.report import Trial
from contexta.bisect.search import Probe, Problem, Settings, Verdict, decide
from contexta.bisect.trial import Command, Order, Report, run_trial
from contexta.errors import InvalidInput
from contexta.locks import alone
from contexta.refs import slug
from contexta.reproduce.build import Built, EnvironmentChanged, assemble, build
from contexta.reproduce.uv import Interpreter, Uv
from contexta.scalars import from_microseconds

Watch = Callable[[Trial, int], None]


@dataclass(frozen=True)
class Setup:
    """What is studied. folder: the study's own directory. workspace: where its trials are recorded.

    first_seed: seed number 0 stands for this one. jobs: trials at a time. suspicion: what records say of each change,
    see ``Space``. outputs: files that the answer is written to, which are no source.
    """

    old: End
    new: End
    pythons: Mapping[str, Interpreter]
    command: Command
    folder: Path
    workspace: Path
    higher_is_better: bool = True
    first_seed: int = 0
    jobs: int = 1
    settings: Settings = field(default_factory=Settings)
    suspicion: Mapping[str, float] = field(default_factory=dict)
    outputs: tuple[Path, ...] = ()


class Study:
    """One study on disk. ``run`` may be swapped for what sends an order elsewhere and waits for its report."""

    def __init__(
        self,
        setup: Setup,
        uv: Uv,
        run: Callable[[Order], Report] | None = None,
        *,
        resume: bool = False,
        fresh: bool = False,
    ) -> None:
        """resume: go on with the study in this folder. fresh: rerun what was run before.

        Raises InvalidInput when the source is no longer what the study to resume began with.
        """
        self.setup = setup
        self.uv = uv
        self._stop = threading.Event()
        self._run = run or partial(run_trial, stop=self._stop)
        self._built: dict[tuple[str, str], Built] = {}
        self._building = threading.Lock()
        self._source, since = self._begin(resume, fresh)
        self.space = self._space()
        self.trials: list[Trial] = []
        self.inside: list[Trial] = []  # those of releases between the ends
        self._known = read_known(setup.workspace, since)
        self._before = {key: len(reports) for key, reports in self._known.items()}
        self._pending: dict[Slot, Future[Report]] = {}
        self._mixes = 0

    @property
    def before(self) -> int:
        """How many trials that are known may be taken over."""
        return sum(self._before.values())

    @property
    def problem(self) -> Problem:
        """What is decided about."""
        return Problem(self.space.mixes, self.space.weights(), self.setup.settings)

    def finish(self, watch: Watch | None = None, trying: Callable[[Probe], None] | None = None) -> Verdict:
        """Run trials until there is a verdict. watch: told after each trial, with its number; trying: before each.

        Raises EnvironmentChanged when a trial edited installed files in place; InvalidInput when another process works
        on this study.
        """
        problem = self.problem
        if not self.space.atoms:
            return Verdict("no_regression", "the two environments are the same")
        with self._alone(), self._pool() as pool:
            while isinstance(step := decide(problem, self._results()), Probe):
                if trying is not None:
                    trying(step)
                trial = self._obtain(pool, problem, step)
                self.trials.append(trial)
                if watch is not None:
                    watch(trial, len(self.trials))
        return step

    def clean(self) -> None:
        """Remove the environments; the trials stay."""
        shutil.rmtree(self.setup.folder / "environments", ignore_errors=True)

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
                    self._pending[each] = pool.submit(self._try, probe)
            if slot not in self._pending:
                self._pending[slot] = pool.submit(self._try, step)
            wait(self._pending.values(), return_when=FIRST_COMPLETED)
            self._collect()
        return self._trial(step, report, slot[2] < self._before.get(self._key(slot), 0))

    def _trial(self, step: Probe, report: Report, before: bool) -> Trial:
        sign = 1.0 if self.setup.higher_is_better or self.setup.command.good_if is not None else -1.0
        value = None if report.value is None else sign * report.value
        return Trial(step, Result(step.mix, step.seed, value, report.reason, report.seconds), report, before)

    def rerun(
        self,
        step: Probe,
        pins: Mapping[str, str],
        apart: Mapping[str, Built],
        end: str,
        variables: Mapping[str, str | None],
    ) -> Trial:
        """A trial of what is no mix of the two ends; one that is known already is taken over.

        pins: what is installed. apart: the packages that come from neither end. end: whose interpreter.
        """
        seed = self.setup.first_seed + step.seed
        key = key_of(self.setup.command, self._source, self.setup.pythons[end].path, pins, variables, seed)
        if key in self._known:
            return self._trial(step, self._known[key][0], True)
        parts = {name: apart.get(name) or self.built(end, name, version) for name, version in pins.items()}
        at = self.setup.folder / "environments" / "mix-apart"
        began = time.monotonic()
        try:
            assemble(self.uv, at, self.setup.pythons[end], parts, pins)
            about = {**self._about(step, time.monotonic() - began), "key": key, "pins": dict(pins)}
            report = self._run(self._order(step, at, about, variables))
        finally:
            shutil.rmtree(at, ignore_errors=True)
        self._known[key] = [report]
        return self._trial(step, report, False)

    def built(self, end: str, name: str, version: str) -> Built:
        """The built environment that a release is taken from, on the interpreter of one end."""
        with self._building:
            return self._part(end, name, version)

    def _at_hand(self, slot: Slot) -> Report | None:
        reports = self._known.get(self._key(slot), [])
        return reports[slot[2]] if slot[2] < len(reports) else None

    def _collect(self) -> None:
        for slot, future in list(self._pending.items()):
            if future.done():
                del self._pending[slot]
                self._known.setdefault(self._key(slot), []).append(future.result())

    def _key(self, slot: Slot) -> str:
        mix, seed, _ = slot
        python = self.setup.pythons[self.space.python_end(mix)].path
        pins, variables = self.space.packages(mix), self.space.variables(mix)
        return key_of(self.setup.command, self._source, python, pins, variables, self.setup.first_seed + seed)

    def _try(self, step: Probe) -> Report:
        began = time.monotonic()
        end = self.space.python_end(step.mix)
        pins = self.space.packages(step.mix)
        with self._building:
            parts = {name: self._part(end, name, version) for name, version in pins.items()}
            self._mixes += 1
            at = self.setup.folder / "environments" / f"mix-{self._mixes}"
        try:
            assemble(self.uv, at, self.setup.pythons[end], parts, pins)
            about = self._about(step, time.monotonic() - began)
            about |= {"key": self._key((step.mix, step.seed, 0)), "at_new": list(self.space.keys(step.mix))}
            return self._run(self._order(step, at, about, self.space.variables(step.mix)))
        finally:
            shutil.rmtree(at, ignore_errors=True)

    def _about(self, step: Probe, assembled: float) -> dict[str, object]:
        return {
            "study": slug(self.setup.folder.name) or "study",
            "purpose": step.purpose,
            "why": step.why,
            "seed": step.seed,
            "assembled": round(assembled, 3),
        }

    def _order(self, step: Probe, at: Path, about: Mapping[str, object], variables: Mapping[str, str | None]) -> Order:
        seed = self.setup.first_seed + step.seed
        workspace, scratch = str(self.setup.workspace), str(self._scratch)
        return Order(self.setup.command, str(at), seed, variables, workspace, scratch, about)

    # ------------------------------------------------------------------------------------------ on this machine

    @property
    def _scratch(self) -> Path:
        return Path(tempfile.gettempdir()) / f"contexta-{self.setup.folder.name}"

    @contextmanager
    def _pool(self) -> Iterator[Executor]:
        pool = ThreadPoolExecutor(self.setup.jobs, "trial")
        try:
            yield pool
        finally:
            self._stop.set()  # what was run ahead and nobody asked for, or what a Ctrl-C came into
            pool.shutdown(cancel_futures=True)
            self._stop.clear()
            tidy(Path(self.setup.command.folder), self._scratch)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """The only process at this study; what a killed one left behind is removed."""
        self.setup.folder.mkdir(parents=True, exist_ok=True)
        with alone(self.setup.folder / "lock") as first:
            if not first:
                raise InvalidInput(
                    f"another process works on the study in {self.setup.folder}", hint="wait for it, or stop it"
                )
            tidy(Path(self.setup.command.folder), self._scratch)
            for left in (self.setup.folder / "environments").glob("mix-*"):
                shutil.rmtree(left, ignore_errors=True)
            yield

    def _begin(self, resume: bool, fresh: bool) -> tuple[str, str]:
        """(the source's fingerprint, since when trials count); remembered for a study that goes on."""
        command = self.setup.command
        path = self.setup.folder / "study.json"
        if resume and path.exists():
            known = json.loads(path.read_text())
            source = fingerprint(known["files"])  # what came later was nothing that the trials before it could use
            if known["source"] != source:
                raise InvalidInput(
                    f"files in {command.folder} were changed since this study began: its trials do not fit any more",
                    hint="undo the change, or start a study of what is there now: leave out --resume",
                )
            return source, known["since"]
        since = from_microseconds(time.time_ns() // 1000) if fresh else ""
        self.setup.folder.mkdir(parents=True, exist_ok=True)
        files = sources(Path(command.folder), in_place=command.in_place, outputs=self.setup.outputs)
        source = fingerprint(files)
        path.write_text(json.dumps({"source": source, "since": since, "files": files}))
        return source, since

    # ------------------------------------------------------------------------------------------ environments

    def _space(self) -> Space:
        """The two ends are built first: what they hold is where requirements are read from."""
        setup = self.setup
        metadata: dict[Release, Metadata] = {}
        for name, end in (("old", setup.old), ("new", setup.new)):
            for package in self._end(name, name, end.packages).packages.values():
                metadata[package.name, package.version] = Metadata(package.requires, package.requires_python)

        def has_wheel(release: Release, end: str) -> bool:
            return self.uv.has_wheel(setup.pythons[end].path, *release)

        return replace(space_between(setup.old, setup.new, metadata, has_wheel), suspicion=setup.suspicion)

    def _part(self, python: str, name: str, version: str) -> Built:
        """The built environment that a release is taken from, on the interpreter of one end."""
        if self._built[python, python].pins.get(name) == version:
            return self._built[python, python]
        other = "new" if python == "old" else "old"
        if self.setup.pythons["old"].path == self.setup.pythons["new"].path:
            return self._built[other, other]
        pins = (self.setup.old if other == "old" else self.setup.new).packages
        here = self._built[python, python].pins
        foreign = {
            name: version
            for name, version in pins.items()
            if here.get(name) != version and self.uv.has_wheel(self.setup.pythons[python].path, name, version)
        }
        return self._end(python, other, foreign)

    def _end(self, python: str, pins_of: str, pins: Mapping[str, str]) -> Built:
        if (python, pins_of) not in self._built:
            at = self.setup.folder / "environments" / f"{pins_of}-on-{python}"
            self._built[python, pins_of] = build(self.uv, at, self.setup.pythons[python], pins)
        return self._built[python, pins_of]


def identity(setup: Setup) -> str:
    """Whatever makes two studies the same one, as text: ends, interpreters, command and how its number is read."""
    return json.dumps(
        {
            "old": [sorted(setup.old.packages.items()), sorted(setup.old.variables.items())],
            "new": [sorted(setup.new.packages.items()), sorted(setup.new.variables.items())],
            "pythons": {end: python.path for end, python in sorted(setup.pythons.items())},
            "command": asdict(setup.command),
            "higher": setup.higher_is_better,
            "seed": setup.first_seed,
        },
        sort_keys=True,
    )


__all__ = ["EnvironmentChanged", "Setup", "Study", "Trial", "Watch", "identity"]
