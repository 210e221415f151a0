"""Runs filtered, sorted and paged, by the public door."""

from __future__ import annotations

import json
import math
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.builders import Cli, a_metric, put_run
from support.statements import observed_statements

from contexta import Contexta
from contexta.core.errors import InvalidInput, NotFound
from contexta.store.query import pages

RUNS: list[dict[str, Any]] = [
    {"name": "a", "metrics": {"acc": 0.9, "val/loss": 1.0}, "packages": {"torch": "2.0.0", "odd": "x-y"}, "hour": 1},
    {"name": "b", "metrics": {"acc": 0.8, "val/loss": math.nan}, "packages": {"torch": "2.10.0+cu118"}, "hour": 2},
    {"name": "c", "metrics": {"acc": 0.95}, "packages": {"torch": "2.1.0rc1"}, "hour": 3, "tags": {"team": "Vision"}},
    {"name": "d", "metrics": {"acc": -math.inf}, "packages": {"numpy": "1.0"}, "hour": 4, "tags": {"team": ""}},
    {"name": "e", "metrics": {}, "hour": 5, "status": "failed"},
    {"name": "f", "metrics": {"acc": 10**400}, "hour": 6, "project": "q", "ended_at": "2025-02-15T16:00:00Z"},
]
PARAMS: dict[str, dict[str, Any]] = {"g": {"lr": 0.1, "opt": "adam"}, "h": {"lr": "0.1", "opt": "sgd", "on": True}}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root: Path = tmp_path_factory.mktemp("pages") / "ws"
    with Contexta(workspace=root) as ctx:
        for item in RUNS:
            values = {**item}
            packages = values.pop("packages", None)
            started = f"2025-02-15T0{values.pop('hour')}:00:00Z"
            environment = {"packages": packages, "python_version": "3.11.4"} if packages else None
            put_run(ctx, values.pop("name"), environment=environment, started_at=started, **values)
        for name, params in PARAMS.items():
            with ctx.run(name, project="live") as run:
                run.params(params)
                run.tag("team", "nlp")
                with run.stage("train") as stage:
                    stage.metric("acc", 0.5)
                    stage.metric("acc", 0.6)
    return root


@pytest.fixture
def filled(root: Path) -> Iterator[Contexta]:
    with Contexta(workspace=root) as ctx:
        yield ctx


FITS = [
    ("metrics.acc > 0.85", "acf"),
    ("metrics.acc >= 0.9 and metrics.acc < 1", "ac"),
    ("metrics.acc = 0.9", "a"),
    ("metrics.acc != 0.9", "bcdfgh"),
    ("not metrics.acc = 0.9", "bcdefgh"),
    ("metrics.acc = -inf or metrics.acc = inf", "df"),
    ('metrics."val/loss" = nan', "b"),
    ("metrics.val/loss != nan", "a"),
    ("metrics.val/loss not in (1, 2)", "b"),
    ("metrics.acc in (0.9, 0.95)", "ac"),
    ("has metrics.acc", "abcdfgh"),
    ("not has metrics.acc", "e"),
    ("params.lr = 0.1", "gh"),
    ("params.lr < 0.2 and params.opt = adam", "g"),
    ("params.lr = '0.1'", "gh"),
    ("params.on = true", "h"),
    ("params.opt contains DA", "g"),
    ("params.opt like 's%'", "h"),
    ("params.opt != adam", "h"),
    ("tags.team = Vision", "c"),
    ("tags.team contains vis", "c"),
    ("tags.team = ''", "d"),
    ("has tags.team", "cdgh"),
    ("packages.torch < 2.1", "ac"),
    ("packages.torch = 2.10.0", "b"),
    ("packages.torch = 2.10", "b"),
    ("packages.torch = 2.10.0+cu118", "b"),
    ("packages.torch = 2.10.0+cpu", ""),
    ("packages.torch > 2.10", ""),
    ("packages.torch >= 2.10", "b"),
    ("packages.torch <= 2.10 and python = 3.11.4", "abc"),
    ("packages.torch = 2.1.*", "c"),
    ("packages.Torch != 2.0", "bc"),
    ("packages.odd = x-y", "a"),
    ("python >= 3.11 and python < 3.12 and project != live", "abcd"),
    ("status = failed", "e"),
    ("status in (failed, open)", "e"),
    ("project = q", "f"),
    ("project = nowhere", ""),
    ("not project = q and project != live and name > ''", None),
    ("name = b or run = p.c", "bc"),
    ("name contains A", "a"),
    ("started < 2025-02-15T03:00:00Z", "ab"),
    ("started = 2025-02-15", "abcdef"),
    ("started = 2025-02", "abcdef"),
    ("started < 2025", ""),
    ("started > 2025", "gh"),
    ("duration >= 10h", "f"),
    ("project != live and (duration < 8h or duration = 36000)", "cdef"),
    ("platform = linux", "abcd"),
]


