"""`contexta runs`: one line for a run on a terminal, columns that the user chooses, complete texts in a pipe."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support.builders import Cli, put_run

from contexta import Contexta
from contexta.reports.pages.recorded.run_list import columns_of, run_list
from contexta.reports.writers.terminal import text_of

LONG = "resnet50-imagenet-finetune-lr0-001-bs256-augmix-seed42"


@pytest.fixture
def many(ctx: Contexta) -> Contexta:
    for number, name in enumerate(("baseline", LONG, "grosse")):
        metrics = {"accuracy": 0.9 - number / 100, "validation/mean_average_precision": 0.5, "loss": 0.1, "tokens": 7}
        started = f"2025-02-0{number + 1}T08:00:00Z"
        put_run(ctx, name, project="shop", metrics=metrics, started_at=started, tags={"team": "vision"})
    with ctx.run("live", project="shop") as run:
        run.params({"optimizer": {"name": "adamw", "betas": [0.9, 0.99]}, "lr": 0.1})
    return ctx


@pytest.mark.parametrize("width", [60, 80, 100])
def test_each_run_has_one_line_on_a_terminal_and_a_long_name_its_own(many: Contexta, width: int) -> None:
    lines = text_of(run_list(many.list_runs()), width=width).splitlines()
    assert lines[0] == "Runs of shop"
    rows = [row.split() for row in lines[3:8]]
    assert [row[0] for row in rows] == ["live", "grosse", LONG, "completed", "baseline"]
    assert [row[1] for row in rows if len(row) > 1 and row[0] != "completed"] == ["completed"] * 3
    assert max(map(len, lines)) <= width


def test_a_pipe_gets_complete_names_and_a_hint_only_if_there_are_more(many: Contexta, cli: Cli) -> None:
    assert f"shop.{LONG}  completed" in cli("runs").stdout
    assert "--after" not in cli("runs").stdout + cli("runs", "-n", "4").stdout
    page = cli("runs", "-n", "3").stdout
    assert f"3 runs; the same command with --after shop.{LONG} lists the next ones" in page
    assert [run["name"] for run in json.loads(cli("runs", "-n", "3", "--json").stdout)] == ["live", "grosse", LONG]


def test_columns_are_selectable_and_the_sorted_one_is_always_shown(many: Contexta, cli: Cli) -> None:
    chosen = cli("runs", "--columns", "run,params.optimizer.name,params.optimizer.betas,tags.team").stdout
    assert chosen.splitlines()[2].split() == ["Run", "params.optimizer.name", "params.optimizer.betas", "tags.team"]
    assert chosen.splitlines()[3].split() == ["shop.live", "adamw", "0.9,", "0.99"]
    for sort in ("metrics.tokens desc", "-metrics.tokens", '-metrics."tokens"'):
        assert "metrics.tokens" in cli("runs", "--sort", sort).stdout.splitlines()[2]
        assert "metrics.tokens" in cli("runs", "--sort", sort, "--columns", "run").stdout.splitlines()[2]


def test_an_unknown_column_is_refused_with_the_list(many: Contexta, cli: Cli) -> None:
    refused = cli("runs", "--columns", "run,acuracy")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert 'there is no column "acuracy"' in refused.stderr
    assert "metrics.NAME" in refused.stderr


@pytest.mark.parametrize(
    ("columns", "sort", "expected"),
    [
        (None, None, ("run", "status", "started", "duration", "metrics")),
        (None, "metrics.loss", ("run", "status", "started", "duration", "metrics.loss", "metrics")),
        (None, "duration desc", ("run", "status", "started", "duration", "metrics")),
        ("run", "-started", ("run", "started")),
        ("run, run ,tags", None, ("run", "tags")),
    ],
)
def test_columns_of_a_list(columns: str | None, sort: str | None, expected: tuple[str, ...]) -> None:
    assert columns_of(columns, sort) == expected


def test_single_run_of_a_page_is_counted_in_the_singular(many: Contexta, cli: Cli) -> None:
    assert "1 run; the same command with --after" in cli("runs", "-n", "1").stdout


def test_metrics_named_after_the_run_are_shown_alone(many: Contexta, cli: Cli) -> None:
    shown = cli("metrics", "baseline", "loss", "accuracy")
    assert (shown.returncode, "loss" in shown.stdout, "accuracy" in shown.stdout) == (0, True, True)
    assert "tokens" not in shown.stdout
    assert json.loads(cli("metrics", "baseline", "loss", "--json").stdout)["metrics"] == {"loss": 0.1}
    assert cli("metrics", "baseline", "nothing_like_it").returncode == 2


def test_lock_and_rebuild_take_the_latest_run_by_default(many: Contexta, cli: Cli, tmp_path: Path) -> None:
    for command in (("lock", "--offline"), ("rebuild", "--into", str(tmp_path / "env"), "--offline")):
        done = cli(*command)
        assert "missing argument" not in done.stderr
        assert "live" in done.stdout + done.stderr
