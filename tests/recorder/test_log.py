"""``log`` takes what training loops hand over, and never raises; ``metric`` is strict."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy
import pytest
from support.paths import SOURCE
from support.pythons import every_python

from contexta import Contexta
from contexta.core.errors import InvalidInput
from contexta.findings import RunDetails


class Tensor:
    """As PyTorch's: one element or several."""

    def __init__(self, *values: float) -> None:
        self.values = values

    def item(self) -> float:
        if len(self.values) != 1:
            raise RuntimeError(f"a Tensor with {len(self.values)} elements cannot be converted to Scalar")
        return self.values[0]


class Broken:
    def __float__(self) -> float:
        raise ZeroDivisionError("broken")

    def __repr__(self) -> str:
        raise ZeroDivisionError("broken")


def logged(ctx: Contexta, *calls: Any) -> RunDetails:
    with ctx.run("r", project="p") as run:
        for values, *step in calls:
            run.log(values, *step)
    return ctx.get_run("r")


def noted(run: RunDetails) -> list[str]:
    return [note.text for note in run.notes if note.topic == "log"]


def test_mixed_values_are_numbers_and_one_note_for_each_key_that_is_none(ctx: Contexta) -> None:
    run = logged(ctx, *[({"a": 0.5, "best": True, "note": None, "how": "early"}, step) for step in range(3)])
    assert run.metrics == {"a": 0.5, "best": 1}
    assert noted(run) == [
        '"note" is not recorded: None is not a number',
        '"how" is not recorded: "early" is text, not a number',
    ]
    assert run.metadata["lost_records"] == {"count": 6, "first": "metric note", "reasons": {"not a number": 6}}
    assert {metric.points for stage in run.stages for metric in stage.metrics} == {3}


@pytest.mark.parametrize(
    ("value", "number"),
    [
        (False, 0),
        (numpy.bool_(True), 1),
        (numpy.float32(0.5), 0.5),
        (numpy.int64(3), 3),
        (numpy.array(0.25), 0.25),
        (numpy.array([[2]]), 2),
        (Decimal("0.1"), 0.1),
        (Fraction(1, 3), 1 / 3),
        (Tensor(0.75), 0.75),
        (10**30, 10**30),
        (float("inf"), float("inf")),
    ],
)
def test_numbers_of_any_library_are_measurements(ctx: Contexta, value: Any, number: float) -> None:
    run = logged(ctx, ({"x": value}, 1))
    assert (run.metrics, noted(run)) == ({"x": number}, [])


