"""Simulate the search on regressions with a known cause, and compare it with three other strategies.

    uv run benchmarks/bisect_simulation.py [STUDIES [FIRST [DIES]]]

STUDIES of each kind (default 300), from problem number FIRST (default 0), in two processes. The share DIES of all runs
of the plain kinds gives no value (default 0).

The plain kinds have 5 to 60 changes, a dependency graph with hubs, and 0 to 30 % mixes that fail
(tests/support/worlds.py). Then follow a culprit that fails with one to four others at OLD although no metadata says so,
difficult noise (tests/support/noisy_worlds.py), and worlds that are hard to judge (tests/support/hard_worlds.py).
"probes" are mixes other than the endpoints and those of the proof.
"""

from __future__ import annotations

import math
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from itertools import pairwise
from pathlib import Path
from statistics import fmean
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from support import hard_worlds, noisy_worlds
from support.worlds import Outcome, World, draw, draw_needing_others, play

from contexta.bisect.search.problem import Settings
from contexta.bisect.space.lattice import mix_of

# kind, effect in standard deviations, fingerprint, runs allowed
PLAIN = [
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


class Row(NamedTuple):
    """The result of one study."""

    is_right: bool
    is_wrong: bool
    """Wrongly proved, and not only at one fixed seed."""
    verdict: str
    probes: int
    runs: int
    slowest: float
    """The slowest decision, in seconds of processor time."""


def study(world: World, runs: int, is_right: Callable[[Outcome], bool], is_wrong: Callable[[Outcome], bool]) -> Row:
    times = [time.process_time()]
    outcome = play(world, Settings(max_runs=runs), lambda *_: times.append(time.process_time()))
    verdict, is_fixed = outcome.verdict.kind, outcome.verdict.fixed_seed
    slowest = max(after - before for before, after in pairwise([*times, time.process_time()]))
    name = f"{verdict} at this fixed seed" if is_fixed and verdict == "proved" else verdict
    return Row(is_right(outcome), is_wrong(outcome) and not is_fixed, name, outcome.probes, outcome.runs, slowest)


def _is_right(outcome: Outcome) -> bool:
    return outcome.right


def _is_wrong(outcome: Outcome) -> bool:
    return outcome.wrongly_proved


def plain(kind: str, effect: float, fingerprint: bool, runs: int, dies: float, number: int) -> Row:
    return study(draw(number, kind, effect, fingerprint=fingerprint, dies=dies), runs, _is_right, _is_wrong)


def companions(effect: float, number: int) -> Row:
    """A culprit that fails without others; right if exactly these are its companions."""
    world, needed = draw_needing_others(number, effect)
    return study(
        world, 60, lambda outcome: outcome.right and outcome.verdict.companions == needed, lambda o: o.wrongly_proved
    )


def noisy(name: str, number: int) -> Row:
    return study(noisy_worlds.FAMILIES[name](number), 60, _is_right, _is_wrong)


def hard(name: str, number: int) -> Row:
    return study(hard_worlds.KINDS[name](number), 60, hard_worlds.is_right, hard_worlds.is_wrong)


class Tester:
    """Answers "is this mix bad" for the other methods, and counts the mixes that had to run for it."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.tested: set[int] = set()

    def bad(self, mix: int) -> bool | None:
        """None if the mix cannot exist (which costs nothing) or fails (which costs a run)."""
        if not self.world.mixes.can_exist(mix):
            return None
        if mix not in (0, self.world.mixes.full):
            self.tested.add(mix)
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
    results = []
    for method in methods:
        tester = Tester(draw(number, "single", math.inf, fingerprint=True))
        answer = method(tester)
        results.append((answer == mix_of(tester.world.causes), len(tester.tested)))
    return results


def main(studies: int, first: int, dies: float) -> None:
    numbers = range(first, first + studies)
    kinds: dict[str, Callable[[int], Row]] = {
        f"{kind} {effect:g} sd, {'fingerprints' if fingerprint else 'statistics'}, <= {runs} runs": partial(
            plain, kind, effect, fingerprint, runs, dies
        )
        for kind, effect, fingerprint, runs in PLAIN
    }
    kinds |= {f"companions, {effect:g} sd": partial(companions, effect) for effect in (math.inf, 4.0)}
    kinds |= {name: partial(noisy, name) for name in noisy_worlds.FAMILIES}
    kinds |= {name: partial(hard, name) for name in hard_worlds.KINDS}
    with ProcessPoolExecutor(2) as pool:
        for name, run in kinds.items():
            rows = list(pool.map(run, numbers, chunksize=5))
            verdicts = Counter(row.verdict for row in rows).most_common()
            print(
                f"{name:<48} right {fmean(row.is_right for row in rows):.1%}, "
                f"wrongly proved {fmean(row.is_wrong for row in rows):.2%}, "
                f"probes {fmean([row.probes for row in rows if row.is_right] or [0]):.1f}, "
                f"runs {fmean(row.runs for row in rows):.1f}, "
                f"slowest decision {max(row.slowest for row in rows):.2f} s; "
                + ", ".join(f"{verdict} {count / studies:.1%}" for verdict, count in verdicts),
                flush=True,
            )
        others = list(pool.map(compared, numbers, chunksize=20))
        for name, column in zip(("ddmin", "one by one", "prefix bisection"), zip(*others, strict=True), strict=True):
            share, mixes = fmean(right for right, _ in column), fmean(mixes for _, mixes in column)
            print(f"{name:<16} single, no noise: right {share:.1%}, mixes {mixes:.2f}")


if __name__ == "__main__":
    arguments = sys.argv[1:4]
    studies, first, dies = (*arguments, *("300", "0", "0")[len(arguments) :])
    main(int(studies), int(first), float(dies))
