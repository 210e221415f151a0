from __future__ import annotations

import math
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.noisy_worlds import Diverging, drawn
from support.studies import a_space, search
from support.worlds import play

from contexta.bisect.inference.observations import Observation
from contexta.bisect.inference.values.outliers import OUTLIER, outlier, unconfirmed_outlier, usable_observations
from contexta.bisect.reporting.finished_trial import Trial
from contexta.bisect.reporting.report import report
from contexta.bisect.search.problem import Probe

OLD = [0.91, 0.905, 0.915, 0.908, 0.912]
NEW = [0.87, 0.875, 0.865, 0.872]


@pytest.mark.parametrize("far", [0.1, 0.3, 0.99, -40.0])
def test_a_value_far_from_all_others_of_its_endpoint_is_an_outlier(far: float) -> None:
    assert outlier([*OLD, far], NEW) == far
    assert outlier([*NEW, far], OLD) == far


@pytest.mark.parametrize(
    ("own", "other"),
    [
        pytest.param(OLD, NEW, id="none"),
        pytest.param([*OLD, 0.89], NEW, id="hardly farther out than noise"),
        pytest.param([*OLD, 0.1, 0.2], NEW, id="two of them"),
        pytest.param([0.9, 0.9, 0.1], NEW, id="too few to tell"),
        pytest.param([0.9, 0.9, 0.9, 0.9 - 1 / 30], [0.8, 0.8, 0.8, 0.8 + 1 / 30], id="one step of a coarse metric"),
        pytest.param([0.9, 0.9, 0.9, 0.9 + 1e-9], [0.8, 0.8, 0.8, 0.8], id="rounding"),
        pytest.param([0.9] * 5, [0.9] * 5, id="no noise"),
        pytest.param([1.8973675943590893e-265] * 7, [1.8973675943590893e-265] * 7, id="rounding of tiny values"),
        pytest.param([0.9, 0.88, 0.91, 0.7], [0.6, 0.9, 0.75, 0.85], id="as much noise in the other end"),
    ],
)
def test_a_value_within_the_noise_is_no_outlier(own: list[float], other: list[float]) -> None:
    assert outlier(own, other) is None


def test_the_values_of_mixes_narrow_the_noise() -> None:
    far = 0.86
    assert outlier([*OLD[:3], far], [0.88, 0.875, 0.885, 0.88]) is None
    assert outlier([*OLD[:3], far], [0.88, 0.875, 0.885, 0.88], *(OLD, NEW) * 4) == far


@given(st.lists(st.floats(-1, 1), max_size=9), st.lists(st.floats(-1, 1), max_size=9))
def test_an_outlier_is_one_of_the_values(own: list[float], other: list[float]) -> None:
    found = outlier(own, other)
    assert found is None or own.count(found) == 1


def test_normal_noise_rarely_has_an_outlier() -> None:
    random = Random(1)
    endpoints = [[[random.gauss(0, 1) for _ in range(4 + n % 5)] for _ in range(2)] for n in range(2000)]
    assert sum(outlier(old, new) is not None for old, new in endpoints) <= 4


def runs_of(mix: int, values: list[float]) -> list[Observation]:
    return [Observation(mix, seed, value) for seed, value in enumerate(values)]


def test_an_outlier_counts_as_a_run_without_a_value_at_each_occurrence() -> None:
    results = [*runs_of(0, [0.1, *OLD]), Observation(0, 0, 0.1), *runs_of(1, NEW)]
    observations = usable_observations(results, 1)
    assert [result.reason for result in observations.results if result.value is None] == [OUTLIER, OUTLIER]
    assert observations.run_count(0) == len(OLD)
    assert len(observations.results) == len(results)


def test_an_extreme_seed_at_both_endpoints_is_no_outlier() -> None:
    results = [*runs_of(0, [0.5, *OLD]), *runs_of(1, [0.45, *NEW])]
    assert usable_observations(results, 1).results == tuple(results)


