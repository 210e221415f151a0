"""Unchanged programs that log to the real trackers are recorded as the trackers do, and behave as without Contexta."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path

import pytest
from support.builders import Cli
from support.index_environments import python_with

from contexta import Contexta
from contexta.findings import ImportedRun

Interpreters = Callable[..., str]

pytestmark = [pytest.mark.online, pytest.mark.slow]

Points = dict[str, list[tuple[int | None, object]]]

WANDB = """
import wandb
run = wandb.init(project="p", name="baseline", config={"lr": 0.1, "model": {"depth": 3}}, tags=["a"], mode="offline")
wandb.config.update({"late": 5})
wandb.config.bs = 32
for epoch in range(50):
    wandb.log({"loss": 1 / (epoch + 1), "val/acc": epoch / 50, "nested": {"x": epoch}})
wandb.log({"extra": 1.5}, commit=False)
wandb.log({"final": 0.5}, step=500)
run.summary["best"] = 0.99
run.finish()
second = wandb.init(project="p", config={"lr": 0.2}, mode="offline")
second.log({"loss": 3})
wandb.finish(exit_code=1)
print("done")
"""
MLFLOW = """
import mlflow
mlflow.set_tracking_uri("sqlite:///ml.db")
with mlflow.start_run(run_name="outer"):
    mlflow.log_param("lr", 0.1)
    mlflow.log_params({"depth": 3, "kind": "x"})
    mlflow.set_tag("team", "blue")
    for step in range(50):
        mlflow.log_metric("loss", 1 / (step + 1), step=step)
    mlflow.log_metrics({"acc": 0.9, "f1": 0.8}, step=3)
    for value in (1, 2):
        with mlflow.start_run(nested=True):
            mlflow.log_metric("inner", value)
client = mlflow.MlflowClient()
run = client.create_run("0")
client.log_metric(run.info.run_id, "by_client", 4.5, step=7)
client.set_terminated(run.info.run_id, "FAILED")
print("done")
"""
TENSORBOARDX = """
from tensorboardX import SummaryWriter
train, val = SummaryWriter("logs/train"), SummaryWriter("logs/val")
for step in range(50):
    train.add_scalar("loss", 1 / (step + 1), step)
    val.add_scalar("loss", 2 / (step + 1), step)
train.add_scalars("group", {"a": 1.5, "b": 2.5}, 7)
train.add_hparams({"lr": 0.1}, {"hp/acc": 0.9})
train.close()
val.close()
print("done")
"""
TRACKIO = """
import trackio
trackio.init(project="p", name="r", config={"lr": 0.3})
for epoch in range(50):
    trackio.log({"loss": 1 / (epoch + 1)})
trackio.log({"acc": 0.8}, step=500)
trackio.finish()
print("done")
"""
SWANLAB = """
import swanlab
run = swanlab.init(project="p", experiment_name="e1", config={"lr": 0.1}, mode="offline")
for epoch in range(50):
    swanlab.log({"loss": 1 / (epoch + 1), "inner": {"x": epoch}})
swanlab.log({"acc": 0.5}, step=500)
swanlab.finish()
print("done")
"""
COMET = """
import comet_ml
experiment = comet_ml.OfflineExperiment(project_name="p", workspace="w", offline_directory="comet")
experiment.log_parameter("lr", 0.1)
experiment.log_parameters({"depth": 3})
experiment.add_tag("a")
for step in range(50):
    experiment.log_metric("loss", 1 / (step + 1), step=step)
experiment.log_metrics({"acc": 0.5, "f1": 0.4}, step=7)
experiment.end()
print("done")
"""
CLEARML = """
from clearml import Task
Task.set_offline(True)
task = Task.init("p", "e1", tags=["a"], auto_connect_frameworks=False, auto_resource_monitoring=False)
task.connect({"lr": 0.1, "model": {"depth": 3}})
task.connect({"size": 1}, name="data")
logger = task.get_logger()
for step in range(50):
    logger.report_scalar("loss", "train", 1 / (step + 1), step)
