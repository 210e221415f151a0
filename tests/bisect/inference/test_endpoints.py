from __future__ import annotations

from collections.abc import Sequence

import pytest

from contexta.bisect.inference.endpoints import judge_endpoints, next_endpoint_run
from contexta.bisect.inference.observations import Observation, ObservedTrials


def observations(old: Sequence[float], new: Sequence[float]) -> ObservedTrials:
    """Values in the order the endpoints are run: the first seed twice."""
    results = [
        Observation(mix, max(0, number - 1), value)
        for mix, values in ((0, old), (1, new))
        for number, value in enumerate(values)
    ]
    return ObservedTrials(tuple(results), 1)


def test_endpoints_far_apart_need_few_runs() -> None:
    assert judge_endpoints(observations([0.94, 0.94, 0.95, 0.93], [0.38, 0.38, 0.39, 0.35])).state == "worse"


def test_two_single_runs_that_differ_are_no_evidence() -> None:
    assert judge_endpoints(observations([0.91], [0.87])).state == "open"


def test_endpoints_at_one_level_are_the_same() -> None:
    values = [0.90, 0.92, 0.91, 0.93, 0.89, 0.92, 0.90, 0.91]
    assert judge_endpoints(observations(values, [*values[::-1]])).state == "same"


def test_a_better_new_is_no_regression() -> None:
    endpoints = judge_endpoints(observations([0.5, 0.5, 0.51, 0.52], [0.9, 0.9, 0.91, 0.93]))
    assert endpoints.state == "same"
    assert endpoints.drop is not None
    assert endpoints.drop < 0


@pytest.mark.parametrize(("new", "state"), [(0.8, "worse"), (0.9, "same"), (0.95, "same")])
def test_endpoints_without_noise_are_judged_at_once(new: float, state: str) -> None:
    assert judge_endpoints(observations([0.9] * 4, [new] * 4)).state == state


@pytest.mark.parametrize(("new", "state"), [([0.90, 0.93, 0.89, 0.92], "open"), ([0.88, 0.92, 0.89, 0.91], "worse")])
def test_an_uncertain_difference_says_how_many_runs_would_decide(new: list[float], state: str) -> None:
    endpoints = judge_endpoints(observations([0.90, 0.93, 0.91, 0.94], new))
    assert endpoints.state == state
    assert not endpoints.is_certain
    assert endpoints.repeats is not None
    assert endpoints.repeats > 4
    assert endpoints.with_repeats("not enough").endswith(
        f"about {endpoints.repeats} runs of each endpoint would decide"
    )


def test_endpoints_with_a_p_value_of_one_in_six_are_open() -> None:
    assert judge_endpoints(observations([0.0, 1.0, 2.0, 3.0], [-1.0, 0.0, 1.0, 2.0])).state == "open"


def test_endpoints_that_differ_certainly_need_no_more_runs() -> None:
    endpoints = judge_endpoints(observations([0.94, 0.94, 0.95, 0.93], [0.38, 0.38, 0.39, 0.35]))
    assert endpoints.is_certain
    assert endpoints.repeats is None
    assert endpoints.with_repeats("not enough") == "not enough"


def test_the_endpoints_alternate_at_the_same_seeds_after_old_has_run_twice_at_the_first() -> None:
    results: list[Observation] = []
    for _ in range(7):
        mix, seed = next_endpoint_run(ObservedTrials(tuple(results), 1))
        results.append(Observation(mix, seed, 0.5))
    assert [(result.mix, result.seed) for result in results] == [
        (0, 0), (1, 0), (0, 0), (0, 1), (1, 1), (0, 2), (1, 2),
    ]  # fmt: skip


def after(*runs: tuple[int, int, float | None]) -> tuple[int, int]:
    """The end run that follows these: (mix, seed, value)."""
    return next_endpoint_run(ObservedTrials(tuple(Observation(*run) for run in runs), 1))


def test_an_endpoint_without_a_value_runs_at_another_seed_before_the_other_endpoint() -> None:
    assert after((0, 0, None)) == (0, 1)
    assert after((0, 0, None), (0, 1, None)) == (0, 2)


def test_after_a_failure_endpoints_still_repeat_a_seed_and_share_seeds() -> None:
    """Only these trials show that values repeat."""
    runs: list[tuple[int, int, float | None]] = [(0, 0, None), (0, 1, 0.9), (1, 0, 0.8), (0, 1, 0.9), (1, 0, 0.8)]
    assert after(*runs) == (0, 0)
    assert after(*runs, (0, 0, 0.91), (1, 1, None)) == (1, 2)
    assert after(*runs, (0, 0, 0.91), (1, 1, None), (1, 2, 0.82)) == (0, 2)


def test_a_seed_that_failed_twice_is_not_tried_again() -> None:
    assert after((0, 0, None), (0, 1, 0.9), (1, 0, 0.8), (0, 1, 0.9), (1, 0, 0.8), (0, 0, None)) == (0, 2)
