from __future__ import annotations

import time
from random import Random

import pytest
from support.worlds import draw_stirring, play

from contexta.bisect.inference.observations import Observation, Readings
from contexta.bisect.inference.posterior import believe
from contexta.bisect.inference.ties import Alike
from contexta.bisect.search.search import Probe, next_seed
from contexta.bisect.space.lattice import Mixes

MIXES = Mixes.of(4)
DRAWN = {0: 0.0, 1: 0.0137173, 2: -0.0091337, 5: 0.0031733, 6: 0.0051937}  # what a seed adds


def readings(*probed: tuple[int, int, float], repeats: bool = True) -> Readings:
    """Ends at 0.9 and 0.8 that move with the seed; probed: (mix, seed, value before that)."""
    ends = [
        Observation(mix, seed, value + DRAWN[seed] + (0.001 * turn * (not repeats)))
        for mix, value in ((0, 0.9), (MIXES.full, 0.8))
        for turn, seed in enumerate((0, 0, 1, 2))
    ]
    others = [Observation(mix, seed, value + DRAWN[seed]) for mix, seed, value in probed]
    return Readings((*ends, *others), MIXES.full)


def likelihood_of(found: Readings, *bad: int) -> float:
    alike = Alike(found, MIXES)
    return alike.log_likelihood(alike.separated([*bad, MIXES.full]))


def test_mixes_of_one_value_at_one_seed_are_equally_bad() -> None:
    found = readings((0b0011, 0, 0.85), (0b0111, 0, 0.85))
    assert likelihood_of(found, 0b0011, 0b0111) > likelihood_of(found, 0b0111) + 5
    assert likelihood_of(found) > likelihood_of(found, 0b0011) + 5


def test_mixes_of_different_values_differ_in_something() -> None:
    # one of the two is bad, or a harmless change draws other random numbers; the second is the rarer thing
    found = readings((0b0011, 0, 0.9), (0b0111, 0, 0.8))
    assert likelihood_of(found, 0b0111) > likelihood_of(found) + 2


def test_a_harmless_change_that_draws_other_random_numbers_explains_third_values() -> None:
    # atom 0 stirs, atom 3 is bad: four kinds of mixes, four values
    found = readings((0b0001, 0, 0.91), (0b1000, 0, 0.79), (0b0111, 0, 0.91), (0b1110, 0, 0.79))
    assert likelihood_of(found, 0b1000, 0b1110) > likelihood_of(found, 0b0001, 0b0111, 0b1000, 0b1110) + 2
    belief = believe(found, MIXES, (1.0,) * 4)
    assert belief.leader()[0] == 0b1000
    assert max(belief.singles[1], belief.singles[2]) < 0.001


def test_where_values_do_not_repeat_nothing_is_alike() -> None:
    found = readings((0b0011, 0, 0.85), (0b0111, 0, 0.85), repeats=False)
    assert found.by_seed == ()
    assert found.alike(0b0011) == {0b0011}
    assert likelihood_of(found, 0b0011) == likelihood_of(found) == 0.0


def test_a_culprit_that_is_alike_to_new_makes_all_of_the_change_whatever_it_gave_at_other_seeds() -> None:
    found = readings((0b1000, 0, 0.8), (0b1000, 5, 0.83), (0b0111, 0, 0.9), (0b0111, 6, 0.92))
    assert found.share(0b1000, 0) == (1.0, 1.0, 1.0)
    apart = readings((0b1000, 0, 0.81), (0b1000, 5, 0.83))
    assert apart.share(0b1000, 0)[0] < 1.0


def test_a_new_mix_runs_where_most_others_ran_and_then_where_nothing_like_it_did() -> None:
    found = readings((0b0011, 1, 0.86), (0b0111, 1, 0.86), (0b0111, 0, 0.857))
    assert next_seed(found, 0b0001) == 1
    assert found.alike(0b0011) == {0b0011, 0b0111}
    assert next_seed(found, 0b0011) == 2  # 0 is known from the one it is alike to
    like_an_end = readings((0b0011, 1, 0.9))
    assert next_seed(like_an_end, 0b0011) == 3  # OLD ran at 0, 1 and 2


def test_many_stirring_changes_are_told_from_the_cause() -> None:
    # 8 is bad, 0 to 4 all stir: more third values than two or three changes could make
    mixes = Mixes.of(9)

    def result(mix: int, seed: int) -> Observation:
        bad = mix >> 8
        return Observation(mix, seed, 0.9 - 0.1 * bad + Random(f"{mix & 0b11111} {bad} {seed}").gauss(0, 0.02))

    ends = [result(mix, seed) for mix in (0, mixes.full) for seed in (0, 0, 1, 2)]
    probed = (0b000100001, 0b100000011, 0b001100111, 0b101001111, 0b110011111, 0b011111111, 0b101110000)
    found = Readings((*ends, *(result(mix, 0) for mix in probed)), mixes.full)
    belief = believe(found, mixes, (1.0,) * 9)
    assert belief.leader()[0] == 1 << 8
    assert belief.singles[8] > 0.5


@pytest.mark.parametrize(("number", "effect"), [(0, 4.0), (2, 2.0), (6, 4.0), (10, 4.0)])
def test_seven_changes_that_stir_among_120_cost_no_decision_a_second(number: int, effect: float) -> None:
    slowest, began = 0.0, time.process_time()

    def watch(probe: Probe, result: Observation) -> None:
        nonlocal slowest, began
        slowest, began = max(slowest, time.process_time() - began), time.process_time()

    assert play(draw_stirring(number, "single", effect), watch=watch).right
    assert slowest < 1.0


def test_a_likelihood_above_the_floor_does_not_depend_on_it() -> None:
    found = readings((0b0001, 0, 0.91), (0b1000, 0, 0.79), (0b0111, 0, 0.91), (0b1110, 0, 0.79))
    alike = Alike(found, MIXES)
    separated = [alike.separated([*bad, MIXES.full]) for bad in ([], [0b1000], [0b1000, 0b1110], [0b0001, 0b0111])]
    exact = [alike.log_likelihood(pairs) for pairs in separated]
    assert all(value <= alike.at_most(pairs) for value, pairs in zip(exact, separated, strict=True))
    for floor in (-20.0, -12.0, -4.0):
        again = Alike(found, MIXES)
        for value, pairs in zip(exact, separated, strict=True):
            bounded = again.log_likelihood(pairs, floor)
            assert bounded == pytest.approx(value, abs=0.01) if value > floor + 6 else bounded >= value - 0.01
