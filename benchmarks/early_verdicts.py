"""Simulate studies whose trials end early: wrong proofs, and the cost in whole trainings.

    uv run benchmarks/early_verdicts.py [STUDIES [FIRST [KIND]]]

STUDIES of each kind (default 300), from problem number FIRST (default 0), in two processes; KIND: only the kinds whose
name contains it. A training logs 40 epochs. A trial is stopped after three of them that equal an endpoint where OLD
and NEW differ. "unmeasured" counts proofs with a fact that no trial measured. At one seed, a change that draws other
random numbers moves the metric too: a proof that names it besides the culprit is right there. The kinds with jitter
(1e-7 of the loss, growing by 1.3 per epoch) run the real rule on logged lines, which takes longer.
"""

from __future__ import annotations

import math
import sys
import tempfile
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from random import Random
from statistics import fmean
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from support import jittered
from support.early_worlds import LoggedWorld, play_logged
from support.jittered import Training
from support.worlds import World, draw, draw_with_perturbing_changes

from contexta.bisect.space.lattice import mix_of

CHANGES = 12


def single(number: int, effect: float = 4.0, *, shifts: int = 0) -> World:
    """A world of one culprit without failing mixes, and with a number of RNG-perturbing changes."""
    world = draw(number, "single", effect, fingerprint=True, count=CHANGES)
    others = [group for group in range(CHANGES) if group not in world.causes]
    drawn = sum(1 << group for group in Random(number).sample(others, shifts))
    return replace(world, shifts=drawn, crashes=(), flaky_mixes=0.0)


def other(world: World) -> int:
    """A harmless change, as a mix."""
    return 1 << Random(world.number + 1).choice([group for group in range(CHANGES) if group not in world.causes])


def moved_by_another(number: int, cause_from: float) -> LoggedWorld:
    world = single(number)
    return LoggedWorld(world, cause_from, movers=other(world))


def crashing(number: int) -> LoggedWorld:
    world = single(number)
    free = [group for group in range(CHANGES) if group not in world.causes]
    first, second = Random(number).sample(free, 2)
    return LoggedWorld(replace(world, crashes=((first, second),)), fails_late=True)


def null(number: int) -> LoggedWorld:
    return LoggedWorld(draw(number, "null", 2.0, fingerprint=True))


def null_with_perturbing(number: int) -> LoggedWorld:
    return LoggedWorld(draw_with_perturbing_changes(number, "null", 2.0, count=40, perturbing=3))


KINDS: dict[str, Callable[[int], LoggedWorld]] = {
    "culprit from the first epoch": lambda number: LoggedWorld(single(number)),
    "culprit from epoch 12": lambda number: LoggedWorld(single(number), 0.3),
    "culprit at 2 sd": lambda number: LoggedWorld(single(number, 2.0)),
    "culprit, and a harmless change that draws other random numbers": lambda number: LoggedWorld(
        single(number, shifts=1)
    ),
    "culprit in the evaluation only": lambda number: LoggedWorld(single(number), math.inf),
    "culprit in the evaluation only, another change moves the series": lambda n: moved_by_another(n, math.inf),
    "culprit from epoch 20, another change moves the series at once": lambda n: moved_by_another(n, 0.5),
    "culprit from epoch 36, another change moves the series at once": lambda n: moved_by_another(n, 0.9),
    "culprit, and another change crashes in the evaluation next to an old one": crashing,
    "any graph, failures and RNG-perturbing changes, 4 sd": lambda n: LoggedWorld(
        draw(n, "single", 4.0, fingerprint=True)
    ),
    "one seed: culprit from the first epoch": lambda n: LoggedWorld(single(n), one_seed=True),
    "one seed: culprit, and a harmless change that draws other random numbers": lambda n: LoggedWorld(
        single(n, shifts=1), one_seed=True
    ),
    "one seed: culprit in the evaluation only": lambda n: LoggedWorld(single(n), math.inf, one_seed=True),
    "one seed: culprit in the evaluation only, another change moves the series": lambda n: replace(
        moved_by_another(n, math.inf), one_seed=True
    ),
    "one seed: culprit, and another change crashes in the evaluation": lambda n: replace(crashing(n), one_seed=True),
    "null, any RNG-perturbing changes": null,
    "null, 3 RNG-perturbing changes of 40": null_with_perturbing,
}


