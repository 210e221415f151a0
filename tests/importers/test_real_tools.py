"""Runs that the newest versions of further tools write here are imported as they were logged."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from support.index_environments import python_with

from contexta import Contexta

pytestmark = [pytest.mark.online, pytest.mark.slow]

SCRIPTS = Path(__file__).parents[1] / "support" / "trackers"
LOSS = [(step, 1 / (step + 1)) for step in range(20)]
NEPTUNE = """
import datetime, sys
import pyarrow
from decimal import Decimal
from pyarrow import parquet
from contexta import Contexta

start = datetime.datetime(2025, 2, 15, 7, tzinfo=datetime.timezone.utc)
names = ("float_value", "int_value", "string_value", "bool_value", "datetime_value", "string_set_value")
rows = []
def add(path, kind, step=None, **value):
    row = dict.fromkeys(names)
    row.update(value, project_id="team/credit-risk", run_id="RISK-1", attribute_path=path, attribute_type=kind)
    row.update(step=step, timestamp=start if step is not None else None)
    rows.append(row)
add("sys/name", "string", string_value="february")
add("sys/creation_time", "datetime", datetime_value=start)
add("sys/tags", "string_set", string_set_value=["baseline"])
add("sys/failed", "bool", bool_value=True)
add("parameters/lr", "float", float_value=0.01)
add("parameters/depth", "int", int_value=6)
add("monitoring/1/cpu", "float_series", Decimal(0), float_value=1.0)
add("monitoring/1/stdout", "string_series", Decimal(0), string_value="training of the february run")
for step in range(20):
    add("train/loss", "float_series", Decimal(step), float_value=1 / (step + 1))
schema = pyarrow.schema([
    *((name, pyarrow.string()) for name in ("project_id", "run_id", "attribute_path", "attribute_type")),
    ("step", pyarrow.decimal128(18, 6)), ("timestamp", pyarrow.timestamp("ms", tz="UTC")),
    ("float_value", pyarrow.float64()), ("int_value", pyarrow.int64()), ("string_value", pyarrow.string()),
    ("bool_value", pyarrow.bool_()), ("datetime_value", pyarrow.timestamp("ms", tz="UTC")),
    ("string_set_value", pyarrow.list_(pyarrow.string())),
])
parquet.write_table(pyarrow.Table.from_pylist(rows, schema=schema), "exported/RISK-1_part_0.parquet")
with Contexta(workspace=".contexta") as ctx:
    (run,) = ctx.import_runs("exported").runs
    print(run.kind, run.name, run.project, run.status, run.started_at, run.params)
    print(ctx.metric_series(str(run.run_ref), "train/loss").points, dict(ctx.get_run(str(run.run_ref)).params))
    assert [each.outcome for each in ctx.import_runs("exported").runs] == ["present"]
    data = open("exported/RISK-1_part_0.parquet", "rb").read()
    for size in range(len(data) - 1, 0, -len(data) // 20):
        open("exported/RISK-1_part_0.parquet", "wb").write(data[:size])
        try:
            assert ctx.import_runs("exported", kind="neptune").notes
        except Exception as error:
            assert "no runs of another tool" in str(error), error
"""


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> str:
    """An interpreter with all tools."""
    requirements = ("sacred", "setuptools<81", "dvclive", "hydra-core", "pyarrow")
    return python_with(tmp_path_factory.mktemp("tools"), *requirements)


@pytest.mark.parametrize(
    ("script", "arguments", "kind", "status", "metrics"),
    [
        ("sacred_run.py", ["with", "lr=0.5"], "sacred", "completed", {"loss": 20, "val.accuracy": 20, "result": 1}),
        ("sacred_run.py", ["with", "mode=crashed"], "sacred", "crashed", {"loss": 20, "best": 1}),
        ("dvclive_run.py", [], "dvc", "completed", {"loss": 20, "val/accuracy": 20, "best": 1}),
        ("hydra_run.py", ["lr=0.5"], "hydra", "completed", {}),
    ],
)
def test_a_run_of_the_newest_version_is_imported_once(
    python: str, tmp_path: Path, script: str, arguments: list[str], kind: str, status: str, metrics: dict[str, int]
) -> None:
    environment = {**os.environ, "HOME": str(tmp_path), "DVC_NO_ANALYTICS": "1"}
    shutil.copy(SCRIPTS / script, tmp_path / script)
    subprocess.run([python, script, *arguments], cwd=tmp_path, env=environment, capture_output=True, check=False)
    with Contexta(workspace=tmp_path / ".contexta") as ctx:
        (imported,) = ctx.import_runs(tmp_path, project="p").runs
        assert (imported.kind, imported.status) == (kind, status)
        run = str(imported.run_ref)
        assert {key: ctx.metric_series(run, key).points for key in metrics} == metrics
        assert ctx.get_run(run).params["model.depth"] == 6
        assert [again.outcome for again in ctx.import_runs(tmp_path, project="p").runs] == ["present"]


def test_an_export_of_neptune_is_imported_once(python: str, tmp_path: Path) -> None:
    (tmp_path / "exported").mkdir()
    (packages,) = Path(python).parents[1].glob("lib/python*/site-packages")
    environment = {**os.environ, "PYTHONPATH": str(packages)}
    done = subprocess.run(
        [sys.executable, "-c", NEPTUNE], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert done.stdout.splitlines() == [
        "neptune february credit-risk failed 2025-02-15T07:00:00Z 2",
        "20 {'parameters.depth': 6, 'parameters.lr': 0.01}",
    ], done.stderr
