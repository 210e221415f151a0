from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.worlds import draw

from contexta.bisect.inference.mix_evidence import MixEvidence
from contexta.bisect.inference.observations import Observation, ObservedTrials
from contexta.bisect.inference.posterior import Posterior, infer_posterior
from contexta.bisect.space.lattice import Mixes


def evidence(mixes: Mixes, *probed: tuple[int, float]) -> MixEvidence:
    endpoints = [Observation(mix, seed, value) for mix, value in ((0, 0.9), (mixes.full, 0.8)) for seed in (0, 0, 1, 2)]
    return MixEvidence(ObservedTrials((*endpoints, *(Observation(mix, 0, value) for mix, value in probed)), mixes.full))


def pairs(posterior: Posterior) -> float:
    return (sum(map(sum, posterior.together)) + sum(map(sum, posterior.parts))) / 2


def total(posterior: Posterior) -> float:
    return sum(posterior.singles) + pairs(posterior) + posterior.several + posterior.none


@given(st.integers(0, 500), st.data())
def test_probabilities_sum_to_one(number: int, data: st.DataObject) -> None:
    world = draw(number, "single", 4.0, fingerprint=False)
    mixes = world.mixes
    probed = data.draw(st.lists(st.integers(1, mixes.full - 1), max_size=4, unique=True))
    results = [world.run(mix, seed) for mix in (0, mixes.full) for seed in range(4)]
    results += [world.run(mixes.closed(mix), 0) for mix in probed]
    assert total(
        infer_posterior(MixEvidence(ObservedTrials(tuple(results), mixes.full)), mixes, (1.0,) * mixes.count)
    ) == pytest.approx(1.0)


def test_a_bad_mix_clears_the_changes_that_it_lacks_and_a_good_one_those_that_it_has() -> None:
    mixes = Mixes.of(4)
    posterior = infer_posterior(evidence(mixes, (0b0011, 0.8), (0b0101, 0.9)), mixes, (1.0,) * 4)
    leader, probability = posterior.leader()
    assert leader == 0b0010
    assert probability > 0.8
    assert max(posterior.singles[group] for group in (0, 2, 3)) < 0.01


def test_contradicting_mixes_leave_no_single_cause() -> None:
    mixes = Mixes.of(3)
    posterior = infer_posterior(evidence(mixes, (0b001, 0.9), (0b010, 0.9), (0b100, 0.9)), mixes, (1.0,) * 3)
    assert sum(posterior.singles) < 0.01
    assert pairs(posterior) + posterior.several > 0.99


def test_the_prior_decides_between_equal_likelihoods_only() -> None:
    mixes = Mixes.of(2)
    posterior = infer_posterior(evidence(mixes), mixes, (3.0, 1.0))
    assert posterior.singles[0] == pytest.approx(3 * posterior.singles[1])
    assert infer_posterior(evidence(mixes, (0b01, 0.9)), mixes, (3.0, 1.0)).leader()[0] == 0b10


def test_changes_of_which_one_needs_the_other_are_no_pair() -> None:
    mixes = Mixes.of(3, [(2, 1)])
    posterior = infer_posterior(evidence(mixes), mixes, (1.0,) * 3)
    assert posterior.pair(2, 1) == 0
    assert posterior.pair(2, 0) > 0


def test_the_probability_of_bad_grows_along_a_chain_from_0_to_1() -> None:
    mixes = Mixes.of(5)
    posterior = infer_posterior(evidence(mixes), mixes, (1.0, 2.0, 1.0, 1.0, 3.0))
    probabilities = [bad for bad, _ in posterior.outcome_probabilities(mixes.chain(0, mixes.full, lambda group: group))]
    assert probabilities == sorted(probabilities)
    assert probabilities[0] == 0
    assert probabilities[-1] == pytest.approx(1.0)


def test_two_levels_between_the_endpoints_are_two_parts() -> None:
    mixes = Mixes.of(5)
    posterior = infer_posterior(evidence(mixes, (0b00011, 0.87), (0b11100, 0.83), (0b00101, 0.8)), mixes, (1.0,) * 5)
    leader, probability = posterior.leader()
    assert leader == 0b00101
    assert probability > 0.9
    assert posterior.parts[0][2] > 0.9


def test_a_value_that_many_mixes_share_at_one_seed_counts_once() -> None:
    endpoints = [Observation(mix, seed, 0.9 - mix / 150 + seed / 300) for mix in (0, 15) for seed in (0, 0, 1, 2)]
    once = MixEvidence(ObservedTrials((*endpoints, Observation(0b0011, 1, 0.86)), 15)).values
    often = MixEvidence(
        ObservedTrials((*endpoints, *(Observation(mix, 1, 0.86) for mix in (0b0011, 0b0111, 0b1011))), 15)
    ).values
    assert [shared.value for shared in once.shared_values] == [shared.value for shared in often.shared_values]
    assert len(often.shared_values) == 1


def at(mix: int, *values: float) -> list[Observation]:
    return [Observation(mix, seed, value) for seed, value in enumerate(values)]


def test_one_good_value_of_new_keeps_the_weight_of_good_values_of_mixes() -> None:
    """Few runs of NEW often include one that looks good; eight more of a mix still clear its changes."""
    old, new = (1.5, 0.7, 0.9, 0.2, 1.4, 1.3), (-0.1, -0.3, 1.1, -1.1, 0.3)
    mix = (1.2, 1.3, 1.5, 1.4, 0.5, 1.4, 2.0, 0.4)
    results = [*at(0, *old), *at(0b11, *new), *at(0b01, *mix)]
    posterior = infer_posterior(MixEvidence(ObservedTrials(tuple(results), 0b11)), Mixes.of(2), (1.0, 1.0))
    assert posterior.singles[0] < 0.003


def test_many_good_values_of_new_reduce_the_weight_of_good_values_of_mixes() -> None:
    old, new = (1.0, 1.01, 0.99, 1.0, 1.02, 0.98), (0.0, 1.01, 0.01, 0.99, 0.02, 1.0)
    results = [*at(0, *old), *at(0b11, *new), *at(0b01, 1.0, 0.99)]
    posterior = infer_posterior(MixEvidence(ObservedTrials(tuple(results), 0b11)), Mixes.of(2), (1.0, 1.0))
    assert posterior.singles[0] > 0.1


def test_two_optima_of_every_mix_are_no_drop() -> None:
    """OLD reaches the better optimum four times, NEW once; each mix shows one of the two."""
    old, new = (1.0, 1.01, 0.99, 1.0), (0.01, 0.99, 0.0, 0.02)
    results = [*at(0, *old), *at(0b1111, *new), *at(0b0001, 1.0, 0.0), *at(0b0011, 0.01, 1.01), *at(0b1100, 0.0, 0.99)]
    posterior = infer_posterior(MixEvidence(ObservedTrials(tuple(results), 0b1111)), Mixes.of(4), (1.0,) * 4)
    assert posterior.none > 0.1


def test_a_metric_of_two_values_has_no_two_optima() -> None:
    old, new = (1.0,) * 6, (0.0, 0.0, 1.0, 0.0, 0.0, 0.0)
    results = [*at(0, *old), *at(0b11, *new), *at(0b01, *(0.0,) * 4), *at(0b10, *(1.0,) * 4)]
    assert infer_posterior(MixEvidence(ObservedTrials(tuple(results), 0b11)), Mixes.of(2), (1.0, 1.0)).none < 0.001
