from __future__ import annotations

import builtins
import math
from typing import Any

import pytest
from builders import put_run

from contexta import Contexta
from contexta.errors import ContextaError

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
    found = ctx.list_runs()
    real = builtins.__import__

    def missing(name: str, *rest: Any) -> Any:
        if name == "pandas":
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", missing)
    with pytest.raises(ContextaError, match="pandas") as refusal:
        found.to_pandas()
    assert "pip install pandas" in (refusal.value.hint or "")