JITTERED = {
    "jitter: culprit from the first epoch": Training(),
    "jitter: culprit from epoch 12": Training(cause_from=12),
    "jitter: the same without jitter": Training(jitter=0.0),
    "jitter: culprit, and a harmless change that draws other random numbers": Training(perturbing="g"),
    "jitter: culprit in the evaluation only, another change moves the series": Training(cause_from=math.inf, mover="k"),
    "jitter: culprit from epoch 36, another change moves the series at once": Training(cause_from=36, mover="k"),
    "jitter: a harmless change that draws other random numbers, without jitter": Training(perturbing="g", jitter=0.0),
    "jitter: null, one change draws other random numbers": Training(culprit="", perturbing="g"),
    "jitter: null, the same without jitter": Training(culprit="", perturbing="g", jitter=0.0),
}


class Row(NamedTuple):
    is_right: bool
    is_wrong: bool
    is_unmeasured: bool
    runs: int
    cost: float


def study(kind: str, number: int) -> Row:
    if kind in JITTERED:
        return jittered_study(JITTERED[kind], number)
    logged = KINDS[kind](number)
    outcome, cost = play_logged(logged)
    proof = outcome.verdict.proof if outcome.verdict.kind == "proved" else None
    ends = {0, logged.world.mixes.full}
    measured = {result.mix for result in outcome.results if result.is_measured and result.value is not None}
    unmeasured = proof is not None and any(fact.mix not in measured | ends for fact in proof.facts)
    right, wrong = outcome.right, outcome.wrongly_proved and not outcome.verdict.fixed_seed
    if logged.one_seed and proof is not None:  # at one seed, a change that draws other random numbers acts as well
        causes = mix_of(logged.world.causes)
        right = outcome.verdict.culprits & ~logged.world.shifts == causes
        wrong = not right
    return Row(right, wrong, unmeasured, outcome.runs, cost)


def jittered_study(training: Training, number: int) -> Row:
    with tempfile.TemporaryDirectory() as workspace:
        verdict, culprits, trials, cost = jittered.study(training, Path(workspace), number)
    is_proved, measured = verdict.kind == "proved", {trial.step.mix for trial in trials if trial.result.is_measured}
    causes = tuple(training.culprit)
    right = (is_proved and culprits == causes) if causes else verdict.kind == "no_regression"
    facts = verdict.proof.facts if is_proved and verdict.proof is not None else ()
    unmeasured = any(fact.mix not in measured for fact in facts)
    return Row(right, is_proved and culprits != causes, unmeasured, len(trials), cost)


def main() -> None:
    given = dict(enumerate(sys.argv))
    studies, first, only = int(given.get(1, 300)), int(given.get(2, 0)), given.get(3, "")
    print(f"{'right':>6} {'wrong':>12} {'unmeasured':>10} {'runs':>6} {'trainings':>9}  kind", flush=True)
    with ProcessPoolExecutor(2) as pool:
        for kind in (kind for kind in (*KINDS, *JITTERED) if only in kind):
            rows = list(pool.map(partial(study, kind), range(first, first + studies), chunksize=8))
            right, wrong = fmean(row.is_right for row in rows), sum(row.is_wrong for row in rows)
            unmeasured = sum(row.is_unmeasured for row in rows)
            runs, cost = fmean(row.runs for row in rows), fmean(row.cost for row in rows)
            counted = f"{wrong} of {studies}"
            print(f"{right:6.1%} {counted:>12} {unmeasured:10} {runs:6.1f} {cost:9.1f}  {kind}", flush=True)


if __name__ == "__main__":
    main()
