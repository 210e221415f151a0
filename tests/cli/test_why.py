"""`why` explains recorded runs, with the same result from Python, the screen and --json."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest
from support.builders import Cli, put_run

from contexta import Contexta
from contexta.core.errors import NotFound
from contexta.findings import Explanation
from contexta.reports.document.blocks import Table
from contexta.reports.pages.explain import explanation, tone_of

OLD = {"torch": "2.0.0", "numpy": "1.24.0", "scikit-learn": "1.2.2", "transformers": "4.28.0", "pandas": "1.5.3"}
NEW = {**OLD, "torch": "2.1.0", "numpy": "1.26.4"}


def a_run(ctx: Contexta, name: str, accuracy: Any, packages: dict[str, str], day: int = 1, **changes: Any) -> None:
    put_run(
        ctx,
        name,
        metrics={"accuracy": accuracy},
        stage="train",
        environment={"packages": packages},
        started_at=f"2025-02-{day:02}T08:00:00Z",
        ended_at=f"2025-02-{day:02}T08:10:00Z",
        **changes,
    )


@pytest.fixture
def story(ctx: Contexta) -> Contexta:
    """James's two runs."""
    a_run(ctx, "last-month", 0.91, OLD, 1)
    a_run(ctx, "this-month", 0.87, NEW, 2)
    return ctx


def test_two_single_runs_name_both_suspects_and_claim_nothing(story: Contexta, cli: Cli) -> None:
    result = story.explain_regression("last-month", "this-month", metric="accuracy")
    assert result.metric is not None
    assert (result.metric.verdict, result.metric.p_value, result.metric.worse) == ("unknown", None, True)
    assert "one run per side" in result.metric.why
    assert {str(difference) for difference in result.differences} == {
        "torch: 2.0.0 -> 2.1.0",
        "numpy: 1.24.0 -> 1.26.4",
    }
    assert [(suspect.key, suspect.rank, suspect.score) for suspect in result.suspects] == [
        ("numpy", 1, 0.5),
        ("torch", 1, 0.5),
    ]
    assert {unknown.what for unknown in result.unknowns} >= {"imports", "source", "parameters", "inputs", "seeds"}
    assert result.history is not None
    assert result.history.confounds == ()  # the two runs that are compared differ in both anyway

    screen = cli("why", "last-month", "this-month", "--metric", "accuracy")
    assert (screen.returncode, screen.stderr) == (0, "")
    for words in (
        "train/accuracy dropped from 0.91 to 0.87 (-0.04, -4.4 %). One run per side: run-to-run noise is unknown, so "
        "this may be chance.",
        "Suspects: numpy, torch. Records alone cannot separate them; a bisect can.",
        "contexta bisect last-month this-month --metric accuracy -- python TRAIN.PY",
        "pip install numpy==1.24.0 torch==2.0.0",
    ):
        assert words in screen.stdout
    assert "p=" not in screen.stdout

    printed = cli("why", "last-month", "this-month", "--metric", "accuracy", "--json").stdout
    assert Explanation.model_validate_json(printed) == result


def test_repeats_make_a_drop_real_and_name_the_interval(ctx: Contexta, cli: Cli) -> None:
    draws = random.Random(1)
    for number in range(5):
        a_run(ctx, f"old-{number}", 0.91 + draws.gauss(0, 0.002), OLD, 1 + number)
        a_run(ctx, f"new-{number}", 0.87 + draws.gauss(0, 0.002), NEW, 11 + number)
    result = ctx.explain_regression("old-0", "new-0").metric
    assert result is not None
    assert (len(result.old.values), len(result.new.values)) == (5, 5)
    assert (result.verdict, result.test) == ("real", "permutation")
    assert result.p_adjusted == pytest.approx(2 / 252)
    assert result.low is not None
    assert result.high is not None
    assert result.low < -0.04 < result.high < 0
    assert "The difference is significant (p = 0.0079; exact permutation test)" in cli("why", "old-0", "new-0").stdout
    alone = ctx.explain_regression("old-0", "new-0", group_by="none").metric
    assert alone is not None
    assert alone.verdict == "unknown"
    assert "times the run-to-run standard deviation of this project" in alone.why


def test_a_test_that_several_metrics_leave_no_room_is_not_chosen(ctx: Contexta) -> None:
    """Four against four cannot reach 0.025 by permutation: two metrics need a test that can."""
    draws = random.Random(2)
    for number in range(4):
        for side, level, packages in (("old", 0.91, OLD), ("new", 0.87, NEW)):
            metrics = {"accuracy": level + draws.gauss(0, 0.002), "loss": 0.3 + draws.gauss(0, 0.01)}
            put_run(ctx, f"{side}-{number}", metrics=metrics, environment={"packages": packages})
    result = ctx.explain_regression("old-0", "new-0")
    assert result.metric is not None
    assert (result.metric.metric_key, result.metric.verdict, result.metric.test) == ("accuracy", "real", "welch")


