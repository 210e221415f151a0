"""The tracker of Accelerate records what it gets, on the main process."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest
from support.paths import SOURCE

from contexta import Contexta
from contexta.core.errors import IntegrationUnavailable
from contexta.reproduce.uv.commands import find_uv

PROGRAM = """
import sys
import torch
from accelerate import Accelerator
from contexta.integrations.accelerate import ContextaTracker

accelerator = Accelerator(cpu=True, log_with="contexta" if "name" in sys.argv else ContextaTracker("shop"))
accelerator.init_trackers("shop", config={"lr": 0.1, "model": {"depth": 3}})
linear = torch.nn.Linear(4, 2)
model, optimizer = accelerator.prepare(linear, torch.optim.SGD(linear.parameters(), lr=0.1))
torch.manual_seed(0)
for step in range(3):
    loss = model(torch.ones(8, 4)).pow(2).mean()
    accelerator.backward(loss)
    optimizer.step()
    optimizer.zero_grad()
    accelerator.log({"loss": loss, "is_last": step == 2}, step=step)
    print(step, loss.item())
assert accelerator.get_tracker("contexta").tracker is not None
accelerator.end_training()
"""


def test_without_accelerate_the_error_has_a_hint() -> None:
    with pytest.raises(IntegrationUnavailable, match=r"needs accelerate(.|\n)*hint: install accelerate"):
        import_module("contexta.integrations.accelerate")


@pytest.mark.online
@pytest.mark.slow
def test_values_and_configuration_are_recorded_by_old_and_new_versions(tmp_path: Path) -> None:
    environment = tmp_path / "environment"
    subprocess.run([sys.executable, "-m", "venv", environment], check=True)
    python = str(environment / "bin" / "python")
    command = [python, "-m", "pip", "install", "-q", "torch==2.13.0+cpu"]
    pip = subprocess.run(command, capture_output=True, text=True, check=False)
    if "No matching distribution" in pip.stderr:  # the other builds have several gigabytes
        pytest.skip("no build of PyTorch for processors")
    assert pip.returncode == 0, pip.stderr
    (tmp_path / "train.py").write_text(PROGRAM)

    def recorded(*requirements: str, words: tuple[str, ...] = ()) -> None:
        subprocess.run([find_uv().path, "pip", "install", "-q", "--python", python, *requirements], check=True)
        environ = {**os.environ, "PYTHONPATH": os.fspath(SOURCE)}
        done = subprocess.run(
            [python, "train.py", *words],
            cwd=tmp_path,
            env=environ,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        printed = [line.split() for line in done.stdout.splitlines()]
        with Contexta(workspace=tmp_path / ".contexta") as ctx:
            run = ctx.list_runs("shop", limit=1)[0]
            details = ctx.get_run(run.run_ref)
            assert (details.status, details.params) == ("completed", {"lr": 0.1, "model.depth": 3})
            points = [record for record in ctx.get_run_snapshot(run.run_ref).records if record.record_type == "metric"]
            loss = [(str(point.step), str(point.value)) for point in points if point.key == "loss"]
            assert loss == [(step, value) for step, value in printed]

    recorded("accelerate==0.20.3", "numpy<2", "setuptools<81")
    recorded("accelerate>=1.15")
    recorded("accelerate>=1.15", words=("name",))
