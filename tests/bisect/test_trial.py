from __future__ import annotations

import sys
import time
from pathlib import Path

import pytest
from tiny_index import PYTHON

from contexta.bisect.trial import Command, Order, Report, check_source, read_metric, run_trial, too_large_to_copy
from contexta.errors import InvalidInput
from contexta.reproduce.uv import find_uv


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    at = tmp_path_factory.mktemp("environment") / "bare"
    find_uv().create(PYTHON, at)
    return at


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    found = tmp_path / "project"
    found.mkdir()
    return found


def run(folder: Path, environment: Path, code: str, seed: int = 0, **settings: object) -> Report:
    (folder / "train.py").write_text(code)
    variables = settings.pop("variables", {})
    command = Command(("python", "train.py"), "accuracy", str(folder), **settings)  # type: ignore[arg-type]  # by test
    return run_trial(Order(command, str(environment), seed, variables))  # type: ignore[arg-type]  # as above


def test_the_metric_is_read_from_what_the_program_prints(folder: Path, environment: Path) -> None:
    report = run(folder, environment, "print('accuracy=0.25'); print('accuracy: 0.875')")
    assert (report.value, report.reason) == (0.875, "")


def test_the_program_runs_in_the_environment_with_its_seed_and_variables(folder: Path, environment: Path) -> None:
    code = """
import os, sys
assert sys.prefix == os.environ["VIRTUAL_ENV"], sys.prefix
assert os.environ["CONTEXTA_SEED"] == "7" and "GONE" not in os.environ and os.environ["MODE"] == "fast"
print("accuracy=" + os.environ["SEED"])
"""
    report = run(folder, environment, code, seed=7, variables={"MODE": "fast", "GONE": None})
    assert report.value == 7.0


def test_the_seed_can_go_by_argument(folder: Path, environment: Path) -> None:
    report = run(folder, environment, "import sys; print('accuracy=' + sys.argv[2])", 5, seed_argument="--seed {seed}")
    assert report.value == 5.0


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("pass", "gives no accuracy"),
        ("print('loss=0.1')", "gives no accuracy"),
        ("print('accuracy=nan')", "accuracy is nan"),
        ("print('accuracy=inf')", "accuracy is inf"),
        ("raise ImportError('numpy.core.multiarray failed')", "exit code 1: ImportError: numpy.core"),
        ("import os; os.kill(os.getpid(), 11)", "was ended by signal 11"),
        ("print('accuracy=0.9'); raise SystemExit(3)", "exit code 3"),
    ],
)
def test_each_way_to_give_no_value_has_its_own_reason(folder: Path, environment: Path, code: str, reason: str) -> None:
    report = run(folder, environment, code)
    assert report.value is None
    assert report.reason.startswith(reason)


def test_a_program_that_hangs_is_ended_with_everything_it_started(folder: Path, environment: Path) -> None:
    code = """
import os, subprocess, sys, time
child = "import os, time; os.setsid(); time.sleep(2); open({!r}, 'w').write('alive')"
subprocess.Popen([sys.executable, "-c", child.format(os.environ["SENTINEL"])])
time.sleep(60)
"""
    sentinel = folder.parent / "sentinel"
    report = run(folder, environment, code, timeout=1.0, variables={"SENTINEL": str(sentinel)})
    assert report.reason == "did not end within 1 s"
    time.sleep(2.0)
    assert not sentinel.exists()


@pytest.mark.skipif(sys.platform != "linux", reason="the limit is the kernel's")
def test_a_program_that_eats_memory_is_stopped(folder: Path, environment: Path) -> None:
    report = run(folder, environment, "x = bytearray(10**9); print('accuracy=1')", memory=200 * 2**20)
    assert report.value is None
    assert "MemoryError" in report.reason


def test_what_a_trial_leaves_behind_does_not_reach_the_next(folder: Path, environment: Path) -> None:
    code = """
import pathlib
left = pathlib.Path("left.txt")
pathlib.Path("train.py").write_text("print('accuracy=0')")
print("accuracy=0" if left.exists() else "accuracy=1")
left.write_text("x")
"""
    (folder / "data.csv").write_text("1")
    assert [run(folder, environment, code).value for _ in range(2)] == [1.0, 1.0]
    assert (folder / "train.py").read_text() == code
    assert not (folder / "left.txt").exists()


def test_in_place_the_command_runs_in_its_own_folder(folder: Path, environment: Path) -> None:
    report = run(folder, environment, "import os; open('left', 'w'); print('accuracy=1')", in_place=True)
    assert report.value == 1.0
    assert (folder / "left").exists()


def test_a_command_that_does_not_exist_is_a_reason_not_an_error(folder: Path, environment: Path) -> None:
    command = Command(("no-such-program",), "accuracy", str(folder))
    assert "not installed" in run_trial(Order(command, str(environment), 0)).reason


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("accuracy=0.87", 0.87),
        ("test accuracy: 87", 87.0),
        ("epoch 3 loss=0.2 accuracy=8.7e-1", 0.87),
        ('{"accuracy": 0.87, "loss": 1}', 0.87),
        ('{"val": {"accuracy": 0.87}}', None),
        ("val/accuracy=0.5", None),
        ("accuracy_top5=0.99", None),
        ("balanced.accuracy=0.99", None),
        ("accuracy=0.87.1", None),
        ("accuracy=-.5", -0.5),
        ("Accuracy=0.5", None),
    ],
)
def test_a_metric_is_recognised_by_its_whole_name(tmp_path: Path, line: str, expected: float | None) -> None:
    command = Command(("x",), "accuracy", str(tmp_path))
    assert read_metric(command, f"starting\n{line}\ndone\n", tmp_path)[0] == expected


def test_a_metric_inside_json_is_named_with_dots(tmp_path: Path) -> None:
    command = Command(("x",), "val.accuracy", str(tmp_path))
    assert read_metric(command, '{"val": {"accuracy": 0.87}}', tmp_path)[0] == 0.87


def test_a_metric_can_come_from_a_pattern_or_a_file(tmp_path: Path) -> None:
    (tmp_path / "out.json").write_text('{"test": {"acc": 0.5}}')
    pattern = Command(("x",), "accuracy", str(tmp_path), metric_from=r"stdout:^acc is (\S+)$")
    file = Command(("x",), "accuracy", str(tmp_path), metric_from="json:out.json:test.acc")
    assert read_metric(pattern, "acc is 0.25\nacc is 0.75\n", tmp_path)[0] == 0.75
    assert read_metric(file, "", tmp_path)[0] == 0.5
    assert read_metric(file, "", tmp_path / "elsewhere") == (None, "gives no accuracy")


@pytest.mark.parametrize("source", ["stdout:", "stdout:no group", "stdout:(", "json:file", "stderr:(x)", ""])
def test_a_source_that_can_never_work_is_refused(source: str) -> None:
    with pytest.raises(InvalidInput, match="metric-from"):
        check_source(source)


def test_a_folder_of_too_many_files_is_not_copied(tmp_path: Path) -> None:
    assert too_large_to_copy(tmp_path) is None
    many = tmp_path / "many"
    many.mkdir()
    for number in range(20_001):
        (many / str(number)).touch()
    assert "20000 files" in str(too_large_to_copy(tmp_path))
