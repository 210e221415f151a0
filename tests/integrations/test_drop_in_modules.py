"""`contexta.wandb` and `contexta.tensorboard` record the common calls of these trackers, and refuse all others."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from support.indexed import indexed_environment
from support.paths import SOURCE
from support.pythons import another_python

import contexta
from contexta import Contexta, tensorboard, wandb
from contexta.core.errors import InvalidInput

WANDB = """
import argparse
import contexta.wandb as wandb

assert wandb.run is None
arguments = argparse.Namespace(lr=0.1, model={"depth": 3})
run = wandb.init(project="shop", name="baseline", config=arguments, tags=["a"], group="g")
wandb.config.update({"late": 5}, allow_val_change=True)
wandb.config.bs = 32
wandb.config.setdefaults({"bs": 1, "seed": 7})
for epoch in range(5):
    wandb.log({"loss": 1 / (epoch + 1), "nested": {"x": epoch}})
wandb.log({"extra": 1.5}, commit=False)
wandb.log({"same": 2.5})
wandb.log({"final": 0.5}, step=500)
run.log({"next": 1})
run.summary["best"] = 0.99
wandb.run.summary.update({"how": "early"})
assert (run.summary["loss"], run.summary["best"], wandb.config["seed"], wandb.config.lr) == (0.2, 0.99, 7, 0.1)
assert wandb.init() is run
run.finish()
assert wandb.run is None
second = wandb.init(project="shop", name="second", config={"lr": 0.2})
wandb.log({"loss": 3})
wandb.finish(exit_code=1)
"""
OWN = """
import os
with wandb.init(project="shop", name="media", notes="with images", job_type="eval", entity="me") as run:
    table = wandb.Table(columns=["a", "b"], data=[[1, 2]])
    table.add_data(3, 4)
    pixels = b"\\x89PNG\\r\\n\\x1a\\n" + b"\\0\\0\\0\\rIHDR" + b"\\0\\0\\0\\1\\0\\0\\0\\1\\x08\\2\\0\\0\\0"
    wandb.log({"picture": wandb.Image(pixels, caption="a cat"), "rows": table, "loss": 1})
    run.name = "pictures"
    assert (run.name, run.id, wandb.run.project, run.step) == ("pictures", "media", "shop", 1)
wandb.config = {"assigned": 1}
run = wandb.init(project="shop", name="assigned")
run.finish()
os.environ["WANDB_MODE"] = "disabled"
wandb.init(project="shop", name="disabled").log({"loss": 1})
wandb.finish()
"""
TENSORBOARD = """
from contexta.tensorboard import SummaryWriter
train, val = SummaryWriter("logs/train", comment="quick"), SummaryWriter(log_dir="logs/val")
for step in range(5):
    train.add_scalar("loss", 1 / (step + 1), step)
    val.add_scalar("loss", 2 / (step + 1), global_step=step, walltime=0)
train.add_scalars("group", {"a": 1.5, "b": 2.5}, 7)
train.add_hparams({"lr": 0.1}, {"hp/acc": 0.9})
train.add_text("sample", "a sentence", 3)
train.flush()
train.close()
with val:
    assert val.get_logdir().endswith("val")
