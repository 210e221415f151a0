"""The rule for an early verdict, on series without processes."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from random import Random

import pytest

from contexta.bisect.trajectories.early_rule import EarlyRule, Followed, Reference
from contexta.bisect.trajectories.live import LiveTrajectory
from contexta.bisect.trajectories.trajectory import Point, decoded, encoded, is_timing


def curve(seed: int, first: int = 0, shift: float = 0.0, digits: int = 9, count: int = 40) -> list[float]:
    random = Random(seed)
    return [round(0.95**n + 0.01 * random.random() + shift * (n >= first), digits) for n in range(count)]


def series(values: Sequence[float], name: str = "loss") -> dict[str, list[Point]]:
    return {name: list(enumerate(values))}


def followed(
    old: Mapping[str, Sequence[Point]],
    new: Mapping[str, Sequence[Point]],
    printed: Sequence[str],
    after: int = 5,
    *,
    may_stop: bool = True,
) -> tuple[Followed | None, int]:
    """(the endpoint that a trial follows, the number of its lines until then)."""
    rule = EarlyRule(after, (Reference("OLD", "r.old", 0.9, old), Reference("NEW", "r.new", 0.8, new)), may_stop)
    live = LiveTrajectory(rule, Path("/nonexistent"), None)
    for number, line in enumerate(printed, start=1):
        live.receive(0, f"{line}\n".encode())
        live.is_set()
        if live.followed is not None:
            return live.followed, number
    live.finish()
    return live.followed, len(printed)


def lines(values: Sequence[float]) -> list[str]:
    return [f"epoch={step} loss={value!r}" for step, value in enumerate(values)]


STDOUT = "stdout: loss"


@pytest.mark.parametrize("first", [0, 12])
@pytest.mark.parametrize("end", ["OLD", "NEW"])
def test_trial_follows_the_endpoint_that_it_equals_after_the_first_difference(first: int, end: str) -> None:
    old, new = curve(1), curve(1, first, 1e-6)
    found, at = followed(series(old, STDOUT), series(new, STDOUT), lines(old if end == "OLD" else new))
    assert found is not None
    assert (found.endpoint, found.since, found.step, found.last_step) == (end, first, first + 4, 39)
    assert at == first + 5
    assert found.value == (0.9 if end == "OLD" else 0.8)


def test_third_trajectory_follows_none() -> None:
    old, new = curve(1), curve(1, 0, 1e-6)
    assert followed(series(old, STDOUT), series(new, STDOUT), lines(curve(1, 3, 1e-9))) == (None, 40)
    assert followed(series(old, STDOUT), series(new, STDOUT), lines(curve(2))) == (None, 40)


def test_trial_that_leaves_an_endpoint_before_the_rule_is_met_follows_none() -> None:
    old, new = curve(1), curve(1, 10, 1e-6)
    assert followed(series(old, STDOUT), series(new, STDOUT), lines(curve(1, 13, 1e-6)))[0] is None


def test_trial_that_is_nearly_done_is_not_stopped() -> None:
    old, new = curve(1), curve(1, 30, 0.5)
    assert followed(series(old, STDOUT), series(new, STDOUT), lines(old))[0] is None


def test_endpoints_with_equal_series_have_no_rule() -> None:
    assert followed(series(curve(1), STDOUT), series(curve(1), STDOUT), lines(curve(1)))[0] is None


def test_series_with_few_possible_values_needs_more_points() -> None:
    coarse = [round(value * 20) / 20 for value in curve(1)]
    other = [value + 0.05 for value in coarse]
    _, at = followed(series(coarse, STDOUT), series(other, STDOUT), lines(coarse))
    assert at > 8
    constant = [0.5] * 40
    assert followed(series(constant, STDOUT), series([0.25] * 40, STDOUT), lines(constant))[0] is None


def test_every_series_that_decides_soon_must_agree() -> None:
    loss, accuracy = curve(1), curve(2)
    old = {STDOUT: list(enumerate(loss)), "stdout: accuracy": list(enumerate(accuracy))}
    new = {STDOUT: list(enumerate(curve(1, 0, 1e-6))), "stdout: accuracy": list(enumerate(curve(2, 10, 1e-6)))}
    both = [f"epoch={n} loss={a!r} accuracy={b!r}" for n, (a, b) in enumerate(zip(loss, accuracy, strict=True))]
    assert followed(old, new, both)[1] == 15
    of_new = curve(2, 10, 1e-6)
    mixed = [f"epoch={n} loss={a!r} accuracy={b!r}" for n, (a, b) in enumerate(zip(loss, of_new, strict=True))]
    assert followed(old, new, mixed)[0] is None, "one series is OLD's, the other NEW's"


def test_metrics_of_journals_count_like_printed_ones(tmp_path: Path) -> None:
    old, new = curve(1), curve(1, 0, 1e-6)
    rule = EarlyRule(5, (Reference("OLD", "a", 1, series(old)), Reference("NEW", "b", 0, series(new))), may_stop=True)
    live = LiveTrajectory(rule, tmp_path, None)
    records = [{"s": n, "t": "metric", "at": n, "k": "loss", "x": value, "i": n} for n, value in enumerate(new)]
    content = b"".join(json.dumps(record, separators=(",", ":")).encode() + b"\n" for record in records)
    with (tmp_path / "bisect.run.jsonl").open("ab", buffering=0) as journal:
        for start in range(0, len(content), 50):  # lines arrive in pieces
            journal.write(content[start : start + 50])
            if live.is_set():
                break
    assert live.followed is not None
    assert (live.followed.endpoint, live.followed.step) == ("NEW", 4)


def test_trajectory_is_stored_with_every_digit() -> None:
    trajectory = {"loss": ((0, 0.1 + 0.2), (None, float("nan")), (2, float("inf")))}
    assert repr(decoded(encoded(trajectory))) == repr(trajectory)
    with pytest.raises(ValueError, match="trajectory"):
        decoded(b"[1]")


def test_series_of_times_and_speeds_are_known_by_name() -> None:
    timing = [
        "time",
        "seconds",
        "it/s",
        "tokens_per_second",
        "gpu_mem",
        "train/epoch_time",
        "_timestamp",
        "eta",
        "fit_time_s",
    ]
    assert all(map(is_timing, [*timing, "stdout: seconds"]))
    others = ["loss", "val/score", "lr", "grad_norm", "min_loss", "val/accuracy", "update_ratio"]
    assert not any(map(is_timing, others))


def printed(**columns: Sequence[float]) -> list[str]:
    """One line per epoch with these values."""
    rows = zip(*columns.values(), strict=True)
    return [
        " ".join([f"epoch={n}", *(f"{name}={value!r}" for name, value in zip(columns, row, strict=True))])
        for n, row in enumerate(rows)
    ]


def trajectory(**columns: Sequence[float]) -> dict[str, list[Point]]:
    return {f"stdout: {name}": list(enumerate(values)) for name, values in columns.items()}


def test_points_at_which_old_and_new_are_equal_again_are_no_evidence() -> None:
    old, new = curve(1), [*curve(1)[:5], curve(1)[5] + 1e-6, *curve(1)[6:]]
    assert followed(series(old, STDOUT), series(new, STDOUT), lines(old))[0] is None, "they differ at one point only"
    new = [value + 1e-6 * (n >= 5 and n % 4 == 1) for n, value in enumerate(old)]
    found, at = followed(series(old, STDOUT), series(new, STDOUT), lines(old), after=3)
    assert found is not None
    assert at == 5 + 2 * 4 + 1, "the third point that differs"


@pytest.mark.parametrize("sink", [float("nan"), float("inf"), 0.0, 1.0, 0.5, 0.6931471805599453])
def test_a_single_step_into_a_value_where_many_runs_end_is_no_evidence(sink: float) -> None:
    stuck, new = [*curve(1)[:5], *[sink] * 35], curve(1)
    assert followed(series(stuck, STDOUT), series(new, STDOUT), lines(stuck), after=1)[0] is None


def test_a_series_that_differs_early_does_not_decide_for_one_that_differs_later() -> None:
    rates = {end: [rate * 0.97**n for n in range(40)] for end, rate in (("OLD", 0.1), ("NEW", 0.2))}
    old, new = curve(1), curve(1, 12, 1e-6)
    ends = trajectory(lr=rates["OLD"], loss=old), trajectory(lr=rates["NEW"], loss=new)
    assert followed(*ends, printed(lr=rates["OLD"], loss=new))[0] is None, "OLD's learning rate with NEW's loss"
    assert followed(*ends, printed(lr=rates["NEW"], loss=old))[0] is None
    found, at = followed(*ends, printed(lr=rates["OLD"], loss=old))
    assert found is not None
    assert (found.endpoint, at) == ("OLD", 17), "5 points of the loss"


def test_no_trial_is_stopped_if_a_series_differs_only_near_the_end() -> None:
    rates = {end: [rate * 0.97**n for n in range(40)] for end, rate in (("OLD", 0.1), ("NEW", 0.2))}
    ends = trajectory(lr=rates["OLD"], loss=curve(1)), trajectory(lr=rates["NEW"], loss=curve(1, 33, 1e-6))
    assert followed(*ends, printed(lr=rates["OLD"], loss=curve(1)))[0] is None


def test_a_coarse_series_that_differs_is_followed_as_far_as_a_trial_may_be_stopped() -> None:
    accuracy = [round(0.5 + n / 80, 1) for n in range(40)]
    better = [round(value + 0.1 * (n >= 6), 1) for n, value in enumerate(accuracy)]
    loss = curve(1), curve(1, 0, 1e-6)
    ends = trajectory(loss=loss[0], accuracy=accuracy), trajectory(loss=loss[1], accuracy=better)
    found, at = followed(*ends, printed(loss=loss[0], accuracy=accuracy))
    assert found is not None
    assert at == 30
    left = [*accuracy[:20], *better[20:]]
    assert followed(*ends, printed(loss=loss[0], accuracy=left))[0] is None


def test_a_learning_rate_that_stays_at_its_value_does_not_decide_alone() -> None:
    ends = trajectory(lr=[0.1] * 40, loss=curve(1)), trajectory(lr=[0.01] * 40, loss=curve(1))
    assert followed(*ends, printed(lr=[0.1] * 40, loss=curve(1)))[0] is None
    ends = trajectory(lr=[0.1] * 40, loss=curve(1)), trajectory(lr=[0.01] * 40, loss=curve(1, 0, 1e-6))
    assert followed(*ends, printed(lr=[0.1] * 40, loss=curve(1)))[1] == 5


def test_steps_that_are_numbered_differently_must_be_followed_and_are_no_evidence() -> None:
    values = curve(1)
    shifted: dict[str, list[Point]] = {STDOUT: [(n + 1, value) for n, value in enumerate(values)]}
    assert followed(series(values, STDOUT), shifted, lines(values))[0] is None


def test_a_fault_while_series_are_read_is_named_and_stops_nothing(tmp_path: Path) -> None:
    ends = Reference("OLD", "a", 1, series(curve(1))), Reference("NEW", "b", 0, series(curve(1, 0, 1e-6)))
    live = LiveTrajectory(EarlyRule(5, ends, may_stop=True), tmp_path, None)
    (tmp_path / "no-file.run.jsonl").mkdir()
    assert not live.is_set()
    assert live.finish() == {}
    assert "series cannot be read: IsADirectoryError" in live.fault


def test_references_that_cannot_be_compared_are_a_fault(tmp_path: Path) -> None:
    damaged = {"loss": [(0, "text"), (1, "text")]}
    ends = Reference("OLD", "a", 1, damaged), Reference("NEW", "b", 0, series(curve(1)))  # type: ignore[arg-type]  # damaged
    live = LiveTrajectory(EarlyRule(5, ends, may_stop=True), tmp_path, None)
    assert "series cannot be read: TypeError" in live.fault
    assert not live.may_stop
    assert LiveTrajectory(EarlyRule(fault="no object"), tmp_path, None).fault == "no object"


VERDICT = Followed("OLD", "r.old", 0.9, 4, 39, 0, stopped=True, after=5)


def test_an_early_verdict_of_another_version_is_not_taken_over() -> None:
    stored = asdict(VERDICT)
    assert Followed.from_stored(stored) == VERDICT
    assert Followed.from_stored(None) is None
    for other in ({**stored, "since_epoch": 1}, {name: value for name, value in stored.items() if name != "after"}):
        with pytest.raises(ValueError, match="no early verdict of this version"):
            Followed.from_stored(other)
        assert Followed.from_stored({**other, "stopped": False}) is None, "its own value counts"
