"""`diff`, `compare` and `trend` show every difference, and name what was not recorded."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from support.builders import Cli, put_run
from support.projects import git

from contexta import Contexta
from contexta.findings import RunDiff


def commit(folder: Path, subject: str, **files: str) -> None:
    for name, text in files.items():
        (folder / f"{name}.py").write_text(text)
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", subject)


def record(ctx: Contexta, name: str, params: Mapping[str, Any], data: str, **metrics: float) -> None:
    Path("data.csv").write_text(data)
    with ctx.run(name, project="shop") as run:
        run.params(params)
        run.input("data", "data.csv")
        for key, value in metrics.items():
            run.metric(key, value)


@pytest.fixture
def story(ctx: Contexta, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Contexta:
    """Two runs in one repository: other parameters, data, commits, uncommitted changes and a variable."""
    git(tmp_path, "init", "-q")
    (tmp_path / ".gitignore").write_text(".contexta\n*.csv\n__pycache__\nstate\n")
    commit(tmp_path, "First", train="lr = 1\n", model="depth = 1\n")
    record(ctx, "old", {"lr": 0.1, "layers": [8, 8], "seed": 1}, "1,2\n", accuracy=0.91)
    commit(tmp_path, "Widen the model", model="depth = 2\nwidth = 3\n")
    commit(tmp_path, "Drop the warm-up", train="lr = 2\n")
    (tmp_path / "train.py").write_text("lr = 3\n")
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    record(ctx, "new", {"lr": 0.2, "layers": [8, 8], "seed": 1, "dropout": 0.5}, "1,3\n", accuracy=0.87)
    return ctx


def test_diff_shows_parameters_code_inputs_and_variables(story: Contexta, cli: Cli) -> None:
    screen = cli("diff").stdout
    summary = screen.splitlines()[1]
    assert summary.startswith("1 metric changed; also changed: 2 parameters, ")
    for words in ("the code", "1 input", "1 variable"):
        assert words in summary
    for lines in (
        "Parameters  2 changed, 2 the same\n",
        "  dropout  absent  0.5  added\n  lr       0.1     0.2\n",
        ", 2 commits later, uncommitted changes in new\n",
        "  Drop the warm-up\n",
        "  Widen the model\n",
        "Files  2 changed\n  model.py  +2 -1\n  train.py  +1 -1, uncommitted in new\n",
        "Inputs  1 changed, 0 the same\n",
        "Variables  1 changed\n",
        "The same  builds and origins, interpreter, machine, native libraries\n",
    ):
        assert lines in screen


def test_json_markdown_and_html_show_the_same_as_the_screen(story: Contexta, cli: Cli) -> None:
    finding = RunDiff.model_validate_json(cli("diff", "--json").stdout)
    assert finding == story.diff_runs()
    assert [change.key for change in finding.params.changes] == ["dropout", "lr"]
    assert [summary.subject for summary in finding.code.commits] == ["Drop the warm-up", "Widen the model"]
    assert (finding.code.commits_ahead, finding.code.commits_behind, finding.code.differs) == (2, 0, True)
    assert {aspect.what for aspect in finding.unknowns} <= {"command"}  # of a test there is none under xdist
    for page in (cli("diff", "--markdown").stdout, cli("diff", "--html", "-").stdout):
        for words in ("dropout", "Drop the warm-up", "+1 -1, uncommitted in new", "OMP_NUM_THREADS", "data"):
            assert words in page


def test_compare_and_trend_name_what_changed(story: Contexta, cli: Cli) -> None:
    for command in (("compare",), ("compare", "old", "new", "old")):
        lines = [line.split() for line in cli(*command).stdout.splitlines()]
        assert ["parameter", "lr", "0.1", "0.2"] in [line[:4] for line in lines]
        assert ["parameter", "dropout", "absent", "0.5"] in [line[:4] for line in lines]
        assert ["variable", "OMP_NUM_THREADS", "absent", "2"] in [line[:4] for line in lines]
    compared = json.loads(cli("compare", "--json").stdout)
    assert {"source", "parameter", "input", "variable"} <= {row["kind"] for row in compared["differences"]}
    (_, point) = json.loads(cli("trend", "accuracy", "--json").stdout)["points"]
    assert {"source commit", "parameter lr", "input data", "variable OMP_NUM_THREADS"} <= {
        change["key"] for change in point["changes"]
    }
    assert "parameter lr: 0.1 -> 0.2" in cli("trend", "accuracy", "--all").stdout


def test_commits_are_unknown_without_the_repository_and_the_code_still_differs(
    story: Contexta, cli: Cli, tmp_path: Path
) -> None:
    shutil.move(tmp_path / ".git", tmp_path / "state" / "git")
    screen = cli("diff").stdout
    assert "the commits between them are unknown: its repository lacks one of these commits" in screen
    finding = story.diff_runs()
    assert (finding.code.differs, finding.code.commits_ahead) == (True, None)


def test_why_and_compare_default_to_the_last_two_runs(story: Contexta, cli: Cli) -> None:
    assert cli("why").stdout == cli("why", "old").stdout == cli("why", "old", "new").stdout
    assert cli("compare").stdout == cli("compare", "old").stdout == cli("compare", "old", "new").stdout


@pytest.mark.parametrize("command", ["diff", "compare"])
def test_what_a_side_did_not_record_is_unknown_and_never_unchanged(ctx: Contexta, cli: Cli, command: str) -> None:
    put_run(ctx, "by-hand", metrics={"x": 1.0})
    with ctx.run("live", project="p") as run:
        run.params({"lr": 1})
        run.metric("x", 1.0)
    screen = cli(command, "by-hand", "live").stdout
    assert "packages, python, platform, builds and origins" in screen
    assert "parameters" in screen[screen.index("Unknown") :]
    for word in ("unchanged", "the same", "Packages", "none changed", "absent"):
        assert word not in screen.replace("side by side", "")


def test_nested_parameters_and_arguments_differ_by_name(ctx: Contexta, cli: Cli) -> None:
    for name, rate in (("a", "0.1"), ("b", "0.2")):
        command = ["/opt/env/bin/python", "train.py", "--lr", rate, "--epochs=3"]
        put_run(ctx, name, metrics={"x": 1}, metadata={"command": command})
    for name, betas in (("c", [0.9, 0.99]), ("d", [0.9, 0.999])):
        with ctx.run(name, project="p") as run:
            run.params({"optimizer": {"name": "adam", "betas": betas}})
    assert "Command  1 changed, 2 the same\n        a    b\n  --lr  0.1  0.2\n" in cli("diff", "a", "b").stdout
    (change,) = ctx.diff_runs("c", "d").params.changes
    assert str(change) == "optimizer.betas: [0.9, 0.99] -> [0.9, 0.999]"


def test_long_names_of_runs_do_not_widen_the_tables(ctx: Contexta, cli: Cli) -> None:
    names = [f"resnet50-imagenet-finetune-{number}" for number in range(2)]
    for value, name in enumerate(names):
        put_run(ctx, name, metrics={"x": value})
    screen = cli("diff", *names).stdout
    assert screen.startswith(f"{names[0]} -> {names[1]} (p)\n")
    assert "  Metric  OLD  NEW  Change\n" in screen


def test_nothing_is_called_equal_that_was_not_recorded(ctx: Contexta, cli: Cli) -> None:
    for name, value in (("a", 1), ("b", 2)):
        put_run(ctx, name, metrics={"x": value}, environment={})
    summary = cli("diff", "a", "b").stdout.splitlines()[1]
    assert summary.startswith("1 metric changed; nothing else that both runs recorded differs. Unknown: source, ")