@pytest.mark.parametrize("few", [pages.FEW, 0])  # led by a test's own index, and by that of the order
@pytest.mark.parametrize(("where", "names"), FITS)
def test_matching_runs_are_listed_latest_first(
    filled: Contexta, monkeypatch: pytest.MonkeyPatch, where: str, names: str | None, few: int
) -> None:
    monkeypatch.setattr(pages, "FEW", few)
    if names is None:
        with pytest.raises(InvalidInput, match="cannot be decided"):
            filled.list_runs(where=where)
        return
    assert "".join(run.name for run in filled.list_runs(where=where)) == "".join(reversed(names))


REFUSED = [
    ("metrics.acc > high", "is no number"),
    ("metrics.acc contains 9", "needs a text"),
    ("params.opt > adam", "cannot be decided"),
    ("packages.torch < newest", "cannot be decided"),
    ("packages.torch < 2.1.*", "cannot be decided"),
    ("status = done", "is no status"),
    ("started > yesterday", "no ISO 8601"),
    ("started = 2025-13", "no moment"),
    ("duration > long", "is no duration"),
    (f"name = {'x' * 300}", "first 250 characters"),
]


@pytest.mark.parametrize(("where", "message"), REFUSED)
def test_value_that_does_not_fit_its_field_is_refused_at_its_place(filled: Contexta, where: str, message: str) -> None:
    with pytest.raises(InvalidInput, match=message) as refusal:
        filled.list_runs(where=where)
    assert "^" in refusal.value.what
    assert refusal.value.hint


SORTS = [
    ("started", None, "abcdefgh"),
    ("started desc", None, "hgfedcba"),
    ("metrics.acc desc", None, "fcabhgde"),
    ("metrics.acc", None, "dghbacfe"),
    ("metrics.val/loss", "project = p", "aedcb"),
    ("-params.lr", "project = live or status = failed", "hge"),
    ("name desc", "project = p", "edcba"),
    ("run", "project in (p, q)", "abcdef"),
    ("duration", "project in (p, q)", "edcbaf"),
    ("metrics.acc", "metrics.acc > 0.5 or has metrics.val/loss", "ghbacf"),
    ("metrics.acc desc", "metrics.acc > 0.5", "fcabhg"),
    ("-params.lr", "project = live and metrics.acc > 0.5", "hg"),
]


@pytest.mark.parametrize("few", [pages.FEW, 0])
@pytest.mark.parametrize("size", [1, 2, 3, 8])
@pytest.mark.parametrize(("order_by", "where", "names"), SORTS)
def test_pages_have_no_gaps_and_no_repetitions(
    filled: Contexta,
    monkeypatch: pytest.MonkeyPatch,
    order_by: str,
    where: str | None,
    names: str,
    size: int,
    few: int,
) -> None:
    monkeypatch.setattr(pages, "FEW", few)
    result, after = "", None
    while page := filled.list_runs(where=where, order_by=order_by, after=after, limit=size):
        assert len(page) <= size
        assert len(result) < len(names)
        result += "".join(run.name for run in page)
        after = str(page[-1].run_ref)
    assert result == names


def test_unsupported_sort_field_is_refused(filled: Contexta) -> None:
    with pytest.raises(InvalidInput, match="not sorted by python") as refusal:
        filled.list_runs(order_by="python")
    assert "metrics.NAME" in (refusal.value.hint or "")
    with pytest.raises(NotFound, match="nope"):
        filled.list_runs("nope", where="metrics.acc > 0")


