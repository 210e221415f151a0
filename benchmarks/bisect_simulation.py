"""Simulate the search on regressions with a known cause, and compare it with three other strategies.

    uv run benchmarks/bisect_simulation.py [STUDIES [FIRST [DIES]]]

STUDIES of each kind (default 2 000: hours on two cores), from problem number FIRST. The share DIES of all runs gives no
value (default 0). Then a tenth as many of two more kinds: a culprit that fails with one to four others at OLD although
no metadata says so, and one diverged run of OLD or NEW. Then at most 300 of each kind of difficult noise
(tests/support/noisy_worlds.py), and a seventh as many of each kind that is hard to judge
(tests/support/hard_worlds.py).
A world has 5 to 60 changes, a dependency graph with hubs, and 0 to 30 % mixes that fail (tests/support/worlds.py).
"probes" are mixes other than the endpoints and those of the proof.
"""

from __future__ import annotations

import math
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from itertools import pairwise, repeat
from pathlib import Path
from statistics import fmean

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from support.hard_worlds import KINDS, is_right, is_wrong
from support.noisy_worlds import FAMILIES
from support.worlds import World, draw, draw_needing_others, play

from contexta.bisect.inference.observations import Observation
from contexta.bisect.search.problem import Settings
from contexta.bisect.space.lattice import mix_of

# kind, effect in standard deviations, fingerprint, runs allowed
CASES = [
    ("single", math.inf, True, 60),
    ("single", 4.0, True, 60),
    ("single", 2.0, True, 40),
    ("single", 1.0, True, 60),
    ("single", 4.0, False, 60),
    ("single", 2.0, False, 40),
    ("single", 2.0, False, 60),
    ("single", 1.0, False, 60),
    ("pair", math.inf, True, 60),
    ("pair", 4.0, False, 60),
    ("pair", 2.0, True, 60),
    ("additive", math.inf, True, 60),
    ("additive", 4.0, False, 60),
    ("null", math.inf, True, 60),
    ("null", 2.0, True, 60),
    ("null", 2.0, False, 60),
]
Row = tuple[bool, bool, str, int, int, int]
"""(right, wrongly proved, verdict, probes, runs, groups)"""


def study(number: int, kind: str, effect: float, fingerprint: bool, runs: int, dies: float) -> Row:
    outcome = play(draw(number, kind, effect, fingerprint=fingerprint, dies=dies), Settings(max_runs=runs))
    verdict = outcome.verdict.kind
    return outcome.right, outcome.wrongly_proved, verdict, outcome.probes, outcome.runs, outcome.world.mixes.count


def companions(number: int, effect: float) -> tuple[bool, bool, int]:
    """(right, named just the companions it needs, runs) of a culprit that dies beside one to four others at OLD."""
    world, needed = draw_needing_others(number, effect)
    outcome = play(world)
    return outcome.right, outcome.verdict.companions == needed, outcome.runs


class Diverging(World):
    """The second run of OLD at another seed lies forty standard deviations below; where the number is odd, NEW's."""

    def run(self, mix: int, seed: int) -> Observation:
        trial = super().run(mix, seed)
        if trial.value is None or self.run_counter[0] != 4 + self.number % 2:
            return trial
        return replace(trial, value=trial.value - 40 * 0.05 / self.effect)


def diverging(number: int, effect: float, fingerprint: bool) -> tuple[bool, bool]:
    """(right, wrongly proved)"""
    outcome = play(Diverging(**vars(draw(number, "single", effect, fingerprint=fingerprint))))
    return outcome.right, outcome.wrongly_proved


def hard(kind: str, number: int) -> tuple[bool, bool, int]:
    """(right, wrongly proved, runs) of a world that is hard to judge (tests/support/hard_worlds.py)."""
    outcome = play(KINDS[kind](number))
    return is_right(outcome), is_wrong(outcome), outcome.runs


