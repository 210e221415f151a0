"""A value that the program, a callback or a tracker log in the same step is one point, and no other point is lost."""

from __future__ import annotations

import math
import textwrap
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from contexta import Contexta
from contexta.recorder.mirrors import shared_points
from contexta.recorder.session.active_run import session

Points = list[tuple[int | None, Any]]


Recorded = Callable[[str], Points]
sizes: list[int] = []  # that a program measures


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Recorded]:
    """Run a program, and return the points of ``loss`` that it records."""
    with Contexta(workspace=tmp_path_factory.mktemp("shared") / "ws") as ctx:

        def run_program(program: str) -> Points:
            mirror = session.mirror_of_process()  # what callbacks and mirrors write to
            with ctx.run("r", project="p") as run:
                names = {
                    "run": run,
                    "callback": lambda: mirror.of(run, "framework"),
                    "wait": mirror.write_points,
                    "math": math,
                    "threading": threading,
                    "sizes": sizes,
                }
                exec(textwrap.dedent(program), names)
            records = ctx.get_run_snapshot(str(run.ref)).records
            return [(record.step, record.value) for record in records if getattr(record, "key", None) == "loss"]

        yield run_program


@pytest.mark.parametrize("pause", ["", "wait()"])
@pytest.mark.parametrize(
    "body",
    [
        "run.log({'loss': step / 2}, step=step); PAUSE; part.log('framework', {'loss': step / 2}, step)",
        "part.log('framework', {'loss': step / 2}, step); PAUSE; run.log({'loss': step / 2}, step=step)",
        "part.log('framework', {'loss': step / 2}, step); PAUSE; run.metric('loss', step / 2, step)",
        "part.log('framework', {'loss': step / 2}, step); PAUSE; run.summary.update({'loss': step / 2})",
        "run.log({'loss': step / 2}); PAUSE; part.log('framework', {'loss': step / 2}, step)",
    ],
)
def test_value_of_the_program_and_of_a_callback_in_the_same_step_is_one_point(
    recorded: Recorded, body: str, pause: str
) -> None:
    points = recorded(
        f"part = callback()\nfor step in range(4):\n    {body.replace('PAUSE', pause or 'pass')}\n",
    )
    assert [value for _, value in points] == [0, 0.5, 1, 1.5]


def test_first_point_that_the_program_logs_before_a_callback_begins_is_one_point(recorded: Recorded) -> None:
    program = """
    for step in range(3):
        run.log({"loss": step}, step=step)
        callback().log("framework", {"loss": step}, step)
        wait()
    """
    assert recorded(program) == [(0, 0), (1, 1), (2, 2)]


def test_values_that_are_not_numbers_of_arithmetic_are_one_point(recorded: Recorded) -> None:
    program = """
    part = callback()
    for step, value in enumerate((math.nan, math.inf, -math.inf, 2**60, True)):
        part.log("framework", {"loss": value}, step)
        wait()
        run.log({"loss": value}, step=step)
    """
    assert [str(value) for _, value in recorded(program)] == ["nan", "inf", "-inf", str(2**60), "1"]


@pytest.mark.parametrize(
    ("program", "expected"),
    [
        # other values, other steps, and the same source twice
        ("part.log('f', {'loss': 1}, 0); wait(); run.log({'loss': 2}, step=0)", [(0, 1), (0, 2)]),
        ("part.log('f', {'loss': 1}, 0); wait(); run.log({'loss': 1}, step=7)", [(0, 1), (7, 1)]),
        ("run.log({'loss': 1}, step=0); run.log({'loss': 1}, step=0); part.log('f', {'x': 1}, 0)", [(0, 1), (0, 1)]),
        # a result without a step, which is not the latest value
        ("part.log('f', {'loss': 1}, 0); part.log('f', {'loss': 2}, 1); wait(); run.log({'loss': 1})", None),
        # a point of one source hides one point of the other, not all with its value
        (
            "run.log({'loss': 1}, step=0); part.log('f', {'loss': 1}, 0); part.log('f', {'loss': 3}, 1); "
            "part.log('f', {'loss': 1}, 2); part.log('f', {'loss': 1}, 3)",
            [(0, 1), (1, 3), (2, 1), (3, 1)],
        ),
    ],
)
def test_other_points_are_all_recorded(recorded: Recorded, program: str, expected: Points | None) -> None:
    points = recorded(f"part = callback()\n{program.replace(chr(39) + 'f' + chr(39), repr('framework'))}")
    assert sorted(points, key=str) == sorted(expected or [(0, 1), (1, 2), (None, 1)], key=str)


def test_stage_of_the_program_has_its_own_points(recorded: Recorded) -> None:
    program = """
    part = callback()
    with run.stage("train") as stage:
        stage.metric("loss", 1, step=0)
        part.log("framework", {"loss": 1}, 0)
    """
    assert recorded(program) == [(0, 1), (0, 1)]


def test_threads_lose_no_point(recorded: Recorded) -> None:
    program = """
    part = callback()
    def work(number):
        for step in range(500):
            run.log({"loss": step + number / 10}, step=step)
            part.log("framework", {"loss": step + number / 10}, step)
    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    [thread.start() for thread in threads]; [thread.join() for thread in threads]
    """
    values = {value for _, value in recorded(program)}
    assert values == {step + number / 10 for number in range(4) for step in range(500)}


def test_memory_is_bounded_for_many_names_and_many_points(recorded: Recorded, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared_points, "_MOST_OF_ALL", 100)
    program = """
    part = callback()
    for step in range(300):
        run.log({f"name {step}": 1}, step=step)
        run.log({"loss": step}, step=step)
        part.log("framework", {"other": step}, step)
    wait()
    points = part._points
    sizes.append(len(points._metrics))
    sizes.append(max(len(waiting) for metric in points._metrics.values() for waiting in metric.waiting.values()))
    """
    assert recorded(program) == [(step, step) for step in range(300)]
    assert sizes.pop() <= 100
    assert sizes.pop() <= 100
