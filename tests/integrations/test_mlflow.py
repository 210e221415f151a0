"""Each run of MLflow is tagged with the run of Contexta that has its values."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from support.indexed import indexed_environment
from support.paths import ROOT

from contexta import Contexta
from contexta.integrations.mlflow import ContextaRunContext

PROGRAM = """
import sys
import mlflow
mlflow.set_tracking_uri("sqlite:///ml.db")
if "init" in sys.argv:
    import contexta
    contexta.init(name="baseline", project="shop")
with mlflow.start_run() as outer:
    mlflow.log_metric("acc", 0.9)
    with mlflow.start_run(nested=True, tags={"own": "x"}) as inner:
        mlflow.log_metric("acc", 0.8)
client = mlflow.MlflowClient()
for run in (outer, inner):
    data = client.get_run(run.info.run_id).data
    print(data.tags.get("contexta.run"), data.metrics["acc"], data.tags.get("own"))
print("contexta.recorder" in sys.modules)
"""


def test_nothing_is_tagged_after_the_run_has_ended(ctx: Contexta) -> None:
    provider = ContextaRunContext()
    with ctx.run("r", project="p"):
        assert (provider.in_context(), provider.tags()) == (True, {"contexta.run": "p.r"})
    assert (provider.in_context(), provider.tags()) == (False, {})


@pytest.mark.online
@pytest.mark.slow
@pytest.mark.parametrize(
    "requirements",
    [
        ("mlflow-skinny==2.0.1", "sqlalchemy<2", "alembic", "setuptools<81", "numpy<2", "pandas<2.2"),
        ("mlflow-skinny", "sqlalchemy", "alembic"),
    ],
    ids=["2.0.1", "newest"],
)
def test_runs_of_mlflow_are_tagged_with_the_run_that_has_their_values(
    tmp_path: Path, requirements: tuple[str, ...]
) -> None:
    python = indexed_environment(tmp_path / "environment", str(ROOT), *requirements)
    (tmp_path / "train.py").write_text(PROGRAM)

    def output(*command: str) -> list[str]:
        done = subprocess.run(
            [python, *command],
            cwd=tmp_path,
            env=dict(os.environ),
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()

    assert output("train.py")[-3:] == ["None 0.9 None", "None 0.8 x", "False"]
    tagged = ["shop.baseline 0.9 None", "shop.baseline 0.8 x"]
    assert output("train.py", "init")[-3:-1] == tagged
    wrapped = ["-m", "contexta.cli", "run", "--quiet", "--name", "wrapped", "--", python, "train.py"]
    first, second, _ = output(*wrapped)[-3:]
    assert first.endswith(".wrapped 0.9 None")
    with Contexta(workspace=tmp_path / ".contexta") as ctx:
        for line, value in ((first, 0.9), (second, 0.8)):
            reference = line.split()[0]
            assert ctx.get_run(reference).metrics["acc"] == value, line
        assert ctx.get_run(second.split()[0]).tags == {"own": "x"}
