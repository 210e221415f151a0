"""With `pytest --contexta`, each test marked `regression` is a run, and a check of it is an assertion."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from support.indexed import indexed_environment
from support.paths import ROOT

from contexta import Contexta

TESTS = """
import os
import pytest
import contexta

ACCURACY = float(os.environ.get("ACCURACY", "0.91"))

def train():
    with contexta.init(project="other", name="mine") as run:
        run.config["lr"] = 0.1
        run.log({"accuracy": ACCURACY}, step=1)

@pytest.mark.regression
def test_logs(contexta_check):
    contexta.log({"accuracy": ACCURACY})
    contexta_check(max_drop="accuracy=0.01", require="accuracy>=0.5")

@pytest.mark.regression
def test_program(contexta_check, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    train()
    contexta_check(max_drop=["accuracy=1%"])

@pytest.mark.regression
@pytest.mark.parametrize("seed", [1, 2])
def test_seeds(contexta_run, seed):
    contexta_run.metric("loss", seed / 10)

@pytest.mark.regression
def test_fails():
    assert ACCURACY == 1.0

@pytest.mark.regression
def test_skips():
    pytest.skip("no GPU")

@pytest.mark.regression
@pytest.mark.skipif(True, reason="never")
def test_never():
    pass

def test_plain():
    pass

def test_unmarked(contexta_run):
    pass
"""


def run_pytest(
    folder: Path, *options: str, python: str = sys.executable, accuracy: float = 0.91
) -> subprocess.CompletedProcess[str]:
    command = [python, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--strict-markers", "-W", "error", *options]
    variables = {**os.environ, "ACCURACY": str(accuracy)}
    return subprocess.run(command, cwd=folder, env=variables, capture_output=True, text=True, timeout=300, check=False)


@pytest.fixture
def project(tmp_path: Path, template: Path) -> Path:
    """A directory with tests and a workspace."""
    folder = tmp_path / "shop"
    (folder / ".contexta").mkdir(parents=True)
    shutil.copy(template, folder / ".contexta" / "contexta.db")
    (folder / "test_model.py").write_text(TESTS)
    return folder


def statuses(ctx: Contexta) -> dict[str, str]:
    """The status of the latest run of each test."""
    return {run.name.partition("::")[2]: run.status for run in ctx.list_runs("shop", order="oldest")}


FIRST = {
    "test_logs": "completed",
    "test_program": "completed",
    "test_seeds[1]": "completed",
    "test_seeds[2]": "completed",
    "test_fails": "failed",
    "test_skips": "cancelled",
}


def test_each_regression_test_is_a_run_that_ends_as_the_test_does(project: Path) -> None:
    done = run_pytest(project, "--contexta")
    assert "1 failed, 5 passed, 2 skipped, 1 error" in done.stdout, done.stdout
    assert "test_unmarked is not recorded; hint: mark it with @pytest.mark.regression" in done.stdout
    assert "test_model.py::test_seeds[1]: shop.test-model-py-test-seeds-1" in done.stdout
    assert done.stdout.count("not compared: no earlier run of this test has passed") == 2
    with Contexta(workspace=project / ".contexta") as ctx:
        assert statuses(ctx) == FIRST
        program = ctx.get_run("shop.test-model-py-test-program")
        assert (program.params, program.name) == ({"lr": 0.1}, "test_model.py::test_program")
        assert {key: str(value) for key, value in program.metrics.items()} == {"accuracy": "0.91"}
        assert ctx.get_run("shop.test-model-py-test-seeds-2").params == {"seed": 2}


@pytest.mark.slow
def test_a_test_fails_if_its_metric_drops_from_the_last_run_that_passed(project: Path) -> None:
    run_pytest(project, "--contexta")
    for accuracy, options in {0.8: (), 0.85: ("-n", "2")}.items():  # the first one failed, and is no baseline
        done = run_pytest(project, "--contexta", *options, accuracy=accuracy)
        assert f"fail    accuracy at most 0.01 worse  0.91 -> {accuracy}" in done.stdout, done.stdout
        assert "hint: contexta why run:shop.test-model-py-test-logs run:shop.test-model-py-test-logs-" in done.stdout
        assert "test_model.py::test_seeds[1]: shop.test-model-py-test-seeds-1" in done.stdout
    with Contexta(workspace=project / ".contexta") as ctx:
        assert statuses(ctx) == {**FIRST, "test_logs": "failed", "test_program": "failed"}
        assert ctx.count_runs() == 3 * len(FIRST)


def test_without_the_option_nothing_is_recorded_and_tests_that_need_a_run_are_skipped(
    project: Path,
) -> None:
    (project / "conftest.py").write_text(
        "import sys\n"
        "def pytest_unconfigure():\n"
        "    print('loaded:', *sorted(name for name in sys.modules if name.startswith('contexta')))\n"
    )
    (project / "test_model.py").write_text(TESTS.replace("import contexta\n", ""))
    done = run_pytest(project, "-rs")
    assert "1 failed, 1 passed, 7 skipped" in done.stdout, done.stdout
    assert "needs a recorded run: start pytest with --contexta" in done.stdout
    assert "loaded: contexta contexta.integrations contexta.integrations.pytest_plugin\n" in done.stdout
    with Contexta(workspace=project / ".contexta") as ctx:
        assert ctx.count_runs() == 0


@pytest.mark.online
@pytest.mark.slow
@pytest.mark.parametrize("version", ["pytest==7.0.1", "pytest"])
def test_an_installed_contexta_records_with_old_and_new_versions_of_pytest_below_contexta_run(
    project: Path, tmp_path: Path, version: str
) -> None:
    python = indexed_environment(tmp_path / "environment", str(ROOT), version)
    command = [python, "-m", "contexta.cli", "run", "--quiet", "--name", "suite", "--", python, "-m", "pytest", "-q"]
    done = subprocess.run(
        [*command, "-W", "error", "--contexta", "-k", "logs or fails"],
        cwd=project,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert "1 failed, 1 passed" in done.stdout, done.stdout + done.stderr
    with Contexta(workspace=project / ".contexta") as ctx:
        runs = {run.name: run.status for run in ctx.list_runs()}
        assert runs == {
            "suite": "failed",
            "test_model.py::test_logs": "completed",
            "test_model.py::test_fails": "failed",
        }
        assert ctx.get_run("shop.test-model-py-test-logs").part_of == "run:shop.suite"