def test_a_metric_without_a_known_direction_names_the_options_for_it(ctx: Contexta, cli: Cli, tmp_path: Any) -> None:
    for name, value in (("a", 1.0), ("b", 2.0)):
        put_run(ctx, name, metrics={"quux": value}, environment={})
    plain = cli("why", "a", "b").stdout
    assert "whether higher or lower is better is unknown" in plain
    assert "pass --lower-is-better or --higher-is-better" in plain
    assert "quux rose from 1 to 2 (+1, +100.0 %); lower is better." in cli("why", "a", "b", "--lower-is-better").stdout
    assert "quux rose from 1 to 2 (+1, +100.0 %). One" in cli("why", "a", "b", "--higher-is-better").stdout
    (tmp_path / "pyproject.toml").write_text('[tool.contexta]\nlower-is-better = ["quux"]\n')
    report = json.loads(cli("why", "a", "b", "--json").stdout)
    assert (report["metric"]["better"], report["metric"]["better_from"]) == ("lower", "configuration")
    (tmp_path / "pyproject.toml").write_text('[tool.contexta]\nlower-is-better = "quux"\n')
    assert 'give a list: ["my_metric"]' in cli("why", "a", "b").stderr


def test_a_metric_that_is_not_there_is_refused_with_the_nearest(story: Contexta, cli: Cli) -> None:
    with pytest.raises(NotFound, match="acuracy"):
        story.explain_regression("last-month", "this-month", metric="acuracy")
    done = cli("why", "last-month", "this-month", "--metric", "acuracy")
    assert (done.returncode, done.stdout) == (2, "")
    assert "did you mean train/accuracy?" in done.stderr
    assert "auto, none, tag:NAME" in cli("why", "last-month", "this-month", "--group-by", "x").stderr
    assert cli("why", "last-month", "this-month", "--metric", "train/accuracy").returncode == 0


def test_runs_without_environments_say_unknown_and_name_no_suspect(ctx: Contexta, cli: Cli) -> None:
    put_run(ctx, "a", metrics={"accuracy": 0.9})
    put_run(ctx, "b", metrics={"accuracy": 0.8})
    result = ctx.explain_regression("a", "b")
    assert (result.differences, result.suspects) == ((), ())
    assert ("packages", "both") in {(unknown.what, unknown.side) for unknown in result.unknowns}
    assert (
        "Nothing that both runs recorded differs. Not recorded on both sides: packages" in cli("why", "a", "b").stdout
    )


def test_code_parameters_and_seeds_are_differences_too(ctx: Contexta) -> None:
    for name, commit, rate in (("a", "1" * 40, 0.1), ("b", "2" * 40, 0.2)):
        put_run(
            ctx,
            name,
            metrics={"accuracy": 0.9},
            environment={},
            metadata={
                "source": {"commit": commit, "root": "/nowhere/at/all"},
                "command": ["python", "t.py", "--lr", str(rate), "--seed", name],
            },
        )
    comparison = {
        (difference.kind, difference.left_value, difference.right_value)
        for difference in ctx.explain_regression("a", "b").differences
    }
    assert ("source", "1" * 12, "2" * 12 + " (its repository is not on this machine)") in comparison
    assert ("command", "python t.py --lr 0.1", "python t.py --lr 0.2") in comparison
    assert ("seed", "a", "b") in comparison


def test_suspected_code_and_commands_are_named_in_whole_words(ctx: Contexta, cli: Cli) -> None:
    commits = {"old": "1" * 40, "new": "2" * 40}
    command = ["python", "train.py", "--config", "configs/baseline.yaml", "--epochs"]
    for name, accuracy, number in (("old", 0.9, "10"), ("new", 0.8, "20")):
        source = {"commit": commits[name], "root": "/nowhere/at/all"}
        facts = {"source": source, "command": [*command, number]}
        a_run(ctx, name, accuracy, OLD, metadata=facts)
    screen = cli("why", "old", "new").stdout
    assert "python train.py --config configs/baseline.yaml --epochs 20" in screen
    assert f"{'2' * 12} (its repository is not on this machine)" in screen
    assert "…" not in screen


@pytest.mark.parametrize(
    ("packages", "settings", "commits", "more"),
    [
        (NEW, (0.1, 0.1), ("1" * 40, "1" * 40), ""),
        (NEW, (0.1, 0.2), ("1" * 40, "1" * 40), " --include params"),
        (OLD, (0.1, 0.1), ("1" * 40, "2" * 40), " --include source"),
        (NEW, (0.1, 0.2), ("1" * 40, "2" * 40), " --include source,params"),
    ],
)
def test_the_bisect_it_suggests_includes_what_else_changed(
    ctx: Contexta,
    cli: Cli,
    packages: dict[str, str],
    settings: tuple[float, float],
    commits: tuple[str, str],
    more: str,
) -> None:
    sides = zip(("old", "new"), (0.91, 0.87), (OLD, packages), settings, commits, strict=True)
    for name, accuracy, installed, rate, commit in sides:
        command = ["python", "t.py", "--lr", str(rate)]
        metadata = {"source": {"commit": commit, "root": "/nowhere/at/all"}, "command": command}
        a_run(ctx, name, accuracy, installed, metadata=metadata)
    suggested = f"contexta bisect old new --metric accuracy{more} -- python t.py --lr {settings[1]}"
    printed = cli("why", "old", "new").stdout
    assert suggested in printed.replace("\n", " "), printed
    assert "command command" not in printed


