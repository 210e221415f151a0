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