@pytest.mark.parametrize(
    "value",
    [
        None,
        "0.5",
        b"1",
        [1, 2],
        (0.5,),
        numpy.array([1, 2]),
        numpy.timedelta64(1, "s"),
        timedelta(1),
        1j,
        Tensor(1, 2),
        Broken(),
        object(),
        Decimal("sNaN"),
        Decimal("1e400"),
        Fraction(10**400),
        10**2000,
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_value_that_is_no_number_becomes_a_note(ctx: Contexta, value: Any) -> None:
    run = logged(ctx, ({"x": value, "loss": 0.5}, 1), ({"loss": 0.25, "x": value}, 2))
    assert run.metrics == {"loss": 0.25}
    (note,) = noted(run)
    assert note.startswith('"x" is not recorded: ')
    assert run.metadata["lost_records"]["count"] == 2


@pytest.mark.parametrize(
    ("step", "stored"),
    [
        (5.0, 5),
        (numpy.int32(5), 5),
        (numpy.float64(5), 5),
        (numpy.array(5), 5),
        (Tensor(5), 5),
        (Decimal(5), 5),
        (5.5, None),
        (float("nan"), None),
        ("5", None),
        (2**63, None),
        (None, None),
    ],
)
def test_steps_are_whole_numbers_or_left_out_with_a_note(ctx: Contexta, step: Any, stored: int | None) -> None:
    run = logged(ctx, ({"x": 1}, step), ({"y": 2}, step))
    assert [metric.step for stage in run.stages for metric in stage.metrics] == [stored, stored]
    assert len(noted(run)) == (stored is None and step is not None)


@pytest.mark.parametrize("key", [5, "a\nb", "", " ", "k" * 300, ("a", "b"), None, "\udcff"])
def test_invalid_keys_become_valid_names(ctx: Contexta, key: Any) -> None:
    run = logged(ctx, ({key: 0.5, "loss": 1},), ({key: 0.25},))
    assert len(run.metrics) == 2
    assert len(noted(run)) == 1


@pytest.mark.parametrize("values", [None, 5, "loss", [("loss", 1)], object()])
def test_an_argument_that_is_no_mapping_becomes_a_note(ctx: Contexta, values: Any) -> None:
    run = logged(ctx, (values,), ({"loss": 1},))
    assert run.metrics == {"loss": 1}
    (note,) = noted(run)
    assert note.startswith("log takes a mapping of names and numbers")


def test_mappings_inside_are_joined_by_a_dot(ctx: Contexta) -> None:
    circle: dict[str, Any] = {"n": 1}
    circle["self"] = circle
    run = logged(ctx, ({"val": {"acc": 0.9, "by": {5: True, "note": None}}},), (circle,))
    assert run.metrics["val.acc"] == 0.9
    assert run.metrics["val.by.5"] == 1
    assert '"val.by.note" is not recorded: None is not a number' in noted(run)


def test_a_secret_in_a_refused_value_is_not_written(ctx: Contexta, tmp_path: Path) -> None:
    secret = "hf_" + "aB3dE6gH9jK2mN5pQ8" * 2
    logged(ctx, ({"hint": f"{'x' * 70} token={secret}", "api_key": secret, "long": "x" * 5000 + secret},))
    files = [path for path in (tmp_path / ".contexta").rglob("*") if path.is_file()]
    assert [path for path in files if secret[:20].encode() in path.read_bytes()] == []


@pytest.mark.parametrize("value", [True, None, "0.5", Fraction(1, 3)])
def test_metric_stays_strict(ctx: Contexta, value: Any) -> None:
    with ctx.run("r") as run:
        with pytest.raises(InvalidInput):
            run.metric("x", value)
        with pytest.raises(InvalidInput):
            run.metric("x", 1, step=5.0)  # type: ignore[arg-type]  # that is the test


@pytest.mark.parametrize("python", every_python())
def test_log_never_raises_in_any_python(tmp_path: Path, python: str) -> None:
    program = """
    import contexta
    from decimal import Decimal
    for step in (0.0, 1.0, 1.5):
        contexta.log({"a": .5, "best": True, "note": None, "d": Decimal("0.1"), 5: 1, "in": {"x": [1]}}, step=step)
    """
    environ = {**os.environ, "PYTHONPATH": os.fspath(SOURCE)}
    command = [python, "-c", textwrap.dedent(program)]
    done = subprocess.run(command, cwd=tmp_path, env=environ, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    with Contexta(workspace=tmp_path / ".contexta") as ctx:
        run = ctx.get_run("@latest")
    assert run.metrics == {"a": 0.5, "best": 1, "d": 0.1, "5": 1}
    assert run.metadata["lost_records"]["count"] == 6


def test_exit_handlers_of_the_program_still_log(tmp_path: Path) -> None:
    program = """
    import atexit, contexta
    atexit.register(lambda: contexta.log({"late": 1}))  # runs after ours, which init registers
    run = contexta.init(name="r")
    contexta.log({"loss": 1})
    """
    environ = {**os.environ, "PYTHONPATH": os.fspath(SOURCE)}
    command = [sys.executable, "-c", textwrap.dedent(program)]
    done = subprocess.run(command, cwd=tmp_path, env=environ, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    with Contexta(workspace=tmp_path / ".contexta") as ctx:
        (run,) = ctx.list_runs()
    assert (run.status, run.metrics) == ("completed", {"loss": 1, "late": 1})


def test_metrics_and_parameters_take_numbers_of_other_libraries(ctx: Contexta) -> None:
    with ctx.run("r") as run:
        run.metrics({"decimal": Decimal("0.25"), "array": numpy.array(0.5), "tensor": Tensor(0.75)})  # type: ignore[dict-item]  # that is the test
        run.metric("huge", 2**70)
        run.metric("nan", Decimal("NaN"))  # type: ignore[arg-type]  # as above
        values = {"d": Decimal("0.25"), "zero": numpy.array(3), "flag": numpy.bool_(True), "f": numpy.float64(0.5)}
        run.params({**values, "list": [numpy.int64(1), numpy.array("text")], "several": numpy.array([1, 2])})
    result = ctx.get_run("r")
    assert str(result.metrics.pop("nan") if isinstance(result.metrics, dict) else result.metrics["nan"]) == "nan"
    assert {**result.metrics, "nan": 0} == {"decimal": 0.25, "array": 0.5, "tensor": 0.75, "huge": 2**70, "nan": 0}
    assert dict(result.params) == {
        "d": 0.25,
        "zero": 3,
        "flag": True,
        "f": 0.5,
        "list": (1, "text"),
        "several": "[1 2]",
    }