@pytest.mark.parametrize("odd", [float("nan"), float("inf"), float("-inf")])
@pytest.mark.parametrize("side", ["old", "new"])
def test_a_repeat_without_a_finite_value_leaves_the_others_their_result(
    ctx: Contexta, cli: Cli, odd: float, side: str
) -> None:
    day = 1
    for name, values in (("old", [0.910, 0.911, 0.909, 0.912]), ("new", [0.870, 0.871, 0.869, 0.872])):
        for number, value in enumerate([*values, *([odd] if name == side else [])]):
            a_run(ctx, f"{name}-{number}", value, OLD if name == "old" else NEW, day)
            day += 1
    result = ctx.explain_regression("old-0", "new-0", metric="accuracy").metric
    assert result is not None
    assert (result.verdict, result.worse) == ("real", True)
    assert result.change == pytest.approx(-0.04)
    assert f"excluded: 1 of 5 {side.upper()} runs, whose value is not finite" in result.why
    assert "not finite" in " ".join(cli("why", "old-0", "new-0").stdout.split())


def test_a_named_run_without_a_finite_value_has_no_size_of_change(ctx: Contexta) -> None:
    for number in range(4):
        a_run(ctx, f"old-{number}", 0.91 + number / 1000, OLD, number + 1)
        a_run(ctx, f"new-{number}", float("nan") if number == 0 else 0.87 + number / 1000, NEW, number + 11)
    result = ctx.explain_regression("old-0", "new-0", metric="accuracy").metric
    assert result is not None
    assert (result.verdict, result.change) == ("unknown", None)
    assert "NEW has the value nan" in result.why


@pytest.mark.parametrize(("metric", "tone"), [("accuracy", "bad"), ("loss", "good"), ("my-own-figure", "warn")])
def test_a_real_change_is_green_only_where_it_is_known_to_be_good(ctx: Contexta, metric: str, tone: str) -> None:
    day = 1
    for name, values in (("old", [0.910, 0.911, 0.909, 0.912]), ("new", [0.870, 0.871, 0.869, 0.872])):
        for number, value in enumerate(values):
            put_run(
                ctx,
                f"{name}-{number}",
                metrics={metric: value},
                environment={"packages": OLD if name == "old" else NEW},
                started_at=f"2025-02-{day:02}T08:00:00Z",
                ended_at=f"2025-02-{day:02}T08:10:00Z",
            )
            day += 1
    result = ctx.explain_regression("old-0", "new-0", metric=metric)
    assert result.metric is not None
    assert result.metric.verdict == "real"
    assert tone_of(result.metric) == tone
    (section,) = [item for item in explanation(result).sections if item.title == "Metrics"]
    (table,) = section.blocks
    assert isinstance(table, Table)
    assert [row.tone for row in table.rows] == [tone]


@pytest.mark.parametrize(
    ("kind", "others", "named"),
    [
        ("build", {"idna": ("3.4", "3.6")}, "build scorelib"),
        ("build", {}, "build scorelib"),
        ("package", {"idna": ("3.4", "3.6")}, "scorelib"),
    ],
)
def test_commands_act_on_the_suspect_that_the_sentence_names(
    ctx: Contexta, cli: Cli, kind: str, others: dict[str, tuple[str, str]], named: str
) -> None:
    for side, name in enumerate(("old", "new")):
        scorelib = {"name": "scorelib", "version": "1.0", "build": "ab"[side] * 64, "requested": True}
        if kind == "package":
            scorelib |= {"version": f"{side + 1}.0"}
        rest = [{"name": package, "version": versions[side], "build": "c" * 64} for package, versions in others.items()]
        put_run(
            ctx,
            name,
            metrics={"accuracy": 0.91 - 0.04 * side},
            environment={
                "packages": {},
                "distributions": [scorelib, *rest],
                "imports": {"distributions": {"scorelib": ["scorelib"]}, "own": []},
            },
        )
    result = ctx.explain_regression("old", "new")
    assert result.suspects[0].name == named
    assert any(named in sentence for sentence in result.answer[2:]), result.answer
    tests = [step for step in result.next if step.purpose.startswith("test ")]
    for step in tests:
        assert step.purpose.startswith(f"test {named} alone")
        assert "scorelib" in step.command
        assert "idna" not in step.command
        assert step.complete is False
    assert len(tests) == (1 if others else 0)
    back = [step.purpose for step in result.next if "go back" in step.purpose]
    assert all(("build of scorelib" in purpose) == (kind == "build") for purpose in back)
