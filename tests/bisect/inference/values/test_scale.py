from __future__ import annotations

import math
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.noisy_worlds import Scaled, drawn
from support.worlds import Outcome, play

from contexta.bisect.inference.observations import Observation
from contexta.bisect.inference.values.scale import Scale
from contexta.bisect.search.problem import Probe, Problem, Verdict
from contexta.bisect.search.search import decide
from contexta.bisect.space.lattice import Mixes

numbers = st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=12)


@given(numbers)
def test_scaled_values_have_finite_squares(values: list[float]) -> None:
    scale = Scale.of(values)
    squares = [scale(value) ** 2 for value in values]
    assert math.isfinite(math.fsum(squares))


@given(numbers)
def test_scaling_keeps_the_order_of_values(values: list[float]) -> None:
    scale = Scale.of(values)
    scaled = [scale(value) for value in sorted(values)]
    assert scaled == sorted(scaled)


@pytest.mark.parametrize("wild", [-1e300, 1.7e308, 1e20])
@pytest.mark.parametrize("values", [(0.9, 0.85), (0.9, 0.85, 0.91), (1e15, 1e15 - 100, 1e15 + 25)])
def test_a_single_outlier_does_not_change_the_scale(values: tuple[float, ...], wild: float) -> None:
    scale = Scale.of([*values, wild])
    assert len({scale(value) for value in values}) == len(values)
    assert 0 < abs(scale(values[0]) - scale(values[1])) <= 100


def test_scaling_separates_neighbouring_floats_near_the_center() -> None:
    values = [1e15, math.nextafter(1e15, 0), math.nextafter(1e15, 2e15)]
    scale = Scale.of(values)
    assert len({scale(value) for value in values}) == 3


def studied(times: float, plus: float, kind: str, effect: float, number: int) -> Outcome:
    world = drawn(number, kind, effect, fingerprint=effect != 4.0, sizes=(6,))
    return play(Scaled(**vars(world), times=times, plus=plus))


EXTREMES = [
    pytest.param(1e155, 0.0, id="beyond the root of the largest float"),
    pytest.param(1e308, 0.0, id="near the largest float"),
    pytest.param(1e300, -1e302, id="large and negative"),
    pytest.param(2e3, 1e15, id="an offset of 1e15 and a drop of 100"),
    pytest.param(20.0, -1e15, id="an offset of -1e15 and a drop of eight last digits"),
    pytest.param(1e-300, 0.0, id="tiny, on both sides of zero"),
    pytest.param(1e-320, 1e-321, id="denormal"),
    pytest.param(1e-12, 0.9, id="only the last digits move"),
]


@pytest.mark.parametrize(("times", "plus"), EXTREMES)
@pytest.mark.parametrize("effect", [math.inf, 4.0])
def test_a_cause_is_proved_at_any_magnitude_of_the_metric(times: float, plus: float, effect: float) -> None:
    assert all(studied(times, plus, "single", effect, number).right for number in (0, 2, 3))


@pytest.mark.parametrize(("times", "plus"), EXTREMES)
def test_noise_is_no_regression_at_any_magnitude_of_the_metric(times: float, plus: float) -> None:
    kinds = Counter(studied(times, plus, "null", 4.0, number).verdict.kind for number in range(4))
    assert kinds["no_regression"] >= 3
    assert not kinds["proved"]


@pytest.mark.parametrize("exponent", [-900, -300, 40, 900])
def test_another_unit_changes_no_decision(exponent: int) -> None:
    def runs(power: int) -> list[tuple[int, int]]:
        problem, results = Problem(Mixes.of(8), (1.0,) * 8), list[Observation]()
        world = drawn(7, "single", 4.0, fingerprint=False, sizes=(8,))
        while isinstance(step := decide(problem, results), Probe):
            result = world.run(step.mix, step.seed)
            value = None if result.value is None else math.ldexp(result.value, power)
            results.append(Observation(step.mix, step.seed, value, result.reason))
        return [(result.mix, result.seed) for result in results]

    assert runs(exponent) == runs(0)


def ended(old: float, new: float) -> Verdict:
    problem, results = Problem(Mixes.of(4), (1.0,) * 4), list[Observation]()
    while isinstance(step := decide(problem, results), Probe):
        results.append(Observation(step.mix, step.seed, new if step.mix >> 2 & 1 else old))
    return step


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (1.7e308, -1.7e308), (5e-324, 0.0), (1e15 + 100, 1e15), (1e200, 1e-200), (-1e-300, -1e300), (1e300, 0.0),
        (math.nextafter(1.0, 2), 1.0),
    ],
)  # fmt: skip
def test_two_different_values_of_any_magnitude_are_a_drop(old: float, new: float) -> None:
    assert (ended(old, new).kind, ended(old, new).culprits) == ("proved", 0b100)
    assert ended(new, old).kind == "no_regression"
    assert ended(old, old).why == "the endpoints are identical, at this fixed seed"


@pytest.mark.parametrize("value", [math.inf, -math.inf, math.nan])
def test_a_value_that_is_not_finite_counts_as_missing(value: float) -> None:
    assert ended(0.9, value).why == f"NEW itself gives no value: its value is {value}"