def test_name_that_no_run_has_is_noted_with_the_nearest(filled: Contexta, cli: Cli) -> None:
    result = filled.list_runs(where="metrics.acx > 0.5 or params.zzz = 1", order_by="metrics.acx")
    assert result.notes[0] == "no run has metrics.acx; did you mean metrics.acc?"
    assert result.notes[1] == "no run has params.zzz"
    assert filled.list_runs(where="not has tags.archived").notes == ("no run has tags.archived",)
    done = cli("runs", "--workspace", str(filled.root), "--where", "metrics.acx > 0.5")
    assert (done.returncode, "No run matches." in done.stdout) == (0, True)
    assert "note: no run has metrics.acx; did you mean metrics.acc?" in done.stderr


def test_command_filters_sorts_and_pages(filled: Contexta, cli: Cli) -> None:
    arguments = ("runs", "--workspace", str(filled.root), "--where", "metrics.acc > 0.5", "--sort", "metrics.acc desc")
    first = json.loads(cli(*arguments, "--limit", "2", "--json").stdout)
    assert [run["name"] for run in first] == ["f", "c"]
    shown = cli(*arguments, "--limit", "2").stdout
    assert "--after p.c" in shown
    second = json.loads(cli(*arguments, "--limit", "9", "--after", "p.c", "--json").stdout)
    assert [run["name"] for run in second] == ["a", "b", "h", "g"]
    assert second[-1]["params"] == {"lr": 0.1, "opt": "adam"}
    refused = cli("runs", "--workspace", str(filled.root), "--where", "metrics.acc >")
    assert refused.returncode == 2
    assert "\n               ^" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_values_in_a_condition_stay_values(filled: Contexta) -> None:
    for text in ("'; DROP TABLE run; --", "%", "_", "\\", "a' OR 1=1"):
        written = '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
        for field in ("name", "tags.team", "params.opt", f"metrics.{written}", "packages.torch"):
            operator = "!=" if field.startswith("metrics") else "="
            value = "1" if field.startswith("metrics") else written
            assert filled.list_runs(where=f"{field} {operator} {value}") == ()
    assert filled.list_runs(where="name contains '%'") == ()


def test_last_values_equal_those_of_the_summaries(ctx: Contexta) -> None:
    """The index that filters and the stages that are shown never disagree, whatever stage logged last."""
    put_run(ctx, "r", metrics={"a": 1}, stage="one")
    put_run(ctx, "r", metrics={}, stage="two")
    ctx.record_store.append(a_metric("a", 2, run="r", name="x", stage="two"))
    ctx.record_store.append(a_metric("a", 3, run="r", name="y"))
    ctx.record_store.append(a_metric("a", 9, run="r", name="z", slice_ref="eu"))
    (run,) = ctx.list_runs()
    assert [item.name for item in ctx.list_runs(where=f"metrics.a = {run.metrics['a']}")] == ["r"]


def plans(ctx: Contexta, **arguments: Any) -> list[str]:
    """The query plans of SQLite for every statement of a list."""
    ctx.list_runs(limit=1)
    with observed_statements(ctx) as observed:
        ctx.list_runs(**arguments)
    with sqlite3.connect(ctx.root / "contexta.db") as connection:
        asks = [item for item in observed if item[0].lstrip().startswith(("SELECT", "WITH"))]
        return [row[3] for ask in asks for row in connection.execute(f"EXPLAIN QUERY PLAN {ask[0]}", ask[1])]


@pytest.mark.parametrize("few", [pages.FEW, 0])
@pytest.mark.parametrize(
    "arguments",
    [
        *({"where": where, "limit": 20} for where, names in FITS if names is not None),
        *({"order_by": order_by, "where": where, "limit": 20} for order_by, where, _ in SORTS),
        {"order_by": "metrics.acc desc", "after": "p.a", "limit": 20},
        {"after": "p.a", "limit": 20},
        {"project": "p", "after": "p.a", "limit": 20},
    ],
    ids=str,
)
def test_no_statement_scans_or_sorts_a_complete_table(
    filled: Contexta, monkeypatch: pytest.MonkeyPatch, arguments: dict[str, Any], few: int
) -> None:
    monkeypatch.setattr(pages, "FEW", few)
    for plan in plans(filled, **arguments):
        if plan.startswith("SCAN") and plan not in ("SCAN CONSTANT ROW", "SCAN counted"):
            assert "USING" in plan, plan
