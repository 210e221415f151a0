"""The likelihood that a run is the same as another one up to jitter."""

from __future__ import annotations

import math
from pathlib import Path
from random import Random

import pytest
from support.jittered import Training, study

from contexta.bisect.trajectories.early_rule import NO_COINCIDENCE, EarlyRule, Reference
from contexta.bisect.trajectories.jitter import Fit, jitter_between
from contexta.bisect.trajectories.live import LiveTrajectory
from contexta.bisect.trajectories.trajectory import Point


def series(shift: float = 0.0, jitter: float = 0.0, first: int = 0) -> list[Point]:
    """A loss of 40 epochs. jitter: at the first epoch; it grows by 1.3."""
    return [(n, 0.95**n * (1 + shift * (n >= first)) * (1 + jitter * 1.3**n)) for n in range(40)]


def fit(distances: list[float], jitter: float = 1e-6, contrast: float = 1e-3) -> float:
    result = Fit()
    for distance in distances:
        result.add(distance, jitter, contrast)
    return result.nats


def test_distances_like_jitter_are_the_same_run_whatever_their_amplitude() -> None:
    for amplitude in (0.0, 0.2, 1.0, 5.0, 20.0):
        assert fit([amplitude * 1e-6] * 5) > NO_COINCIDENCE


def test_distances_like_those_of_old_and_new_are_another_run() -> None:
    for distance in (2e-4, 1e-3, 5e-3):
        assert fit([distance] * 3) < -NO_COINCIDENCE


def test_one_point_never_decides() -> None:
    assert fit([0.0]) < NO_COINCIDENCE


def test_the_scale_of_jitter_grows_and_is_never_zero_before_its_first_distance() -> None:
    one, other = series(), series(jitter=1e-7)
    other[0], other[1] = one[0], one[1]
    scale = jitter_between(one, other)
    assert scale is not None
    assert scale[0] == scale[1] == scale[2] > 0
    assert list(scale) == sorted(scale)
    assert jitter_between(one, one) == (0.0,) * 40


def test_series_of_other_steps_or_pure_noise_have_no_jitter() -> None:
    noise = Random(1)
    times = [[(n, 3.0 + noise.random()) for n in range(40)] for _ in range(2)]
    assert jitter_between(*times) is None
    assert jitter_between(series(), series()[:-1]) is None
    assert jitter_between(series(), [(n + 1, value) for n, (_, value) in enumerate(series())]) is None
    assert jitter_between(series(), [*series()[:-1], (39, math.nan)]) is None


def followed(lines: list[Point], first: int = 0) -> tuple[str | None, int]:
    """(the endpoint that a run follows, the number of its points until then)."""
    scale = jitter_between(series(), series(jitter=1e-7))
    assert scale is not None
    old, new = ({"stdout: loss": points} for points in (series(), series(1e-3, first=first)))
    jitter = {"stdout: loss": scale}
    ends = Reference("OLD", "old", 0.9, old, jitter), Reference("NEW", "new", 0.8, new, jitter)
    live = LiveTrajectory(EarlyRule(3, ends, may_stop=True), Path("/nonexistent"), None)
    for number, (step, value) in enumerate(lines, start=1):
        live.receive(0, f"epoch={step} loss={value!r}\n".encode())
        if live.is_set() and live.followed is not None:
            return live.followed.endpoint, number
    assert not live.fault
    return None, len(lines)


@pytest.mark.parametrize("amplitude", [-1e-6, 1e-8, 3e-7])
def test_a_run_that_repeats_an_endpoint_up_to_jitter_follows_it(amplitude: float) -> None:
    for trajectory, first, expected in (
        (series(jitter=amplitude), 0, "OLD"),
        (series(1e-3, amplitude), 0, "NEW"),
        (series(1e-3, amplitude, first=8), 8, "NEW"),
    ):
        endpoint, points = followed(trajectory, first)
        assert endpoint == expected
        assert first + 3 <= points <= first + 6


def test_a_run_between_the_endpoints_or_of_other_random_numbers_follows_none() -> None:
    for shift in (5e-4, 2e-4, -1e-3, 2e-3, 0.1):
        assert followed(series(shift, 1e-7))[0] is None


def test_a_run_that_leaves_an_endpoint_where_jitter_is_clear_follows_none() -> None:
    assert followed(series(1e-3, 1e-7, first=9), first=8)[0] is None


def test_where_jitter_hides_the_difference_no_run_is_stopped() -> None:
    assert followed(series(jitter=1e-7), first=25)[0] is None


@pytest.mark.parametrize(
    "training",
    [
        Training(),
        Training(cause_from=12),
        Training(perturbing="g"),
        Training(cause_from=math.inf, mover="k"),
        Training(cause_from=36, mover="k"),
    ],
)
def test_a_study_with_jitter_proves_the_culprit(tmp_path: Path, training: Training) -> None:
    verdict, culprits, trials, cost = study(training, tmp_path, 1)
    assert (verdict.kind, culprits) == ("proved", ("d",))
    assert any(not trial.result.is_measured for trial in trials)
    measured = {trial.step.mix for trial in trials if trial.result.is_measured}
    assert verdict.proof is not None
    assert {fact.mix for fact in verdict.proof.facts} <= measured
    assert cost < len(trials)


@pytest.mark.parametrize("perturbing", ["", "g", "gca"])
def test_nulls_with_jitter_are_not_proved(tmp_path: Path, perturbing: str) -> None:
    for number in range(2):
        assert study(Training(culprit="", perturbing=perturbing), tmp_path / str(number), number)[0].kind != "proved"
