"""A gate for build servers, and how a package went through its versions."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal
from xml.etree import ElementTree

import pytest
from support.builders import Cli, put_run

from contexta import Contexta
from contexta.findings import Gate


@pytest.fixture
def story(ctx: Contexta) -> Contexta:
    for day, (name, accuracy, torch) in enumerate(
        (("old", 0.91, "2.0.0"), ("mid", 0.9, "2.0.0"), ("new", 0.87, "2.1.0"))
    ):
        put_run(
            ctx,
            name,
            metrics={"accuracy": accuracy, "quux": 1},
            environment={"packages": {"torch": torch}},
            started_at=f"2025-02-0{day + 1}T08:00:00Z",
        )
    return ctx


def test_a_gate_refuses_a_fallen_metric_and_a_drifted_environment(story: Contexta, cli: Cli, tmp_path: Path) -> None:
    arguments = ["check", "new", "--against", "old", "--max-drop", "accuracy=0.01", "--env", "packages"]
    done = cli(*arguments, "--junit", "gate.xml")
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout.startswith("Check of p.new against p.old\nfailed: 2 of 3 rules\n")
    assert "0.91 -> 0.87 (-0.04)" in done.stdout
    assert "1 differ: torch: 2.0.0 -> 2.1.0" in done.stdout
    suite = ElementTree.parse(tmp_path / "gate.xml").getroot()
    assert (suite.get("tests"), suite.get("failures")) == ("3", "2")
    assert [case.find("failure") is None for case in suite] == [True, False, False]
    result = story.check_run("new", against="old", max_drop=["accuracy=0.01"], env="packages")
    assert Gate.model_validate_json(cli(*arguments, "--json").stdout) == result
    assert not result.passed


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["mid", "--against", "old", "--max-drop", "accuracy=0.01", "--env", "same"], 0),  # 0.91 - 0.9 in binary
        (["mid", "--against", "old", "--max-drop", "accuracy=2%"], 0),
        (["mid", "--against", "old", "--max-drop", "accuracy=1%"], 1),
        (["new", "--metric", "accuracy>=0.87"], 0),
        (["new", "--metric", "accuracy>0.87"], 1),
        (["new", "--metric", "nothing>=0"], 1),  # cannot be told
        (["new"], 2),
        (["new", "--env", "same"], 2),
        (["new", "--metric", "accuracy"], 2),
        (["new", "--against", "old", "--max-drop", "quux=0.1"], 2),  # which way is good?
        (["new", "--against", "old", "--max-drop", "accuracy=-1"], 2),
    ],
)
def test_what_passes_and_what_does_not(story: Contexta, cli: Cli, arguments: list[str], code: int) -> None:
    assert cli("check", *arguments).returncode == code


def test_a_baseline_alone_allows_run_to_run_noise(ctx: Contexta, cli: Cli) -> None:
    values = {"a": (0.91, 0.912, 0.909, 0.911), "b": (0.87, 0.871, 0.869, 0.872), "c": (0.91, 0.9095)}
    for day, (side, accuracies) in enumerate(values.items()):
        for number, accuracy in enumerate(accuracies):
            put_run(
                ctx,
                f"{side}{number}",
                metrics={"accuracy": accuracy, "quux": day},
                environment={"packages": {"torch": f"2.{day}"}},
                started_at=f"2025-02-0{day + 1}T08:0{number}:00Z",
            )
    dropped = cli("check", "b0", "--against", "a0")
    assert dropped.returncode == 1
    assert "fail    accuracy is not worse than the baseline by more than run-to-run noise" in dropped.stdout
    assert "0.9105 -> 0.8705 (-0.04)" in dropped.stdout
    assert "quux" not in dropped.stdout  # its direction is unknown
    assert cli("check", "a0", "--against", "b0").returncode == 0  # it rose
    assert cli("check", "c1", "--against", "a0").returncode == 0  # within the noise


def test_a_large_drop_that_too_few_runs_can_show_is_unknown_and_not_met(story: Contexta, cli: Cli) -> None:
    done = cli("check", "new", "--against", "old")
    assert (done.returncode, done.stderr) == (1, "")
    assert "unknown  accuracy is not worse" in done.stdout
    assert cli("check", "old", "--against", "new").returncode == 0
    put_run(story, "bare", metrics={"quux": 1})
    assert "p.bare has no accuracy" in cli("check", "bare", "--against", "old").stdout


def test_a_run_without_an_environment_is_not_the_same_as_any(story: Contexta) -> None:
    put_run(story, "bare", metrics={"accuracy": 0.95})
    (_, rule) = story.check_run("bare", against="old", env="packages").rules
    assert (rule.status, "no environment snapshot" in rule.detail) == ("unknown", True)


@pytest.mark.parametrize(
    ("environment", "env", "status"),
    [
        ({"python_version": "unknown"}, "packages", "unknown"),
        ({"platform": "unknown"}, "packages", "pass"),
        ({"platform": "unknown"}, "same", "unknown"),
        ({"platform": "unknown", "packages": {"numpy": "1.0"}}, "same", "fail"),
    ],
)
def test_an_environment_without_its_python_or_platform_does_not_pass_as_the_same(
    ctx: Contexta, environment: dict[str, Any], env: Literal["packages", "same"], status: str
) -> None:
    put_run(ctx, "complete", metrics={"accuracy": 0.95}, environment={})
    put_run(ctx, "partial", metrics={"accuracy": 0.95}, environment=environment)
    (_, rule) = ctx.check_run("partial", against="complete", env=env).rules
    assert rule.status == status


def test_a_timeline_joins_runs_of_one_version(story: Contexta, cli: Cli) -> None:
    result = story.package_timeline("Torch", metric="accuracy")
    assert [(period.version, period.runs, period.low, period.high) for period in result.periods] == [
        ("2.0.0", 2, 0.9, 0.91),
        ("2.1.0", 1, 0.87, 0.87),
    ]
    screen = cli("timeline", "torch", "--metric", "accuracy").stdout
    assert "0.9 to 0.91" in screen
    assert json.loads(cli("timeline", "torch", "--json").stdout)["package"] == "torch"
    assert "| 2.1.0 | new | new |" in cli("timeline", "torch", "--metric", "accuracy", "--markdown").stdout
    assert "no recorded run had" in cli("timeline", "jax").stderr
    assert [period.version for period in story.package_timeline("python").periods] == ["3.11.0"]


def test_why_has_a_page_with_the_metric_over_the_runs(story: Contexta, cli: Cli, tmp_path: Path) -> None:
    done = cli("why", "old", "new", "--html", "why.html", "--markdown")
    assert done.returncode == 0
    assert "accuracy dropped from 0.905 to 0.87" in done.stdout  # the run between repeats the old one
    assert "### Next" in done.stdout
    page = (tmp_path / "why.html").read_text(encoding="utf-8")
    assert "torch 2.0.0 -&gt; 2.1.0" in page
    assert page.count("<circle") == 3