"""


def run(folder: Path, program: str, *, python: str = sys.executable) -> None:
    environ = {**os.environ, "PYTHONPATH": os.fspath(SOURCE)}
    done = subprocess.run(
        [python, "-c", program], cwd=folder, env=environ, capture_output=True, text=True, timeout=120, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


def points(ctx: Contexta, ref: str) -> dict[str, list[tuple[int | None, Any]]]:
    recorded: dict[str, list[tuple[int | None, Any]]] = {}
    for record in ctx.get_run_snapshot(ref).records:
        if record.record_type == "metric":
            recorded.setdefault(record.key, []).append((record.step, record.value))
    return recorded


def test_wandb_records_the_common_calls_with_their_steps(ctx: Contexta, tmp_path: Path) -> None:
    run(tmp_path, WANDB, python=another_python())
    baseline, second = ctx.list_runs("shop", order="oldest")
    details = ctx.get_run("baseline")
    params = {"lr": 0.1, "model": {"depth": 3}, "late": 5, "bs": 32, "seed": 7, "summary.how": "early"}
    assert details.params == params
    assert (baseline.status, second.status, details.tags) == ("completed", "failed", {"a": "", "group": "g"})
    recorded = points(ctx, "baseline")
    assert recorded["loss"] == [(epoch, 1 / (epoch + 1)) for epoch in range(5)]
    assert recorded["nested.x"] == [(epoch, epoch) for epoch in range(5)]
    steps = {name: recorded[name] for name in ("extra", "same", "final", "next", "best")}
    assert steps == {
        "extra": [(5, 1.5)],
        "same": [(5, 2.5)],
        "final": [(500, 0.5)],
        "next": [(500, 1)],
        "best": [(None, 0.99)],
    }


def test_wandb_records_images_tables_notes_and_an_assigned_config(ctx: Contexta, tmp_path: Path) -> None:
    run(tmp_path, "import contexta.wandb as wandb\n" + OWN)
    assert [summary.name for summary in ctx.list_runs("shop")] == ["assigned", "pictures"]
    details = ctx.get_run("media")
    assert {artifact.name: artifact.kind for artifact in details.artifacts} == {"picture": "image", "rows": "table"}
    assert ctx.get_run("assigned").params == {"assigned": 1}
    notes = [note.text for note in details.notes]
    assert "with images" in notes
    assert "arguments of wandb.init without effect: entity" in notes
    assert details.tags == {"job_type": "eval"}


def test_a_summary_writer_records_scalars_parameters_and_texts(ctx: Contexta, tmp_path: Path) -> None:
    run(tmp_path, TENSORBOARD, python=another_python())
    (summary,) = ctx.list_runs()
    assert (summary.name, ctx.get_run("train").tags) == ("train", {"comment": "quick"})
    recorded = points(ctx, "train")
    assert recorded.pop("loss") == [(step, 1 / (step + 1)) for step in range(5)]
    assert recorded.pop("val/loss") == [(step, 2 / (step + 1)) for step in range(5)]
    assert recorded == {"group/a": [(7, 1.5)], "group/b": [(7, 2.5)], "hp/acc": [(None, 0.9)]}
    assert ctx.get_run("train").params == {"lr": 0.1}
    events = [record for record in ctx.get_run_snapshot("train").records if record.record_type == "event"]
    assert [(event.key, event.message) for event in events] == [("sample", "a sentence")]


@pytest.mark.parametrize(
    ("module", "name", "hint"),
    [
        (wandb, "Artifact", "wandb.run.contexta_run.artifact"),
        (wandb, "watch", "as a number"),
        (wandb, "termlog", "import wandb itself"),
        (wandb, "config", "wandb.init()"),
        (tensorboard, "FileWriter", "torch.utils.tensorboard itself"),
    ],
)
def test_another_name_of_a_module_is_refused_with_its_alternative(module: Any, name: str, hint: str) -> None:
    with pytest.raises(InvalidInput, match=name) as refused:
        getattr(module, name)
    assert hint in (refused.value.hint or "")
    with pytest.raises(InvalidInput):
        exec(f"from {module.__name__} import {name}")
    assert not hasattr(import_module(module.__name__), "__path__")


def test_another_attribute_or_argument_is_refused_with_its_alternative(ctx: Contexta) -> None:
    with pytest.raises(InvalidInput, match=r'resume="must"\nhint: every start is a run of its own'):
        wandb.init(resume="must")
    with pytest.raises(InvalidInput, match="wandb.init has no argument projct"):
        wandb.init(projct="shop")
    with wandb.init(project="shop") as run, pytest.raises(InvalidInput, match="Run of contexta.wandb has no watch"):
        run.watch()
    with pytest.raises(AttributeError, match="SummaryWriter of contexta.tensorboard has no add_graph"):
        tensorboard.SummaryWriter().add_graph(None)
    contexta.finish()


@pytest.mark.online
@pytest.mark.slow
def test_the_drop_in_module_records_what_the_real_wandb_gets(ctx: Contexta, tmp_path: Path) -> None:
    python = indexed_environment(tmp_path / "environment", "wandb")
    (tmp_path / "train.py").write_text(WANDB.replace("import contexta.wandb as wandb", "import wandb"))
    command = [sys.executable, "-m", "contexta.cli", "run", "--quiet", "--name", "real", "--", python, "train.py"]
    variables = {**os.environ, "HOME": str(tmp_path), "WANDB_SILENT": "true", "WANDB_MODE": "offline"}
    subprocess.run(command, cwd=tmp_path, env=variables, check=True, timeout=300, capture_output=True)
    run(tmp_path, WANDB)
    assert points(ctx, "real") == points(ctx, "shop.baseline")
    assert ctx.get_run("real").params == ctx.get_run("shop.baseline").params