class Tester:
    """Answers "is this mix bad" for the other methods, and counts the mixes that had to be run for it."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.asked: set[int] = set()

    def bad(self, mix: int) -> bool | None:
        """None when it cannot exist (known for nothing) or fails (found out by running it)."""
        if not self.world.mixes.can_exist(mix):
            return None
        if mix not in (0, self.world.mixes.full):
            self.asked.add(mix)
        return None if self.world.fails(mix) else self.world.level(mix) == 1.0


def ddmin(tester: Tester) -> int:
    """Delta debugging (Zeller and Hildebrandt 2002) from NEW down; a mix that is not known bad counts as not bad."""
    groups, parts = list(range(tester.world.mixes.count)), 2
    while len(groups) > 1:
        size = math.ceil(len(groups) / parts)
        chunks = [groups[n : n + size] for n in range(0, len(groups), size)]
        rests = [[group for group in groups if group not in chunk] for chunk in chunks]
        smaller = next((s for s in chunks + (rests if parts > 2 else []) if tester.bad(mix_of(s))), None)
        if smaller is not None:
            parts = 2 if len(smaller) <= size else max(parts - 1, 2)
            groups = smaller
        elif parts >= len(groups):
            break
        else:
            parts = min(len(groups), parts * 2)
    return mix_of(groups)


def one_by_one(tester: Tester) -> int:
    """Each change alone, with what it requires, until one is bad."""
    for group in range(tester.world.mixes.count):
        if tester.bad(tester.world.mixes.closed(1 << group)):
            return 1 << group
    return 0


def prefix(tester: Tester) -> int:
    """Plain bisection over a fixed order; a mix that fails counts as bad, as an exit code would."""
    steps = tester.world.mixes.chain(0, tester.world.mixes.full, lambda group: group)
    low, high = 0, len(steps) - 1
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if tester.bad(steps[middle]) is False else (low, middle)
    return steps[high] & ~steps[low]


def compared(number: int) -> list[tuple[bool, int]]:
    """(right, mixes run) of each other method on a single noise-free cause."""
    methods: Iterable[Callable[[Tester], int]] = (ddmin, one_by_one, prefix)
    result = []
    for method in methods:
        tester = Tester(draw(number, "single", math.inf, fingerprint=True))
        answer = method(tester)
        result.append((answer == mix_of(tester.world.causes), len(tester.asked)))
    return result


def hindered(pool: ProcessPoolExecutor, numbers: range) -> None:
    """Print what comes of companions that no metadata says, and of a run that diverges."""
    for effect in (math.inf, 4.0):
        brought = list(pool.map(companions, numbers, repeat(effect), chunksize=5))
        right, exact, runs = (fmean(column) for column in zip(*brought, strict=True))
        print(
            f"companions, {effect:g} sd: right {right:.1%}, companions exact {exact:.1%}, runs {runs:.1f}", flush=True
        )
    for fingerprint in (True, False):
        strayed = list(pool.map(diverging, numbers, repeat(4.0), repeat(fingerprint), chunksize=5))
        right, wrong = (fmean(column) for column in zip(*strayed, strict=True))
        print(f"a run diverges, 4 sd, {fingerprint=}: right {right:.1%}, wrongly proved {wrong:.2%}", flush=True)


def unkind(pool: ProcessPoolExecutor, numbers: range) -> None:
    """Print what comes of each kind of unkind noise (``noisy_worlds.py``)."""
    for name in FAMILIES:
        rows = list(pool.map(of_family, repeat(name), numbers, chunksize=5))
        right, wrong, restricted, runs, slowest = zip(*rows, strict=True)
        print(
            f"{name:<48} right {fmean(right):.1%}, wrong {fmean(wrong):.2%}, proved at this fixed seed only "
            f"{fmean(restricted):.1%}, runs {fmean(runs):.1f}, slowest decision {max(slowest):.2f} s",
            flush=True,
        )


def of_family(name: str, number: int) -> tuple[bool, bool, bool, int, float]:
    """(right, wrongly proved beyond one fixed seed, proved at one fixed seed only, runs, longest step in s)"""
    times = [time.perf_counter()]
    outcome = play(FAMILIES[name](number), None, lambda *_: times.append(time.perf_counter()))
    restricted = outcome.verdict.fixed_seed and outcome.verdict.kind == "proved"
    slowest = max(after - before for before, after in pairwise([*times, time.perf_counter()]))
    return outcome.right, outcome.wrongly_proved and not restricted, restricted, outcome.runs, slowest


def hard_to_judge(pool: ProcessPoolExecutor, numbers: range) -> None:
    """Print what comes of the worlds that are hard to judge."""
    for kind in KINDS:
        rows = list(pool.map(hard, repeat(kind), numbers, chunksize=5))
        right, wrong, runs = (fmean(column) for column in zip(*rows, strict=True))
        print(f"{kind}: right {right:.1%}, wrongly proved {wrong:.2%}, runs {runs:.1f}", flush=True)


def main(studies: int, first: int, dies: float) -> None:
    numbers = range(first, first + studies)
    with ProcessPoolExecutor(2) as pool:
        for kind, effect, fingerprint, runs in CASES:
            began = time.perf_counter()
            inputs = (numbers, repeat(kind), repeat(effect), repeat(fingerprint), repeat(runs), repeat(dies))
            rows = list(pool.map(study, *inputs, chunksize=20))
            right = [row for row in rows if row[0]]
            verdicts = ", ".join(
                f"{word} {n / studies:.1%}" for word, n in Counter(row[2] for row in rows).most_common()
            )
            print(
                f"{kind:<8} {effect:>4g} sd {'fingerprint' if fingerprint else 'statistics ':<11} <= {runs} runs: "
                f"right {len(right) / studies:.1%}, wrongly proved {sum(row[1] for row in rows) / studies:.2%}; "
                f"probes {fmean(row[3] for row in right) if right else 0:.2f} "
                f"(1.2 log2 k + 2 = {fmean(1.2 * math.log2(row[5]) + 2 for row in rows):.2f}), "
                f"runs {fmean(row[4] for row in rows):.1f}; {verdicts}  [{time.perf_counter() - began:.0f} s]",
                flush=True,
            )
        hindered(pool, range(first, first + max(1, studies // 10)))
        unkind(pool, numbers[:300])
        hard_to_judge(pool, range(first, first + max(1, studies // 7)))
        others = list(pool.map(compared, numbers, chunksize=20))
        for name, column in zip(("ddmin", "one by one", "prefix bisection"), zip(*others, strict=True), strict=True):
            share, mixes = fmean(right for right, _ in column), fmean(mixes for _, mixes in column)
            print(f"{name:<16} single, no noise: right {share:.1%}, mixes {mixes:.2f}")


if __name__ == "__main__":
    given = sys.argv[1:4]
    studies, first, dies = (*given, *("2000", "0", "0")[len(given) :])
    main(int(studies), int(first), float(dies))
