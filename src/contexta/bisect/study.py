"""The loop: decide, build the mix, rerun, write down, decide again.

Every finished trial is one line of ``trials.jsonl``, written before the next one starts; ``decide`` is pure. So a
study that was ended anyhow goes on where it was: the lines are read back and the same decisions fall again.
"""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from contexta.bisect.changes import End, Metadata, Release, Space, space_between
from contexta.bisect.readings import Result
from contexta.bisect.search import Probe, Problem, Settings, Verdict, decide
from contexta.bisect.trial import Command, Order, Report, run_trial
from contexta.errors import DamagedData
from contexta.reproduce.build import Built, EnvironmentChanged, assemble, build
from contexta.reproduce.uv import Interpreter, Uv

Trial = tuple[Probe, Result]
Watch = Callable[[Probe, Result, int], None]


@dataclass(frozen=True)
class Setup:
    """What is studied. folder: the study's own directory. first_seed: seed number 0 stands for this one.
    suspicion: what records say of each change, see ``Space``."""

    old: End
    new: End
    pythons: Mapping[str, Interpreter]
    command: Command
    folder: Path
    higher_is_better: bool = True
    first_seed: int = 0
    settings: Settings = field(default_factory=Settings)
    suspicion: Mapping[str, float] = field(default_factory=dict)


class Study:
    """One study on disk. ``run`` may be swapped for what sends an order elsewhere and waits for its report."""

    def __init__(self, setup: Setup, uv: Uv, run: Callable[[Order], Report] = run_trial) -> None:
        self.setup = setup
        self.uv = uv
        self._run = run
        self._built: dict[tuple[str, str], Built] = {}
        self.space = self._space()
        self.trials: list[Trial] = list(self._read())

    def forget(self) -> None:
        """Start over: the trials of an earlier study are thrown away."""
        self._journal.unlink(missing_ok=True)
        self.trials = []

    def finish(self, watch: Watch | None = None) -> Verdict:
        """Run trials until there is a verdict. watch: told after each trial, with its number.

        Raises EnvironmentChanged when a trial edited installed files in place.
        """
        problem = Problem(self.space.mixes, self.space.weights(), self.setup.settings)
        if not self.space.atoms:
            return Verdict("no_regression", "the two environments are the same")
        while isinstance(step := decide(problem, [result for _, result in self.trials]), Probe):
            result = self._try(step)
            self._write(step, result)
            if watch is not None:
                watch(step, result, len(self.trials))
        return step

    def clean(self) -> None:
        """Remove the environments; the trials stay."""
        shutil.rmtree(self.setup.folder / "environments", ignore_errors=True)

    # ------------------------------------------------------------------------------------------ one trial

    def _try(self, step: Probe) -> Result:
        began = time.monotonic()
        at = self.setup.folder / "environments" / f"mix-{step.mix:x}"
        end = self.space.python_end(step.mix)
        pins = self.space.packages(step.mix)
        try:
            parts = {name: self._part(end, name, version) for name, version in pins.items()}
            assemble(self.uv, at, self.setup.pythons[end], parts, pins)
            seed = self.setup.first_seed + step.seed
            order = Order(self.setup.command, str(at), seed, self.space.variables(step.mix))
            told = self._run(order)
        finally:
            shutil.rmtree(at, ignore_errors=True)
        sign = 1.0 if self.setup.higher_is_better else -1.0
        value = None if told.value is None else sign * told.value
        if value is None:
            self._keep_log(told)
        return Result(step.mix, step.seed, value, told.reason, time.monotonic() - began)

    def _keep_log(self, told: Report) -> None:
        logs = self.setup.folder / "logs"
        logs.mkdir(parents=True, exist_ok=True)
        (logs / f"{len(self.trials) + 1}.txt").write_text(f"{told.reason}\n\n{told.log}", errors="replace")

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

    # ------------------------------------------------------------------------------------------ on disk

    @property
    def _journal(self) -> Path:
        return self.setup.folder / "trials.jsonl"

    def _write(self, step: Probe, result: Result) -> None:
        self.trials.append((step, result))
        line = {
            "at_new": self.space.keys(result.mix),
            "seed": result.seed,
            "value": result.value,
            "reason": result.reason,
            "seconds": result.seconds,
            "purpose": step.purpose,
            "why": step.why,
        }
        self.setup.folder.mkdir(parents=True, exist_ok=True)
        with self._journal.open("ab") as file:
            file.write(json.dumps(line).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())

    def _read(self) -> Iterator[Trial]:
        if not self._journal.exists():
            return
        atom_of = {key: number for number, atom in enumerate(self.space.atoms) for key in atom.keys}
        content = self._journal.read_bytes()
        whole = content[: content.rfind(b"\n") + 1]  # a line that was being written when the study was ended
        if whole != content:
            self._journal.write_bytes(whole)
        for number, line in enumerate(whole.splitlines(), start=1):
            try:
                told = json.loads(line)
                mix = 0
                for key in told["at_new"]:
                    mix |= 1 << atom_of[key]
                step = Probe(mix, told["seed"], told["purpose"], told["why"])
                yield step, Result(mix, told["seed"], told["value"], told["reason"], told["seconds"])
            except (ValueError, KeyError, TypeError) as error:
                raise DamagedData(
                    f"{self._journal} line {number} is not a trial of this study: {error}",
                    hint="start over without --resume",
                ) from error


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
