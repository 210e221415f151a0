from __future__ import annotations

import time
from random import Random

import pytest
from support.worlds import draw_with_perturbing_changes, play

from contexta.bisect.inference.mix_evidence import MixEvidence
from contexta.bisect.inference.observations import Observation, ObservedTrials
from contexta.bisect.inference.posterior import infer_posterior
from contexta.bisect.inference.ties import Ties
from contexta.bisect.search.problem import Probe
from contexta.bisect.search.trials import next_seed
from contexta.bisect.space.lattice import Mixes

MIXES = Mixes.of(4)
DRAWN = {0: 0.0, 1: 0.0137173, 2: -0.0091337, 5: 0.0031733, 6: 0.0051937}  # the effect of each seed


def evidence(*probed: tuple[int, int, float], repeats: bool = True) -> MixEvidence:
    """Endpoints at 0.9 and 0.8 that move with the seed; probed: (mix, seed, value before that)."""
    endpoints = [
        Observation(mix, seed, value + DRAWN[seed] + (0.001 * turn * (not repeats)))
        for mix, value in ((0, 0.9), (MIXES.full, 0.8))
        for turn, seed in enumerate((0, 0, 1, 2))
    ]
    others = [Observation(mix, seed, value + DRAWN[seed]) for mix, seed, value in probed]
    return MixEvidence(ObservedTrials((*endpoints, *others), MIXES.full))


def likelihood_of(trials: MixEvidence, *bad: int) -> float:
    ties = Ties(trials, MIXES)
    return ties.log_likelihood(ties.separated([*bad, MIXES.full]))


def test_mixes_with_one_value_at_one_seed_have_one_level() -> None:
    trials = evidence((0b0011, 0, 0.85), (0b0111, 0, 0.85))
    assert likelihood_of(trials, 0b0011, 0b0111) > likelihood_of(trials, 0b0111) + 5
    assert likelihood_of(trials) > likelihood_of(trials, 0b0011) + 5


def test_mixes_with_different_values_differ_in_a_cause_or_an_rng_perturbing_change() -> None:
    # one of the two is bad, or a harmless change perturbs the RNG, which is rarer
    trials = evidence((0b0011, 0, 0.9), (0b0111, 0, 0.8))
    assert likelihood_of(trials, 0b0111) > likelihood_of(trials) + 2


def test_an_rng_perturbing_change_explains_third_values() -> None:
    # change 0 perturbs the RNG, change 3 is bad: four kinds of mixes, four values
    trials = evidence((0b0001, 0, 0.91), (0b1000, 0, 0.79), (0b0111, 0, 0.91), (0b1110, 0, 0.79))
    assert likelihood_of(trials, 0b1000, 0b1110) > likelihood_of(trials, 0b0001, 0b0111, 0b1000, 0b1110) + 2
    posterior = infer_posterior(trials, MIXES, (1.0,) * 4)
    assert posterior.leader()[0] == 0b1000
    assert max(posterior.singles[1], posterior.singles[2]) < 0.001


def test_values_that_do_not_repeat_have_no_ties() -> None:
    trials = evidence((0b0011, 0, 0.85), (0b0111, 0, 0.85), repeats=False)
    assert trials.observations.by_seed == ()
    assert trials.observations.indistinguishable(0b0011) == {0b0011}
    assert likelihood_of(trials, 0b0011) == likelihood_of(trials) == 0.0


def test_a_culprit_tied_with_new_has_the_whole_drop_whatever_its_values_at_other_seeds() -> None:
    trials = evidence((0b1000, 0, 0.8), (0b1000, 5, 0.83), (0b0111, 0, 0.9), (0b0111, 6, 0.92))
    assert trials.pairs.share(0b1000, 0) == (1.0, 1.0, 1.0)
    apart = evidence((0b1000, 0, 0.81), (0b1000, 5, 0.83))
    assert apart.pairs.share(0b1000, 0)[0] < 1.0


def test_a_mix_runs_first_at_the_seed_with_the_most_results_then_where_its_value_is_unknown() -> None:
    trials = evidence((0b0011, 1, 0.86), (0b0111, 1, 0.86), (0b0111, 0, 0.857))
    assert next_seed(trials, 0b0001) == 1
    assert trials.observations.indistinguishable(0b0011) == {0b0011, 0b0111}
    assert next_seed(trials, 0b0011) == 2  # the value at seed 0 is known from the tied mix
    like_old = evidence((0b0011, 1, 0.9))
    assert next_seed(like_old, 0b0011) == 3  # OLD ran at 0, 1 and 2


def test_the_cause_is_separated_from_five_rng_perturbing_changes() -> None:
    # change 8 is bad, 0 to 4 perturb the RNG: more third values than two or three changes can cause
    mixes = Mixes.of(9)

    def result(mix: int, seed: int) -> Observation:
        bad = mix >> 8
        return Observation(mix, seed, 0.9 - 0.1 * bad + Random(f"{mix & 0b11111} {bad} {seed}").gauss(0, 0.02))

    endpoints = [result(mix, seed) for mix in (0, mixes.full) for seed in (0, 0, 1, 2)]
    probed = (0b000100001, 0b100000011, 0b001100111, 0b101001111, 0b110011111, 0b011111111, 0b101110000)
    trials = MixEvidence(ObservedTrials((*endpoints, *(result(mix, 0) for mix in probed)), mixes.full))
    posterior = infer_posterior(trials, mixes, (1.0,) * 9)
    assert posterior.leader()[0] == 1 << 8
    assert posterior.singles[8] > 0.5


@pytest.mark.parametrize(("number", "effect"), [(0, 4.0), (2, 2.0), (6, 4.0), (10, 4.0)])
def test_a_decision_with_seven_rng_perturbing_changes_among_120_takes_less_than_1_s(number: int, effect: float) -> None:
    slowest, began = 0.0, time.process_time()

    def watch(probe: Probe, result: Observation) -> None:
        nonlocal slowest, began
        slowest, began = max(slowest, time.process_time() - began), time.process_time()

    assert play(draw_with_perturbing_changes(number, "single", effect), watch=watch).right
    assert slowest < 1.0


def test_a_likelihood_above_the_floor_does_not_depend_on_it() -> None:
    trials = evidence((0b0001, 0, 0.91), (0b1000, 0, 0.79), (0b0111, 0, 0.91), (0b1110, 0, 0.79))
    ties = Ties(trials, MIXES)
    separated = [ties.separated([*bad, MIXES.full]) for bad in ([], [0b1000], [0b1000, 0b1110], [0b0001, 0b0111])]
    exact = [ties.log_likelihood(pairs) for pairs in separated]
    assert all(value <= ties.at_most(pairs) for value, pairs in zip(exact, separated, strict=True))
    for floor in (-20.0, -12.0, -4.0):
        again = Ties(trials, MIXES)
        for value, pairs in zip(exact, separated, strict=True):
            bounded = again.log_likelihood(pairs, floor)
            assert bounded == pytest.approx(value, abs=0.01) if value > floor + 6 else bounded >= value - 0.01