def test_a_bad_value_that_new_repeats_at_its_seed_is_no_outlier() -> None:
    once = [*runs_of(0, OLD), *runs_of(1, [*NEW, 0.1])]
    assert [result.reason for result in usable_observations(once, 1).results if result.value is None] == [OUTLIER]
    again = [*once, Observation(1, len(NEW), 0.1)]
    assert usable_observations(again, 1).results == tuple(again)
    better = [*runs_of(0, OLD), *runs_of(1, [*NEW, 40.0]), Observation(1, len(NEW), 40.0)]
    assert [result.reason for result in usable_observations(better, 1).results if result.value is None] == [
        OUTLIER,
        OUTLIER,
    ]


def test_an_outlier_of_a_mix_runs_again_and_does_not_count_if_it_does_not_repeat() -> None:
    endpoints = [*runs_of(0, OLD), *runs_of(3, NEW)]
    once = usable_observations([*endpoints, *runs_of(1, [-11.6])], 3)
    assert unconfirmed_outlier(once) == 1
    after = usable_observations([*endpoints, *runs_of(1, [-11.6, 0.87])], 3)
    assert unconfirmed_outlier(after) is None
    assert after.outcomes[1] == [OUTLIER, None]


def test_a_mix_twice_far_outside_both_endpoints_has_no_outlier() -> None:
    results = [*runs_of(0, OLD), *runs_of(3, NEW), *runs_of(1, [-11.6, -11.2]), *runs_of(2, [-11.6])]
    assert usable_observations(results, 3).results == tuple(results)


def test_a_mix_within_three_ranges_of_the_endpoints_has_no_outlier() -> None:
    results = [*runs_of(0, OLD), *runs_of(3, NEW), *runs_of(1, [*NEW, 0.8])]
    assert usable_observations(results, 3).results == tuple(results)


@pytest.mark.parametrize("wild", [-1e20, 1e20, -1e300, 1.7e308, 1e6, -1e3])
@pytest.mark.parametrize("of", ["old", "new", "mix"])
@pytest.mark.parametrize(("effect", "fingerprint"), [(4.0, False), (4.0, True), (math.inf, True)])
def test_one_diverged_run_of_any_value_hides_no_cause(wild: float, of: str, effect: float, fingerprint: bool) -> None:
    for turn in (1, 2):
        world = drawn(turn, "single", effect, fingerprint=fingerprint, sizes=(8,))
        assert play(Diverging(**vars(world), of=of, turn=turn, wild=wild)).right


def test_a_possible_outlier_does_not_end_as_no_regression() -> None:
    """OLD is 0.9 but once, NEW is 0.85: the one value would make the noise look ten times the drop."""
    world = drawn(1, "single", math.inf, fingerprint=True, sizes=(8,))
    assert play(Diverging(**vars(world), of="old", turn=1, wild=0.4)).right


@pytest.mark.parametrize("end", ["OLD", "NEW"])
@pytest.mark.parametrize("turn", [0, 1, 2])
@pytest.mark.parametrize("higher_is_better", [True, False])
def test_one_diverged_run_of_an_endpoint_hides_no_drop_and_is_reported(
    end: str, turn: int, higher_is_better: bool
) -> None:
    space = a_space(*"abcdefgh")
    sign = 1.0 if higher_is_better else -1.0
    mix = 0 if end == "OLD" else space.mixes.full

    def value(step: Probe, trials: list[Trial]) -> float:
        if step.mix == mix and sum(trial.observation.mix == mix for trial in trials) == turn:
            return 0.1
        bad = step.mix >> 4 & 1
        return sign * (0.9 - 0.05 * bad) + Random(f"{len(trials)} {bad}").gauss(0, 0.0125)

    found = report(space, *search(space, value, sign=sign), metric="m", higher_is_better=higher_is_better)
    assert (found.verdict, found.culprits) == ("proved", ("e",))
    number = next(trial.number for trial in found.trials if trial.value == 0.1)
    seed = found.trials[number - 1].seed
    assert (
        f"trial {number} ({end}, seed {seed}) gave 0.1, like none of {end}'s other runs: it was left out" in found.notes
    )
    assert 0.1 not in (*found.old.values, *found.new.values)
    assert not any("flaky" in note for note in found.notes)
