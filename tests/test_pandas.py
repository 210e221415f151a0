from __future__ import annotations

import builtins
import math
import subprocess
from pathlib import Path
from typing import Any

import pytest
from support.builders import put_run
from support.paths import ROOT

from contexta import Contexta
from contexta.core.errors import ContextaError

WITHOUT = ["project", "name", "status", "started_at", "ended_at", "duration_seconds"]


def test_runs_become_a_table(ctx: Contexta) -> None:
    put_run(ctx, "a", metrics={"acc": 0.9, "loss": math.nan}, tags={"team": "x"}, started_at="2025-02-15T07:00:00.5Z")
    with ctx.run("b", project="p") as run:
        run.params({"lr": 0.1, "opt": "adam"})
        run.metric("acc", 0.8)
        table = ctx.list_runs(order_by="name").to_pandas()
    assert list(table.index) == ["p.a", "p.b"]
    assert list(table.columns) == [*WITHOUT, "metrics.acc", "metrics.loss", "params.lr", "params.opt", "tags.team"]
    assert list(table["metrics.acc"]) == [0.9, 0.8]
    assert str(table["started_at"].dt.tz) == "UTC"
    assert table.loc["p.a", "started_at"].microsecond == 500_000
    assert table["ended_at"].isna().tolist() == [False, True]
    assert table.loc["p.b", "params.opt"] == "adam"


def test_results_of_other_queries_become_tables(ctx: Contexta) -> None:
    for number in range(2):
        with ctx.run(f"r{number}", project="p") as run:
            for step in range(3):
                run.metric("acc", number + step / 4, step=step)
    series = ctx.metric_series("r1", "acc").to_pandas()
    assert (set(series.index), list(series["last"]), list(series["step"])) == ({"p.r1"}, [1, 1.25, 1.5], [0, 1, 2])
    assert list(ctx.get_metric_trend("acc").to_pandas()["value"]) == [0.5, 1.5]
    curves = ctx.plot("r0", "acc").to_pandas()
    assert list(zip(curves["x"], curves["y"], strict=True)) == [(0, 0), (1, 0.25), (2, 0.5)]
    timeline = ctx.package_timeline("contexta").to_pandas()
    assert list(timeline.columns) == ["name", "status", "started_at", "version", "value"]
    assert len(timeline) == 2


def test_no_runs_become_an_empty_table(ctx: Contexta) -> None:
    table = ctx.list_runs().to_pandas()
    assert (len(table), list(table.columns)) == (0, WITHOUT)


def test_without_pandas_the_next_step_is_named(ctx: Contexta, monkeypatch: pytest.MonkeyPatch) -> None:
    runs = ctx.list_runs()
    real = builtins.__import__

    def missing(name: str, *rest: Any) -> Any:
        if name == "pandas":
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", missing)
    with pytest.raises(ContextaError, match="pandas") as refusal:
        runs.to_pandas()
    assert "pip install pandas" in (refusal.value.hint or "")


@pytest.mark.online
@pytest.mark.parametrize("pins", ["polars==0.20.0 pyarrow==14.0.1 numpy==1.26.4", "polars pyarrow"])
def test_polars_and_parquet_have_the_values_of_every_type(ctx: Contexta, tmp_path: Path, pins: str) -> None:
    runs: dict[str, tuple[float, int, dict[str, object]]] = {
        "a": (0.9, 1, {"mixed": 1, "flag": True, "big": 2**70}),
        "b": (math.nan, 2, {"mixed": "x", "flag": False}),
    }
    for name, (accuracy, count, params) in runs.items():
        with ctx.run(name, project="p") as run:
            run.metrics({"acc": accuracy, "n": count})
            run.params(params)
    code = """
import polars
from contexta import Contexta
with Contexta() as ctx:
    table = ctx.list_runs(order_by="name").to_polars()
    ctx.export("runs.parquet")
for frame in (table, polars.read_parquet("runs.parquet").sort("run_ref")):
    metrics = [frame[f"metrics.{name}"].to_list() for name in ("acc", "n")]
    print(metrics, [frame[f"params.{name}"].to_list() for name in ("mixed", "flag", "big")])
print(table["run"].to_list(), table["started_at"].dtype)
"""
    options = [option for pin in pins.split() for option in ("--with", pin)]
    command = ["uv", "run", "--no-project", "--python", "3.11", "--with", str(ROOT), *options, "python", "-c", code]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False)
    first, second, last = done.stdout.splitlines() or [done.stderr] * 3
    assert first == second == "[[0.9, nan], [1, 2]] [['1', 'x'], [True, False], [1.1805916207174113e+21, None]]"
    assert last.startswith("['p.a', 'p.b'] Datetime(")
    assert "UTC" in last


@pytest.mark.online
@pytest.mark.parametrize("pins", ["pandas==1.5.3 numpy==1.26.4", "pandas==2.0.0 numpy==1.26.4", "pandas==2.2.3"])
def test_old_and_new_pandas_give_the_same_table(ctx: Contexta, tmp_path: Path, pins: str) -> None:
    put_run(ctx, "a", metrics={"acc": 0.9}, started_at="2025-02-15T07:00:00.5Z", ended_at="2025-02-15T08:00:00Z")
    put_run(ctx, "b", metrics={"acc": 0.8}, started_at="2025-02-15T07:00:00Z", ended_at="2025-02-15T08:00:00Z")
    code = (
        "from contexta import Contexta; t = Contexta().list_runs(order_by='name').to_pandas();"
        "print(list(t.index), t.started_at.dt.tz, t.started_at['p.a'].microsecond, (t.ended_at - t.started_at).sum())"
    )
    root = ROOT
    options = [each for pin in pins.split() for each in ("--with", pin)]
    command = ["uv", "run", "--no-project", "--python", "3.11", "--with", str(root), *options, "python", "-c", code]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False)
    assert done.stdout.strip() == "['p.a', 'p.b'] UTC 500000 0 days 01:59:59.500000", done.stderr
