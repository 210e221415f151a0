"""Real trainings, with the oldest supported and the newest version of each framework, are recorded by the callbacks."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from support.builders import Cli
from support.index_environments import python_with
from support.paths import ROOT
from support.pythons import found

from contexta import Contexta
from contexta.reproduce.uv.commands import find_uv

pytestmark = [pytest.mark.online, pytest.mark.slow]

PROGRAM = Path(__file__).with_name("trainings.py")
OLDEST = (
    "xgboost==1.7.6",
    "lightgbm==3.3.5",
    "optuna==2.10.1",
    "catboost==1.1.1",
    "numpy<1.24",
    "scikit-learn<1.3",
    "setuptools<82",
    "pandas<2",
)
FRAMEWORKS = ("xgboost", "lightgbm", "optuna", "catboost")
NEWEST = ("xgboost", "lightgbm", "optuna", "catboost", "scikit-learn")


def curve(ctx: Contexta, run: str, name: str) -> list[tuple[int | None, Any]]:
    records = ctx.get_run_snapshot(run).records
    return [(record.step, record.value) for record in records if getattr(record, "key", None) == name]


def check(ctx: Contexta, runs: dict[str, str], of_cross_validation: tuple[str, str]) -> None:
    """Check the records of the trainings.

    runs: by the name of the framework. of_cross_validation: names that this version of LightGBM prints.
    """
    losses = curve(ctx, runs["xgboost"], "train-logloss")
    assert [step for step, _ in losses] == [0, 1, 2, 3, 4, 0, 1]  # of the training, and of the cross-validation
    assert losses[4][1] == pytest.approx(0.37, abs=0.02)
    assert [step for step, _ in curve(ctx, runs["xgboost"], "test-logloss-std")] == [0, 1]
    params = {name: value for run in set(runs.values()) for name, value in ctx.get_run(run).params.items()}
    assert params["max_depth"] == 3
    assert params["eta"] == 0.1
    assert "subsample" not in params
    losses = curve(ctx, runs["lightgbm"], "train's binary_logloss")
    assert [step for step, _ in losses] == [1, 2, 3, 4, 5]
    assert [[step for step, _ in curve(ctx, runs["lightgbm"], name)] for name in of_cross_validation] == [[1, 2]] * 2
    assert params["num_leaves"] == 7
    trials = curve(ctx, runs["optuna"], "value")
    assert [step for step, _ in trials] == [0, 1, 2, 3, 4]
    assert curve(ctx, runs["optuna"], "best_value")[-1] == (4, min(value for _, value in trials))
    assert params["best.x"] ** 2 == pytest.approx(min(value for _, value in trials))
    assert params["depth"] == 2
    for name in ("learn", "test", "test-Accuracy"):
        assert [step for step, _ in curve(ctx, runs["catboost"], name)] == [0, 1, 2, 3, 4]
    snapshot = ctx.get_run_snapshot(runs["optuna"])
    assert len([record for record in snapshot.records if getattr(record, "key", None) == "trial"]) == 5
    for run in runs.values():
        assert [note.text for note in ctx.get_run(run).notes if note.topic == "callback"] == []


def test_oldest_versions_below_contexta_run(cli: Cli, tmp_path: Path) -> None:
    if 10 not in found():
        pytest.skip("the oldest versions need Python 3.10")
    python = python_with(tmp_path, *OLDEST, interpreter=found()[10])
    done = cli("run", "--quiet", "--name", "r", "--", python, str(PROGRAM))
    assert done.returncode == 0, done.stderr
    with Contexta(workspace=tmp_path / ".contexta") as ctx:
        names = "cv_agg's binary_logloss", "cv_agg's binary_logloss-std"
        check(ctx, dict.fromkeys(FRAMEWORKS, "r"), names)


def test_newest_versions_with_a_run_of_the_program_each(tmp_path: Path) -> None:
    python = python_with(tmp_path, *NEWEST, str(ROOT))
    subprocess.run([python, str(PROGRAM), "each"], check=True, capture_output=True)
    with Contexta(workspace=tmp_path / ".contexta") as ctx:
        names = "valid's binary_logloss", "valid's binary_logloss-std"
        check(ctx, {name: name for name in FRAMEWORKS}, names)
        scores = curve(ctx, "sklearn", "train_score")
        assert [step for step, _ in scores] == list(range(len(scores)))
        assert scores[-1][1] > 0.9
        assert [step for step, _ in curve(ctx, "sklearn", "mean_test_score")] == [0, 1, 2]
        details = ctx.get_run("sklearn")
        assert details.metrics["best_score"] > 0.9
        assert details.params["C"] == 0.5
        assert details.params["estimator__max_iter"] == 50
        assert details.params["best.C"] == 10


@pytest.fixture
def python_with_torch(tmp_path: Path) -> str:
    """An interpreter with the newest frameworks for PyTorch. Skips where pip finds no build of it for processors only:
    the others have several gigabytes."""
    at = tmp_path / "venv"
    subprocess.run([sys.executable, "-m", "venv", at], check=True)
    python = str(at / "bin" / "python")
    pip = subprocess.run(
        [python, "-m", "pip", "install", "-q", "--no-compile", "torch==2.13.0+cpu"],
        capture_output=True,
        text=True,
        check=False,
    )
    if "No matching distribution" in pip.stderr:
        pytest.skip("no build of PyTorch for processors")
    assert pip.returncode == 0, pip.stderr
    packages = ["lightning", "transformers", "accelerate", "keras", "tensorboardX", str(ROOT)]
    packages += ["trl", "peft", "sentence-transformers"]
    command = [find_uv().path, "pip", "install", "-q", "--python", python, *packages]
    subprocess.run(command, check=True, capture_output=True)
    return python


def test_newest_frameworks_for_pytorch(cli: Cli, tmp_path: Path, python_with_torch: str) -> None:
    variables = {**os.environ, "KERAS_BACKEND": "torch", "HOME": str(tmp_path), "HF_HUB_OFFLINE": "1"}
    program = str(PROGRAM.with_name("trainings_with_torch.py"))
    for words in ((), ("by_trainer",)):
        done = cli("run", "--quiet", "--", python_with_torch, program, *words, env=variables)
        assert done.returncode == 0, done.stderr
    with Contexta(workspace=tmp_path / ".contexta") as ctx:
        runs = {run.name: ctx.get_run(run.run_ref) for run in ctx.list_runs()}
        assert list(runs) == [
            "sentence_transformers",
            "trl_and_peft",
            *("fabric", "automatic", "lightning", "keras", "transformers"),
        ]
        assert [note.text for run in runs.values() for note in run.notes if note.topic == "callback"] == []

        def steps(run: str, *names: str) -> list[list[int | None]]:
            return [[step for step, _ in curve(ctx, run, name)] for name in names]

        assert steps("transformers", "loss", "eval_loss") == [[4, 8], [4, 8, 8]]
        assert runs["transformers"].params["num_train_epochs"] == 2
        printed = runs["transformers"].metadata["metrics_from_output"]  # of the whole command
        assert not {"loss", "eval_loss"} & set(printed)
        assert steps("keras", "loss", "val_loss", "test_loss") == [[1, 2], [1, 2], [None]]
        assert (runs["keras"].params["epochs"], runs["keras"].params["optimizer"]) == (2, "Adam")
        for run in ("lightning", "automatic"):
            assert steps(run, "val_loss", "train_loss_epoch", "test_loss") == [[3, 7], [3, 7], [8]]
            assert len(curve(ctx, run, "train_loss_step")) == 4
            assert runs[run].params == {"lr": 0.01}
        assert "mirrored_from" not in runs["lightning"].metadata
        assert steps("fabric", "loss") == [[0, 1, 2, 3]]
        assert steps("trl_and_peft", "loss", "eval_loss", "eval_mean_token_accuracy") == [[2, 4]] * 3
        assert steps("sentence_transformers", "loss", "eval_loss", "eval_dev_spearman_cosine") == [[2, 4]] * 3
        assert runs["trl_and_peft"].params["per_device_train_batch_size"] == 16
