"""Simulated projects with a planted cause, as input of ``why``."""

from __future__ import annotations

import random
from dataclasses import dataclass

from contexta.analysis.why.explain import explain
from contexta.contract import EnvironmentSnapshot
from contexta.core.references import StableRef
from contexta.findings import Explanation
from contexta.findings.past_runs import PastEnvironment, PastRun, RunRecord

METRIC = ("train", "accuracy")
EFFECT = 0.04


@dataclass(frozen=True)
class World:
    """A project that upgraded its packages in batches, with a few runs between the batches.

    batches: package names by batch. cause: one of them, imported; None where nothing has an effect. company: the
    imported packages that moved in the cause's batch, itself included.
    """

    runs: tuple[PastRun, ...]
    old: RunRecord
    new: RunRecord
    batches: tuple[tuple[str, ...], ...]
    cause: str | None
    company: tuple[str, ...]

    @property
    def identifiable(self) -> bool:
        """Whether records could put the cause among the first three: no more than three moved with it and ran."""
        return self.cause is not None and len(self.company) <= 3

    def explained(self) -> Explanation:
        return explain(self.old, self.new, self.runs, metric="accuracy")


def a_world(seed: int, *, changed: int, noise: float, confounded: bool, effect: float = EFFECT) -> World:
    """changed: packages that differ between the first run and the last. noise: standard deviation, in the metric's
    unit. confounded: whether packages move in batches, else each moves alone."""
    draws = random.Random(seed)
    names = [f"package-{number:02}" for number in range(changed)]
    cause = draws.choice(names)
    imported = {name for name in names if name == cause or draws.random() < 0.5}
    order = draws.sample(names, changed)
    batches: list[tuple[str, ...]] = []
    while order:
        size = min(len(order), draws.randint(2, 5)) if confounded else 1
        batches.append(tuple(order[:size]))
        order = order[size:]
    jumps = {name: draws.choice(["2.0.0", "1.1.0", "1.0.1"]) for name in names}
    packages = dict.fromkeys([*names, "steady"], "1.0.0")
    environments = [PastEnvironment("0", "3.11.0", "linux", dict(packages))]
    for number, batch in enumerate(batches, 1):
        packages.update({name: jumps[name] for name in batch})
        environments.append(PastEnvironment(str(number), "3.11.0", "linux", dict(packages)))
    runs: list[PastRun] = []
    for environment in environments:
        for _ in range(draws.randint(2, 4)):
            value = 0.9 + draws.gauss(0, noise) - effect * (environment.packages[cause] != "1.0.0")
            runs.append(_a_run(len(runs), environment, value))
    company = next(tuple(name for name in batch if name in imported) for batch in batches if cause in batch)
    sides = [RunRecord(run, _a_snapshot(run, imported), {}) for run in (runs[0], runs[-1])]
    return World(tuple(runs), sides[0], sides[1], tuple(batches), cause if effect else None, company)


def _a_run(number: int, environment: PastEnvironment, value: float) -> PastRun:
    return PastRun(
        ref=StableRef("run", f"p.r{number}"),
        status="completed",
        started_at=f"2025-01-01T{number // 60:02}:{number % 60:02}:00Z",
        seconds=60.0,
        environment=environment,
        metrics={METRIC: value},
    )


def _a_snapshot(run: PastRun, imported: set[str]) -> EnvironmentSnapshot:
    assert run.environment is not None
    return EnvironmentSnapshot(
        environment_snapshot_ref=f"environment:{run.ref.value}.s",
        run_ref=run.ref,
        captured_at=run.started_at,
        python_version="3.11.0",
        platform="linux",
        packages=run.environment.packages,
        imports={"distributions": {name: [name] for name in sorted(imported)}, "own": []},
    )
