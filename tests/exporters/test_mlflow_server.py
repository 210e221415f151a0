"""Runs that are sent to MLflow: to its own store and to a real server, and read back with its client."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.builders import Cli
from support.indexed import indexed_environment
from support.paths import ROOT

from contexta import Contexta

READ = """
import json, sys
import mlflow
client = mlflow.MlflowClient(tracking_uri=sys.argv[1])
found = []
for experiment in client.search_experiments():
    for run in client.search_runs([experiment.experiment_id]):
        series = {
            key: [(p.step, repr(p.value), p.timestamp) for p in client.get_metric_history(run.info.run_id, key)]
            for key in run.data.metrics
        }
        files = [file.path for file in client.list_artifacts(run.info.run_id, "environment")]
        found.append({"experiment": experiment.name, "name": run.info.run_name, "status": run.info.status,
                      "times": [run.info.start_time, run.info.end_time], "params": run.data.params,
                      "tags": run.data.tags, "series": series, "files": files})
print(json.dumps(found))
"""


@pytest.fixture
def recorded(tmp_path: Path) -> Contexta:
    ctx = Contexta(workspace=tmp_path / "workspace")
    with ctx.run("march", project="churn") as run:
        run.param("learning_rate", 0.1)
        run.param("layers", [64, 32])
        run.param("long", "x" * 600)
        run.tag("team", "risk")
        with run.stage("train") as stage:
            for step in range(2500):
                stage.metric("loss", 1 / (step + 1), step=step)
            stage.metric("acc@1", 0.5, step=3)
        with run.stage("test") as stage:
            stage.metric("loss", float("nan"))
    with pytest.raises(RuntimeError), ctx.run("april", project="churn"):
        raise RuntimeError("stop")
    return ctx


def export(python: str, workspace: Path, uri: str, *runs: str) -> dict[str, object]:
    command = [python, "-m", "contexta.cli", "export", "--mlflow", uri, *runs, "--workspace", str(workspace), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    result: dict[str, object] = json.loads(done.stdout)
    return result


def read(python: str, uri: str) -> list[dict[str, object]]:
    done = subprocess.run([python, "-c", READ, uri], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    found: list[dict[str, object]] = json.loads(done.stdout)
    return sorted(found, key=lambda run: str(run["name"]))


@pytest.fixture(params=["2.8, its own store", "newest, a server"])
def target(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[str, str]]:
    """(an interpreter with MLflow, the address of a store)."""
    monkeypatch.chdir(tmp_path)
    store = f"sqlite:///{tmp_path / 'ml.db'}"
    if request.param.startswith("2.8"):
        older = ("mlflow-skinny==2.8.0", "sqlalchemy>=2,<2.1", "alembic", "setuptools<81", "numpy<2", "pandas<2.2")
        yield indexed_environment(tmp_path / "environment", str(ROOT), *older), store
        return
    python = indexed_environment(tmp_path / "environment", str(ROOT), "mlflow")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    arguments = ["--backend-store-uri", store, "--workers", "1", "--port", str(port)]
    arguments += ["--artifacts-destination", str(tmp_path / "artifacts")]
    with (tmp_path / "server.log").open("wb") as log:
        command = [python, "-m", "mlflow", "server", *arguments]
        process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
    deadline = time.monotonic() + 120
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            break
        except OSError:
            assert time.monotonic() < deadline, (tmp_path / "server.log").read_text()
            time.sleep(0.2)
    yield python, f"http://127.0.0.1:{port}"
    os.killpg(process.pid, signal.SIGTERM)
    process.wait(30)


@pytest.mark.online
@pytest.mark.slow
def test_mlflow_has_what_was_recorded_once(recorded: Contexta, tmp_path: Path, target: tuple[str, str]) -> None:
    python, uri = target
    workspace = tmp_path / "workspace"
    first = export(python, workspace, uri)
    assert [run["action"] for run in first["runs"]] == ["created", "created"]  # type: ignore[attr-defined]  # JSON
    april, march = read(python, uri)
    summary = recorded.get_run("march")
    assert (march["experiment"], march["status"], april["status"]) == ("churn", "FINISHED", "FAILED")
    assert march["params"] == {"learning_rate": "0.1", "layers": "[64, 32]", "long": "x" * 500}
    tags = march["tags"]
    assert isinstance(tags, dict)
    assert (tags["team"], tags["contexta.run"]) == ("risk", "churn.march")
    series = march["series"]
    assert isinstance(series, dict)
    assert [point[:2] for point in sorted(series["train/loss"])] == [[n, repr(1 / (n + 1))] for n in range(2500)]
    assert [point[:2] for point in series["test/loss"]] == [[0, "nan"]]
    assert [point[:2] for point in series["acc_1"]] == [[3, "0.5"]]
    times = march["times"]
    assert isinstance(times, list)
    assert abs((times[1] - times[0]) / 1000 - (summary.duration_seconds or 0)) < 0.01
    assert march["files"] == ["environment/requirements.txt"]
    notes = " ".join(first["runs"][0]["notes"])  # type: ignore[index]  # JSON
    assert "the parameter long was cut to 500 of 600 characters" in notes
    assert '"acc@1" is named "acc_1"' in notes
    again = export(python, workspace, uri)
    assert [run["action"] for run in again["runs"]] == ["unchanged", "unchanged"]  # type: ignore[attr-defined]  # JSON
    recorded.tag_run("march", {"reviewed": "yes"})
    changed = export(python, workspace, uri, "march")
    assert [run["action"] for run in changed["runs"]] == ["updated"]  # type: ignore[attr-defined]  # JSON
    assert [run["name"] for run in read(python, uri)] == ["april", "march"]


def test_without_mlflow_the_extra_is_named(recorded: Contexta, tmp_path: Path) -> None:
    (tmp_path / "hidden").mkdir()
    (tmp_path / "hidden" / "mlflow.py").write_text("raise ImportError('it is not installed')")
    command = [sys.executable, "-m", "contexta.cli", "export", "--mlflow", "sqlite:///m.db", "--workspace", "workspace"]
    environ = {**os.environ, "PYTHONPATH": str(tmp_path / "hidden")}
    done = subprocess.run(command, cwd=tmp_path, env=environ, capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr.startswith("error: MLflow is not installed here\nhint: ")
    assert "[mlflow]" in done.stderr


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--mlflow", "u", "--otlp", "http://x"), "--baseline, --mlflow and --otlp exclude each other"),
        (("--experiment", "e"), "--experiment is of MLflow"),
        (("--mlflow", "u", "--points"), "--points and --format are for files"),
        (("--otlp", "localhost:4318"), '"localhost:4318" is no address of HTTP'),
    ],
)
def test_options_that_do_not_fit_are_wrong_use(
    recorded: Contexta, cli: Cli, options: tuple[str, ...], message: str
) -> None:
    done = cli("export", *options, "--workspace", "workspace")
    assert done.returncode == 2
    assert message in done.stderr
    assert "hint: " in done.stderr
