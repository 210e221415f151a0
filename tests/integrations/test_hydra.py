"""The callback of Hydra records each job as a run, with its configuration, its result and its error."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest
from support.indexed import indexed_environment
from support.paths import SOURCE
from support.pythons import found

from contexta import Contexta
from contexta.core.errors import IntegrationUnavailable

PROGRAM = """
import hydra
import contexta

@hydra.main(config_path="conf", config_name="config")
def train(cfg):
    run = contexta.init(name="own", project="other")
    run.log({"loss": cfg.lr * 2}, step=1)
    if cfg.lr > 1:
        raise ValueError("diverged")
    return cfg.lr / 2

train()
"""
CONFIG = """
lr: 0.1
copied: ${lr}
model: {depth: 3}
hydra:
  job: {chdir: true}
  callbacks:
    contexta: {_target_: contexta.integrations.hydra.ContextaCallback}
"""


@pytest.mark.parametrize("package", ["hydra"])
def test_without_the_package_the_error_has_a_hint(package: str) -> None:
    with pytest.raises(IntegrationUnavailable, match=rf"needs {package}(.|\n)*hint: install {package}"):
        import_module(f"contexta.integrations.{package}")


@pytest.mark.online
@pytest.mark.slow
@pytest.mark.parametrize(("version", "minor"), [("hydra-core==1.1.2", 10), ("hydra-core", 11)])
def test_each_job_is_a_run(tmp_path: Path, version: str, minor: int) -> None:
    if minor not in found():
        pytest.skip(f"no Python 3.{minor} here")
    folder = tmp_path / "shop"
    (folder / "conf").mkdir(parents=True)
    chdir = "" if version.endswith("1.1.2") else CONFIG  # 1.1 always changes the directory
    (folder / "conf" / "config.yaml").write_text(chdir or CONFIG.replace("  job: {chdir: true}\n", ""))
    (folder / "train.py").write_text(PROGRAM)
    python = indexed_environment(tmp_path / "environment", version, python=found()[minor])
    environ = {**os.environ, "PYTHONPATH": os.fspath(SOURCE), "PYTHONWARNINGS": "ignore::DeprecationWarning"}

    def start(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [python, *words], cwd=folder, env=environ, capture_output=True, text=True, timeout=120, check=False
        )

    assert start("train.py").returncode == 0
    many = start("train.py", "-m", "lr=0.2,0.3,2")
    assert "diverged" in many.stderr
    assert "Callback" not in many.stderr, many.stderr
    with Contexta(workspace=folder / ".contexta") as ctx:
        runs = ctx.list_runs(order="oldest")
        assert [(run.name, run.status) for run in runs] == [
            ("train", "completed"),
            ("lr=0.2", "completed"),
            ("lr=0.3", "completed"),
            ("lr=2", "failed"),
        ]
        assert {run.run_ref.components[0] for run in runs} == {"shop"}
        for run, lr in zip(runs, (0.1, 0.2, 0.3, 2), strict=True):
            assert ctx.get_run(run.run_ref).params == {"lr": lr, "copied": lr, "model.depth": 3}
            assert run.metrics["loss"] == lr * 2
            assert run.metrics.get("return_value") == (None if lr == 2 else lr / 2)
        assert ctx.get_run(runs[-1].run_ref).metadata["failure"]["message"] == "diverged"


@pytest.mark.online
@pytest.mark.slow
def test_a_single_job_below_contexta_run_records_to_the_run_of_the_command(tmp_path: Path) -> None:
    (tmp_path / "conf").mkdir()
    (tmp_path / "conf" / "config.yaml").write_text(CONFIG)
    (tmp_path / "train.py").write_text(PROGRAM.replace(', project="other"', ""))
    python = indexed_environment(tmp_path / "environment", "hydra-core")
    command = ["-m", "contexta.cli", "run", "--quiet", "--name", "april", "--", python, "train.py", "lr=0.5"]
    done = subprocess.run(
        [sys.executable, *command], cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    with Contexta(workspace=tmp_path / ".contexta") as ctx:
        (run,) = ctx.list_runs()
        details = ctx.get_run(run.run_ref)
        assert (details.name, details.params["copied"], run.metrics["return_value"]) == ("april", 0.5, 0.25)
