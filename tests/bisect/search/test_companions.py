"""What a culprit dies without, where no metadata says so."""

from __future__ import annotations

import math
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.worlds import draw_needing_others, play

from contexta.bisect.inference.observations import Observation, ObservedTrials
from contexta.bisect.search.companions import enough_companions, next_without_companions
from contexta.bisect.search.problem import Probe, Problem, Settings, Verdict
from contexta.bisect.search.search import decide
from contexta.bisect.space.lattice import Mixes, mix_of


def dies(mix: int, culprit: int, needs: int) -> bool:
    return bool(mix >> culprit & 1) and mix & needs != needs


def study(
    count: int, culprit: int, needs: int, noise: float, rules: tuple[tuple[int, int], ...] = (), max_runs: int = 100
) -> Verdict:
    problem = Problem(Mixes.of(count, rules), (1.0,) * count, Settings(max_runs=max_runs))
    results: list[Observation] = []
    while isinstance(step := decide(problem, results), Probe):
        value = 0.9 - 0.05 * (step.mix >> culprit & 1) + Random(f"{len(results)}").gauss(0, noise)
        failed = dies(step.mix, culprit, needs)
        results.append(Observation(step.mix, step.seed, None if failed else value, "dies" if failed else ""))
    return step


@pytest.mark.parametrize("noise", [0.0, 0.0125])
@pytest.mark.parametrize(
    ("count", "culprit", "needs"),
    [(8, 2, (6,)), (11, 3, (5, 7, 8)), (11, 0, (9, 10)), (20, 4, (1, 2, 17)), (30, 11, (3, 4, 5, 20)), (11, 5, ())],
)
def test_the_companions_are_the_changes_without_which_the_culprit_fails(
    count: int, culprit: int, needs: tuple[int, ...], noise: float
) -> None:
    found = study(count, culprit, mix_of(needs), noise)
    assert (found.kind, found.culprits, found.companions) == ("proved", 1 << culprit, mix_of(needs))


@pytest.mark.slow
def test_more_runs_keep_a_proof() -> None:
    found = [study(20, 4, mix_of((1, 2, 17)), 0.0125, max_runs=most) for most in range(18, 46)]
    kinds = [verdict.kind for verdict in found]
    assert kinds == ["undecided"] * kinds.count("undecided") + ["proved"] * kinds.count("proved")
    companions = [verdict.companions.bit_count() for verdict in found if verdict.kind == "proved"]
    assert companions[0] > companions[-1] == 3


def test_requirements_of_companions_are_companions() -> None:
    found = study(10, 0, mix_of((3,)), 0.0, rules=((3, 7), (5, 1)))
    assert (found.culprits, found.companions) == (1, mix_of((3, 7)))


def test_the_changes_that_all_mixes_with_the_culprit_share_are_enough() -> None:
    results = (
        Observation(0b10111, 0, 0.8),
        Observation(0b11101, 0, 0.8),
        Observation(0b00010, 0, 0.9),
        Observation(0b00001, 0, None),
    )
    assert enough_companions(ObservedTrials(results, 0b11111), Mixes.of(5), 1) == 0b10101


def test_a_change_that_was_alone_missing_in_a_failure_is_needed() -> None:
    results = (Observation(0b0111, 0, 0.8), Observation(0b0011, 0, None, "dies"))
    assert next_without_companions(ObservedTrials(results, 0b1111), Mixes.of(4), 1) == 0b0101


def test_a_companion_is_left_out_with_its_dependents_but_never_all_of_a_gap() -> None:
    # 1 and 3 need 4: leaving out 4 would leave out all of what one is needed of
    mixes = Mixes.of(6, ((1, 4), (3, 4)))
    results = (Observation(0b000101, 0, None, "dies"), Observation(0b011111, 0, 0.8))
    mix = next_without_companions(ObservedTrials(results, mixes.full), mixes, 1)
    assert mix is not None
    assert mixes.can_exist(mix)
    assert mix & 0b011010
    assert mix != 0b011111


@given(st.integers(3, 12), st.data())
def test_reducing_companions_takes_about_as_many_runs_as_naming_them(count: int, data: st.DataObject) -> None:
    needs = data.draw(st.integers(0, (1 << count) - 1)) & ~1
    mixes, results = Mixes.of(count), list[Observation]()
    while (mix := next_without_companions(ObservedTrials(tuple(results), mixes.full), mixes, 1)) is not None:
        assert mix not in {result.mix for result in results}
        results.append(Observation(mix, 0, None, "dies") if dies(mix, 0, needs) else Observation(mix, 0, 0.8))
    assert enough_companions(ObservedTrials(tuple(results), mixes.full), mixes, 1) == needs | 1
    assert len(results) <= 3 + needs.bit_count() * (1 + count.bit_length())  # so it is for all sets of up to 12


@pytest.mark.parametrize("number", [20063, 20092, 20108, 20153])
def test_no_run_omits_a_companion_that_is_known_to_be_needed(number: int) -> None:
    world, needed = draw_needing_others(number, math.inf)
    outcome = play(world)
    assert outcome.right  # before, the 60 runs were used up by mixes that could only fail
    assert outcome.verdict.companions == needed