logger.report_single_value("acc", 0.9)
task.close()
print("done")
"""


@pytest.fixture(scope="module")
def interpreters(tmp_path_factory: pytest.TempPathFactory) -> Interpreters:
    """Takes requirements and returns an interpreter with these packages, the same one for the same requirements."""
    folder = tmp_path_factory.mktemp("environments")
    return cache(partial(python_with, folder))


def run(cli: Cli, tmp_path: Path, python: str, program: str) -> None:
    """Record the program, and check that its output and exit code are those that it has alone."""
    variables = {**os.environ, "HOME": str(tmp_path), "WANDB_SILENT": "true", "WANDB_CONSOLE": "off"}
    (tmp_path / "train.py").write_text(program)
    done = cli("run", "--quiet", "--name", "r", "--no-metrics-from-output", "--", python, "train.py", env=variables)
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("done\n")
    assert "contexta" not in done.stderr


def imported(tmp_path: Path, folder: Path) -> list[tuple[ImportedRun, Points]]:
    """The runs of a tracker and their points, as a workspace without their records imports them. The workspace that
    recorded them recognises all of them."""
    with Contexta(workspace=tmp_path / ".contexta") as ctx:
        before = len(ctx.list_runs())
        assert {run.outcome for run in ctx.import_runs(folder).runs} == {"recorded"}
        assert len(ctx.list_runs()) == before
    with Contexta(workspace=tmp_path / "other") as ctx:
        runs = [run for run in ctx.import_runs(folder).runs if run.run_ref is not None]
        assert {run.outcome for run in runs} == {"imported"}
        assert {run.outcome for run in ctx.import_runs(folder).runs} == {"present"}
        return [(run, points(ctx, str(run.run_ref))) for run in runs]


def points(ctx: Contexta, ref: str) -> Points:
    recorded: Points = {}
    for record in ctx.get_run_snapshot(ref).records:
        if record.record_type == "metric":
            recorded.setdefault(record.key, []).append((record.step, record.value))
    return recorded


@pytest.mark.parametrize("requirements", [("wandb==0.16.6", "setuptools<81", "numpy<2"), ("wandb",)])
def test_wandb(cli: Cli, tmp_path: Path, interpreters: Interpreters, requirements: tuple[str, ...]) -> None:
    run(cli, tmp_path, interpreters(*requirements), WANDB)
    with Contexta(workspace=tmp_path / ".contexta") as ctx:
        second, first = ctx.list_runs()
        details = ctx.get_run(first.run_ref)
        assert details.params == {"lr": 0.1, "model": {"depth": 3}, "late": 5, "bs": 32}
        assert (details.status, second.status, list(details.tags)) == ("completed", "failed", ["a"])
        (source,) = details.metadata["mirrored_from"]
        assert source.startswith("wandb (offline-run-")
        recorded = points(ctx, first.run_ref.value)
        assert recorded["loss"] == [(epoch, 1 / (epoch + 1)) for epoch in range(50)]
        assert recorded["val/acc"] == [(epoch, epoch / 50) for epoch in range(50)]
        assert recorded["nested.x"] == [(epoch, epoch) for epoch in range(50)]
        assert recorded["extra"] == [(50, 1.5)]
        assert recorded["final"] == [(500, 0.5)]
        assert recorded["best"] == [(None, 0.99)]
        assert points(ctx, second.run_ref.value) == {"loss": [(0, 3)]}
    expected = sorted([(recorded, "completed"), ({"loss": [(0, 3)]}, "failed")], key=str)
    runs = imported(tmp_path, tmp_path / "wandb")
    assert sorted(((values, run.status) for run, values in runs), key=str) == expected
    with Contexta(workspace=tmp_path / "other") as ctx:
        ref = str(runs[0][0].run_ref)
        snapshot = ctx.get_environment(ref)
        assert snapshot.python_version == platform.python_version()
        if requirements == ("wandb",):  # 0.16 writes the rest in the background, and drops it at the end of a short run
            assert "wandb" in snapshot.packages
            assert snapshot.platform == platform.platform()
            directory = os.path.realpath(tmp_path)
            assert ctx.get_run(ref).metadata["invocation"] == {"argv": ("train.py",), "directory": directory}


def test_mlflow(cli: Cli, tmp_path: Path, interpreters: Interpreters) -> None:
    run(cli, tmp_path, interpreters("mlflow-skinny", "sqlalchemy", "alembic"), MLFLOW)
    with Contexta(workspace=tmp_path / ".contexta") as ctx:
        client, *inner, outer = ctx.list_runs()
        details = ctx.get_run(outer.run_ref)
        assert {key: str(value) for key, value in details.params.items()} == {"lr": "0.1", "depth": "3", "kind": "x"}
        assert details.tags == {"team": "blue"}
        recorded = points(ctx, outer.run_ref.value)
        assert recorded.pop("loss") == [(step, 1 / (step + 1)) for step in range(50)]
        assert recorded == {"acc": [(3, 0.9)], "f1": [(3, 0.8)]}
        assert [points(ctx, child.run_ref.value) for child in inner] == [{"inner": [(0, 2)]}, {"inner": [(0, 1)]}]
        assert (points(ctx, client.run_ref.value), client.status) == ({"by_client": [(7, 4.5)]}, "failed")
        expected = [(run.status, points(ctx, run.run_ref.value)) for run in ctx.list_runs()]
    assert sorted(((run.status, p) for run, p in imported(tmp_path, tmp_path / "ml.db")), key=str) == sorted(
        expected, key=str
    )


def test_tensorboardx(cli: Cli, tmp_path: Path, interpreters: Interpreters) -> None:
    run(cli, tmp_path, interpreters("tensorboardX"), TENSORBOARDX)
    with Contexta(workspace=tmp_path / ".contexta") as ctx:
        recorded = points(ctx, "r")
        assert recorded.pop("loss") == [(step, 1 / (step + 1)) for step in range(50)]
        assert recorded.pop("val/loss") == [(step, 2 / (step + 1)) for step in range(50)]
        assert recorded == {"group/a": [(7, 1.5)], "group/b": [(7, 2.5)], "hp/acc": [(None, 0.9)]}
        assert ctx.get_run("r").params == {"lr": 0.1}
    runs = {run.name: values for run, values in imported(tmp_path, tmp_path / "logs")}
    train, val = runs["logs train"], runs["logs val"]
    assert train.pop("loss") == [(step, pytest.approx(1 / (step + 1))) for step in range(50)]  # of 32 bits
    assert val == {"loss": [(step, pytest.approx(2 / (step + 1))) for step in range(50)]}


def test_trackio(cli: Cli, tmp_path: Path, interpreters: Interpreters) -> None:
    run(cli, tmp_path, interpreters("trackio"), TRACKIO)
    with Contexta(workspace=tmp_path / ".contexta") as ctx:
        recorded = points(ctx, "r")
        assert recorded == {"loss": [(epoch, 1 / (epoch + 1)) for epoch in range(50)], "acc": [(500, 0.8)]}
        assert ctx.get_run("r").params == {"lr": 0.3}
    assert [p for _, p in imported(tmp_path, tmp_path / ".cache" / "huggingface" / "trackio")] == [recorded]


@pytest.mark.parametrize("requirement", ["swanlab<0.7", "swanlab"])
def test_swanlab(cli: Cli, tmp_path: Path, interpreters: Interpreters, requirement: str) -> None:
    run(cli, tmp_path, interpreters(requirement), SWANLAB)
    with Contexta(workspace=tmp_path / ".contexta") as ctx:
        recorded = points(ctx, "r")
        assert recorded == {
            "loss": [(epoch, 1 / (epoch + 1)) for epoch in range(50)],
            "inner.x": [(epoch, epoch) for epoch in range(50)],
            "acc": [(500, 0.5)],
        }
        assert ctx.get_run("r").params == {"lr": 0.1}
    if requirement == "swanlab":  # earlier ones have another format
        ((_, values),) = imported(tmp_path, tmp_path / "swanlog")
        assert {key.replace("/", "."): series for key, series in values.items()} == recorded


def test_comet(cli: Cli, tmp_path: Path, interpreters: Interpreters) -> None:
    run(cli, tmp_path, interpreters("comet_ml"), COMET)
    with Contexta(workspace=tmp_path / ".contexta") as ctx:
        loss = [(step, 1 / (step + 1)) for step in range(50)]
        recorded = points(ctx, "r")
        assert recorded == {"loss": loss, "acc": [(7, 0.5)], "f1": [(7, 0.4)]}
        assert (ctx.get_run("r").params, list(ctx.get_run("r").tags)) == ({"lr": 0.1, "depth": 3}, ["a"])
    assert [values for _, values in imported(tmp_path, tmp_path / "comet")] == [recorded]


def test_clearml(cli: Cli, tmp_path: Path, interpreters: Interpreters) -> None:
    run(cli, tmp_path, interpreters("clearml"), CLEARML)
    with Contexta(workspace=tmp_path / ".contexta") as ctx:
        recorded = points(ctx, "r")
        assert recorded == {"loss/train": [(s, 1 / (s + 1)) for s in range(50)], "acc": [(None, 0.9)]}
        assert ctx.get_run("r").params == {"lr": 0.1, "model": {"depth": 3}, "data/size": 1}
    assert [values for _, values in imported(tmp_path, tmp_path / ".clearml")] == [recorded]
