"""Compare the search with an exact Bayesian that knows more than any study: a bound on every search in noise.

    uv run benchmarks/bisect_limit.py [STUDIES [FIRST [RUNS]]]

STUDIES (default 500) of the problems from number FIRST (default 0) of ``bisect_simulation.py``: a single cause with an
effect of 2 standard deviations of the noise, values that never repeat, at most RUNS runs (default 40).

The Bayesian knows that exactly one change is the cause. So it need not exclude pairs, additive causes or the absence of
a cause, and it does not show that the endpoints differ. Its proof is two runs each of OLD with the culprit and of NEW
without it. It begins with four runs of OLD and three of NEW, then takes the most informative mix, and ends when one
change has a probability of 99 %. In further rows it also knows the noise, or the noise and both levels.
"""

from __future__ import annotations

import math
import sys
from concurrent.futures import ProcessPoolExecutor
from itertools import repeat
from pathlib import Path
from statistics import fmean
from typing import Literal

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from support.worlds import World, draw, play

from contexta.bisect.inference.failures.failure_model import learn
from contexta.bisect.inference.likelihood import Levels, Pool
from contexta.bisect.inference.posterior import Posterior
from contexta.bisect.search.acquisition import likeliest, most_informative
from contexta.bisect.search.problem import Settings
from contexta.bisect.space.lattice import Mixes

Knowledge = Literal["one change", "and the noise", "and the levels"]
Row = tuple[bool, bool, int]
"""(named the cause, named another, runs)"""
_EFFECT = 2.0  # standard deviations
_SURE, _LEADS, _SHOWN = 0.99, 0.7, 2


def contexta(number: int, runs: int) -> Row:
    outcome = play(draw(number, "single", _EFFECT, fingerprint=False), Settings(max_runs=runs))
    return outcome.right, outcome.wrongly_proved, outcome.runs


class Bayesian:
    """One study of a world."""

    def __init__(self, world: World, known: Knowledge) -> None:
        self.mixes: Mixes = world.mixes
        self.runs = 0
        self._world = world
        self._known = known
        self._values: dict[int, list[float]] = {}  # in drops from OLD's true level
        self._failed: set[int] = set()

    def study(self, runs: int) -> Row:
        full = self.mixes.full
        for endpoint in (0, full, 0, full, 0, full, 0):
            self._run(endpoint)
        while True:
            probabilities = self._probabilities()
            leader = max(range(self.mixes.count), key=probabilities.__getitem__)
            unit = self.mixes.inseparable(leader)
            certainty = sum(p for group, p in enumerate(probabilities) if unit >> group & 1)
            facts = (self.mixes.closed(1 << leader), self.mixes.without(full, 1 << leader))
            lacking = [mix for mix in facts if mix not in (0, full, *self._failed) and self._count(mix) < _SHOWN]
            if certainty >= _SURE and not lacking:
                right = bool(unit >> self._world.causes[0] & 1)
                return right, not right, self.runs
            following = lacking[0] if certainty >= _LEADS and lacking else self._most_informative(probabilities)
            if following is None or self.runs >= runs:
                return False, False, self.runs
            self._run(following)

    def _count(self, mix: int) -> int:
        return len(self._values.get(mix, ()))

    def _run(self, mix: int) -> None:
        self.runs += 1
        value = self._world.run(mix, self._count(mix)).value
        if value is None:
            self._failed.add(mix)
        else:
            self._values.setdefault(mix, []).append((0.9 - value) / 0.05)

    def _probabilities(self) -> tuple[float, ...]:
        """The probability of each change."""
        likelihoods: dict[tuple[int, ...], float] = {}
        logs = []
        for group in range(self.mixes.count):
            bad = tuple(mix for mix in self._values if mix >> group & 1)
            if bad not in likelihoods:
                likelihoods[bad] = self._log_likelihood(set(bad))
            logs.append(likelihoods[bad])
        top = max(logs)
        shares = [math.exp(log - top) for log in logs]
        return tuple(share / sum(shares) for share in shares)

    def _log_likelihood(self, bad: set[int]) -> float:
        pools: tuple[list[float], list[float]] = ([], [])
        for mix, values in self._values.items():
            pools[mix in bad].extend(values)
        if self._known == "and the levels":
            return -sum(_EFFECT**2 * (x - level) ** 2 / 2 for level, pool in enumerate(pools) for x in pool)
        worth = 1e6 if self._known == "and the noise" else 0.01
        return Levels(1 / _EFFECT, worth).dropped(*map(Pool.of, pools))

    def _most_informative(self, probabilities: tuple[float, ...]) -> int | None:
        mixes, nothing = self.mixes, ((0.0,) * self.mixes.count,) * self.mixes.count
        posterior = Posterior(probabilities, nothing, nothing, 0.0, 0.0)
        risk = learn(mixes.count, self._failed, self._values)
        expected = [
            mix
            for group in likeliest(posterior, 3)
            for mix in (mixes.closed(1 << group), mixes.without(mixes.full, 1 << group))
        ]
        choice = most_informative(posterior, mixes, risk, expected, (), self.runs, tells_parts=True)
        return None if choice is None else choice.mix


def bayesian(number: int, known: Knowledge, runs: int) -> Row:
    return Bayesian(draw(number, "single", _EFFECT, fingerprint=False), known).study(runs)


def main(studies: int, first: int, runs: int) -> None:
    numbers = range(first, first + studies)
    print(f"a single cause of {_EFFECT:g} sd, no value repeats, {runs} runs allowed, {studies} studies")
    with ProcessPoolExecutor(2) as pool:

        def line(name: str, rows: list[Row]) -> None:
            right, wrong, mean_runs = (fmean(column) for column in zip(*rows, strict=True))
            print(f"{name:<44} right {right:.1%}, wrong {wrong:.2%}, runs {mean_runs:.1f}", flush=True)

        line("Contexta's search", list(pool.map(contexta, numbers, repeat(runs), chunksize=10)))
        for known in ("one change", "and the noise", "and the levels"):
            line(
                f"a Bayesian who knows: {known}",
                list(pool.map(bayesian, numbers, repeat(known), repeat(runs), chunksize=10)),
            )


if __name__ == "__main__":
    arguments = sys.argv[1:4]
    studies, first, runs = (*arguments, *("500", "0", "40")[len(arguments) :])
    main(int(studies), int(first), int(runs))
