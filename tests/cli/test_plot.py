"""`contexta plot` draws the learning curves of runs, also of several runs in one chart."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from support.builders import Cli

from contexta import Contexta
from contexta.core.errors import Ambiguous, InvalidInput, NotFound


def record(ctx: Contexta, name: str, metrics: Mapping[str, Sequence[float]], *, with_steps: bool = True) -> None:
    with ctx.run(name, project="shop") as run, run.stage("train") as stage:
        for metric, values in metrics.items():
            for step, value in enumerate(values):
                stage.metric(metric, value, step=10 * step if with_steps else None)


@pytest.fixture
def two_runs(ctx: Contexta) -> Contexta:
    falling = [math.exp(-step / 30) for step in range(100)]
    record(ctx, "last-month", {"loss": falling, "accuracy": [0.5, 0.8, 0.91], "epoch": [0, 1, 2], "final": [1.0]})
    record(ctx, "this-month", {"loss": [value + 0.1 for value in falling], "accuracy": [0.5, 0.7, 0.87]})
    return ctx


@pytest.mark.usefixtures("two_runs")
def test_two_runs_share_a_chart_and_letters_tell_them_apart(cli: Cli) -> None:
    screen = cli("plot", "last-month", "this-month", "loss").stdout
    assert "train/loss over steps" in screen
    assert "A last-month: 100 points from 0.0368832 to 1, last 0.0368832" in screen
    assert "B this-month: 100 points" in screen
    plot = [line for line in screen.splitlines() if "│" in line or "┤" in line]
    assert len(plot) == 12
    assert all(any(letter in line for line in plot) for letter in "AB")
    assert "\x1b" not in screen
    assert max(map(len, screen.splitlines())) <= 80


@pytest.mark.usefixtures("two_runs")
def test_without_a_metric_those_with_several_points_are_drawn_and_the_judged_one_is_first(cli: Cli) -> None:
    answer = json.loads(cli("plot", "last-month", "--json").stdout)
    assert [chart["metric"] for chart in answer["charts"]] == ["train/accuracy", "train/loss"]
    Path("pyproject.toml").write_text('[tool.contexta]\nhigher-is-better = ["epoch"]\n', encoding="utf-8")
    with Contexta() as ctx:
        assert ctx.plot("last-month").charts[0].metric == "train/epoch"


def test_json_keeps_the_lowest_and_the_highest_point_of_each_column(ctx: Contexta, cli: Cli) -> None:
    values = [1.0] * 1_000
    values[333], values[777] = 50.0, -50.0
    record(ctx, "spikes", {"loss": values})
    ((chart,),) = [json.loads(cli("plot", "spikes", "--columns", "20", "--json").stdout)["charts"]]
    (curve,) = chart["curves"]
    assert curve["points"] == 1_000
    assert len(curve["x"]) == len(curve["y"]) <= 40
    assert (3330.0, 50.0) in zip(curve["x"], curve["y"], strict=True)
    assert (7770.0, -50.0) in zip(curve["x"], curve["y"], strict=True)
    assert (curve["low"], curve["high"], curve["last"]) == (-50.0, 50.0, 1.0)


@pytest.mark.parametrize(
    ("words", "runs", "metrics"),
    [
        (["last-month"], ["shop.last-month"], ["train/accuracy", "train/loss"]),
        (["loss", "shop.last-month"], ["shop.last-month"], ["train/loss"]),
        (["loss"], ["shop.this-month"], ["train/loss"]),
        (["last", "train/loss"], ["shop.last-month"], ["train/loss"]),
        (["@latest~1", "final"], ["shop.last-month"], ["train/final"]),
        ([], ["shop.this-month"], ["train/accuracy", "train/loss"]),
    ],
)
def test_a_word_is_a_run_or_a_metric(two_runs: Contexta, words: list[str], runs: list[str], metrics: list[str]) -> None:
    curves = two_runs.plot(*words)
    assert [ref.value for ref in curves.run_refs] == runs
    assert [chart.metric for chart in curves.charts] == metrics


def test_a_word_that_is_a_run_and_a_metric_is_refused_with_both_ways_to_write_it(two_runs: Contexta, cli: Cli) -> None:
    record(two_runs, "loss", {"loss": [3.0, 2.0]})
    refused = cli("plot", "loss")
    assert refused.returncode == 2
    assert refused.stderr == (
        'error: "loss" is a run and a metric\nhint: write shop.loss for the run, or --metric loss for the metric\n'
    )
    assert cli("plot", "shop.loss", "--metric", "loss").returncode == 0
    with pytest.raises(Ambiguous):
        two_runs.plot("last-month", "loss")


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (["last-month", "los"], "did you mean the metric train/loss?"),
        (["lst-mnth", "loss"], "did you mean last-month?"),
        (["this-month", "final"], "this-month` lists its metrics"),
    ],
)
def test_an_unknown_word_is_refused_with_the_nearest_name(two_runs: Contexta, words: list[str], hint: str) -> None:
    with pytest.raises(NotFound) as refused:
        two_runs.plot(*words)
    assert hint in str(refused.value.hint)


def test_the_axis_is_steps_time_or_epochs(two_runs: Contexta) -> None:
    def x(axis: Any) -> tuple[float, ...]:
        return two_runs.plot("last-month", "accuracy", x=axis).charts[0].curves[0].x

    assert x("step") == (0, 10, 20)
    assert x("epoch") == (0, 1, 2)
    assert 0 <= x("time")[0] <= x("time")[1] <= x("time")[2] < 60
    with pytest.raises(InvalidInput, match="epochs of shop.this-month are unknown"):
        two_runs.plot("this-month", "accuracy", x="epoch")


def test_values_that_cannot_be_drawn_leave_gaps_and_are_counted(ctx: Contexta, cli: Cli) -> None:
    record(ctx, "hard", {"loss": [1.0, math.nan, 0.1, -1.0, math.inf, 0.01]})
    screen = cli("plot", "hard", "--log").stdout
    assert "train/loss of hard: 2 points are NaN or infinite and leave gaps" in screen
    assert "train/loss of hard: 1 value up to 0 has no place on a logarithmic scale" in screen
    curve = ctx.plot("hard", log=True).charts[0].curves[0]
    assert [math.isnan(value) for value in curve.y] == [False, True, False, True, True, False]
    record(ctx, "nothing", {"loss": [math.nan, math.nan]})
    assert "no finite values" in cli("plot", "nothing").stdout
    assert cli("plot", "nothing", "--html", "-").returncode == 0


def test_a_series_without_steps_is_numbered(ctx: Contexta) -> None:
    record(ctx, "stepless", {"loss": [3.0, 2.0, 1.0]}, with_steps=False)
    record(ctx, "stepped", {"loss": [3.0, 2.0, 1.0]})
    curves = ctx.plot("stepless")
    assert curves.charts[0].axis == "point"
    assert curves.charts[0].curves[0].x == (0, 1, 2)
    assert curves.completeness_notes == ()
    both = ctx.plot("stepped", "stepless")
    assert both.charts[0].axis == "step"
    assert both.completeness_notes == ("train/loss of shop.stepless has no steps; its points are numbered",)


def test_a_run_with_last_values_only_has_no_curves(ctx: Contexta, cli: Cli) -> None:
    record(ctx, "final", {"accuracy": [0.9]})
    assert "No metric of final has more than one point." in cli("plot", "final").stdout
    assert len(ctx.plot("final", "accuracy").charts[0].curves[0].x) == 1
    assert "final: 1 point from 0.9 to 0.9, last 0.9" in cli("plot", "final", "accuracy").stdout


@pytest.mark.usefixtures("two_runs")
def test_later_charts_are_named_on_the_screen_and_shown_with_all(cli: Cli) -> None:
    with Contexta(workspace=".contexta") as ctx:
        record(ctx, "many", {f"m{number}": [0.0, 1.0] for number in range(5)})
    screen = cli("plot", "many").stdout
    assert "--all also shows: train/m3 over steps, train/m4 over steps" in screen
    assert cli("plot", "many", "--all").stdout.count("over steps") == 5


@pytest.mark.usefixtures("two_runs")
def test_a_terminal_without_braille_gets_ascii(cli_process: Cli) -> None:
    screen = cli_process("plot", "last-month", "this-month", "loss", env={"PYTHONIOENCODING": "ascii"}).stdout
    assert screen.isascii()
    assert "\\u" not in screen
    assert ".." in screen


def test_wrong_arguments_in_python_are_refused(two_runs: Contexta) -> None:
    with pytest.raises(InvalidInput, match="is not a text"):
        two_runs.plot(["last-month", "this-month"])  # type: ignore[arg-type]  # the mistake that is tested
    assert two_runs.plot("last-month", metrics="loss").charts[0].metric == "train/loss"


def test_both_databases_give_the_same_curves(anywhere: Contexta) -> None:
    record(anywhere, "march", {"loss": [math.exp(-step / 50) for step in range(300)] + [math.nan]})
    (chart,) = anywhere.plot("march", "loss", columns=10).charts
    (curve,) = chart.curves
    assert (curve.points, curve.not_finite, curve.high, len(curve.x)) == (301, 1, 1.0, 20)
    assert curve.x[0] == 0
    assert anywhere.plot("mar").run_refs == anywhere.plot("@latest").run_refs


@pytest.mark.parametrize("option", [{"x": "hour"}, {"smooth": 1.0}, {"smooth": -0.1}, {"columns": 0}])
def test_a_wrong_option_is_refused(two_runs: Contexta, option: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        two_runs.plot("last-month", **option)


def test_a_notebook_shows_the_curves(two_runs: Contexta) -> None:
    shown = two_runs.plot("last-month", "this-month", "loss")._repr_html_()
    assert 'class="chart named"' in shown
    assert "<script" not in shown
