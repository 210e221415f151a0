"""The output and the exit code of each command."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from support.builders import Cli, put_run

from contexta import Contexta, __version__
from contexta.cli.app import COMMANDS
from contexta.findings import Audit, MultiRunComparison, RunComparison

OLD = {"packages": {"torch": "2.0.0", "numpy": "1.24.0", "gone": "1"}}
NEW = {
    "packages": {"torch": "2.1.0", "numpy": "1.24.0", "new": "2"},
    "environment_variables": {"OMP_NUM_THREADS": "4"},
}


@pytest.fixture
def story(ctx: Contexta) -> Contexta:
    started = {"old": "2025-02-15T08:00:00Z", "new": "2025-02-15T09:00:00Z"}
    for name, accuracy, environment in (("old", 0.91, OLD), ("new", 0.87, NEW)):
        put_run(
            ctx,
            name,
            metrics={"accuracy": accuracy},
            stage="train",
            environment=environment,
            started_at=started[name],
        )
    return ctx


def test_diff_shows_metrics_then_python_packages_and_variables(story: Contexta, cli: Cli) -> None:
    done = cli("diff")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        "old -> new (p)",
        "1 metric changed; also changed: 3 packages, 1 variable.",
        "",
        "Metrics",
        "  Metric           old   new   Change",
        "  train/accuracy  0.91  0.87  -0.0400  -4.4%",
        "",
        "Python  3.11.0 (same)",
        "Platform  linux (same)",
        "",
        "Packages  1 changed, 1 added, 1 removed, 1 the same",
        "  Package  old     new",
        "  torch    2.0.0   2.1.0   minor upgrade",
        "  new      absent  2       added",
        "  gone     1       absent  removed",
        "  numpy    1.24.0  1.24.0  same",
        "",
        "Variables  1 changed",
        "                   old     new",
        "  OMP_NUM_THREADS  absent  4    added",
        "",
        "Unknown",
        "  - source, parameters, inputs, command: not recorded (both runs)",
        "  - builds and origins, interpreter, machine, native libraries: the environment was written by hand "
        "(both runs)",
    ]


def test_diff_of_equal_runs_is_one_sentence(ctx: Contexta, cli: Cli) -> None:
    for name in ("a", "b"):
        put_run(ctx, name, metrics={"x": 1}, environment={})
    done = cli("diff", "a", "b", "--exit-code")
    assert done.returncode == 0
    assert "\nNothing that both runs recorded differs: 1 metric, Python, platform, 2 packages. Unknown: " in done.stdout
    assert "numpy" not in done.stdout
    assert "numpy" in cli("diff", "a", "b", "--all").stdout
    assert "both sides are run:p.a, so there is no difference" in cli("diff", "a", "a").stdout


def test_diff_exits_with_1_only_with_the_option(story: Contexta, cli: Cli) -> None:
    assert cli("diff", "old", "new").returncode == 0
    assert cli("diff", "old", "new", "--exit-code").returncode == 1
    assert cli("diff", "old", "old", "--exit-code").returncode == 0


def test_diff_without_a_snapshot_says_that_changes_are_unknown(ctx: Contexta, cli: Cli) -> None:
    put_run(ctx, "a", metrics={"x": 1})
    put_run(ctx, "b", metrics={"x": 1}, environment={})
    lines = cli("diff", "a", "b").stdout.splitlines()
    assert "  - run:p.a has no environment snapshot: changes are unknown" in lines
    assert not any("added" in line or "Packages" in line for line in lines)


def test_json_is_the_finding_wherever_the_option_stands(story: Contexta, cli: Cli) -> None:
    after, before = cli("diff", "old", "new", "--json"), cli("--json", "diff", "old", "new")
    assert after.stdout == before.stdout
    report = json.loads(after.stdout)
    (change,) = report["environment"]["changed_packages"]
    assert (change["key"], change["left_value"], change["right_value"]) == ("torch", "2.0.0", "2.1.0")
    assert report["differs"] is True
    compared = RunComparison.model_validate_json(cli("compare", "old", "new", "--json").stdout)
    assert compared == story.compare_runs("old", "new")
    assert Audit.model_validate_json(cli("audit", "old", "--json").stdout) == story.audit_reproducibility("old")
    table = MultiRunComparison.model_validate_json(cli("compare", "old", "new", "old", "--json").stdout)
    assert table.rows[0].values == (0.91, 0.87, 0.91)
    assert [run["name"] for run in json.loads(cli("runs", "--json").stdout)] == ["new", "old"]
    assert json.loads(cli("version", "--json").stdout) == {"version": __version__}
    shown = json.loads(cli("show", "new", "--json").stdout)
    assert {key: shown[key] for key in ("status", "metrics", "params", "tags", "notes")} == {
        "status": "completed",
        "metrics": {"accuracy": 0.87},
        "params": {},
        "tags": {},
        "notes": [],
    }


def test_diff_puts_imported_changes_first_and_folds_the_rest(ctx: Contexta, cli: Cli) -> None:
    def captured(version: str) -> dict[str, Any]:
        names = ["aaa", "numpy", "zzz"]
        return {
            "packages": {},
            "distributions": [{"name": name, "version": version, "requested": name == "numpy"} for name in names],
            "imports": {"distributions": {"numpy": ["numpy"], "zzz": ["zzz"]}, "own": []},
        }

    put_run(ctx, "a", environment=captured("1.0"))
    put_run(ctx, "b", environment=captured("2.0"))
    lines = cli("diff", "a", "b").stdout.splitlines()
    start = lines.index("Packages  3 changed, 0 added, 0 removed, 0 the same")
    assert lines[start + 2 : start + 5] == [
        "  numpy    1.0  2.0  major upgrade, imported, requested",
        "  zzz      1.0  2.0  major upgrade, imported, dependency",
        "  --all also shows 1 that neither run imported",
    ]
    assert "  aaa      1.0  2.0  major upgrade, not imported, dependency" in cli("diff", "a", "b", "--all").stdout


def test_env_prints_one_environment(ctx: Contexta, cli: Cli) -> None:
    origins: dict[str, dict[str, Any]] = {
        "plain": {"kind": "index"},
        "from-git": {"kind": "vcs", "url": "https://example.org/x.git", "commit": "abc"},
        "mine": {"kind": "editable", "url": "file:///src/mine"},
    }
    result = [{"name": name, "version": "1.0", "origin": origin} for name, origin in origins.items()]
    put_run(ctx, "a", environment={"packages": {}, "distributions": result, "environment_variables": {"TZ": "UTC"}})
    printed = json.loads(cli("env", "a", "--json").stdout)
    assert printed["packages"] == {"from-git": "1.0", "mine": "1.0", "plain": "1.0"}
    assert printed["environment_variables"] == {"TZ": "UTC"}
    assert (printed["python_version"], printed["platform"], len(printed["distributions"])) == ("3.11.0", "linux", 3)
    assert cli("env", "a", "--requirements").stdout.splitlines() == [
        "from-git @ git+https://example.org/x.git@abc",
        "# mine==1.0 was installed from file:///src/mine",
        "plain==1.0",
    ]
    assert "editable" in cli("env", "a").stdout
    put_run(ctx, "bare")
    assert "no environment snapshot" in cli("env", "bare").stderr


@pytest.mark.parametrize("command", ["show", "metrics", "env", "audit", "diagnose", "snapshot"])
def test_without_a_run_a_command_is_about_the_latest(story: Contexta, cli: Cli, command: str) -> None:
    latest = cli(command)
    assert latest.returncode == 0, latest.stderr
    assert latest.stdout == cli(command, "new").stdout
    assert latest.stdout != cli(command, "old").stdout
    assert f"contexta {command} [OPTIONS] [RUN]" in cli(command, "--help").stdout


def test_screens_of_the_other_commands(story: Contexta, cli: Cli) -> None:
    runs = cli("runs").stdout.splitlines()
    assert runs[3].split() == ["p.new", "completed", "2025-02-15", "09:00", "1h", "30m", "accuracy=0.87"]
    assert "--after p.new lists the next ones" in cli("runs", "--limit", "1").stdout
    assert "Python 3.11.0 on linux, 3 packages" in cli("show", "old").stdout
    assert "train/accuracy  0.91  0.87  0.91" in cli("compare", "old", "new", "old").stdout
    audit = cli("audit", "old").stdout
    assert "Reproducibility: partial" in audit
    assert "hint: record the run with `contexta run -- COMMAND`" in audit
    assert cli("version").stdout == f"contexta {__version__}\n"


def test_live_run_shows_how_it_failed(ctx: Contexta, cli: Cli) -> None:
    with pytest.raises(ValueError, match="bad"), ctx.run("[bold]boom", tags={"a": "b"}) as run:
        run.params({"lr": 0.1, "deep": {"a": [1]}})
        run.note("gpu", "none found")
        run.metric("x", float("nan"))
        raise ValueError("bad [red]row")
    shown = cli("show", "@latest").stdout
    for words in (
        "failed with ValueError: bad [red]row",
        '"[bold]boom"',
        "tags: a=b",
        "deep.a  1",
        "  - gpu: none found",
    ):
        assert words in shown
    assert json.loads(cli("show", "@latest", "--json").stdout)["metrics"] == {"x": "NaN"}
    assert "Source  no commit: not in a git repository" in shown
    assert "Command  " in shown


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["show", "nope"], ['run "nope" is not in this workspace', "hint:"]),
        (["show", "-x"], ["-x", "hint:"]),
        (["show", "--", "-x"], ['run "-x" is not', "hint:"]),
        (["series"], ["RUN", "hint:"]),
        (["show", "run:P.x"], ['"P"', "did you mean run:p.x?"]),
        (["show", b"\xff"], ["surrogate"]),
        (["show", ""], ["selects no run"]),
        (["dif", "old", "new"], ['no command "dif"', "did you mean `contexta diff`?"]),
        (["runs", "--limit", "0"], ["--limit"]),
        (["runs", "--project", "nope"], ["project:nope"]),
        (["--workspace", "nowhere", "runs"], ["there is no workspace at ", "nowhere", "hint:"]),
        (["runs", "--workspace", "file"], ["is a file"]),
        (["runs", "--workspace", "not-ours"], ["not a Contexta database"]),
        (["diff", "@latest~7"], ["there are fewer runs"]),
        (["runs", "--limit", "99999999999999999999"], ["--limit"]),
        (["runs", "--workspace", "x" * 300], ["cannot be used", "hint:"]),
    ],
)
def test_wrong_use_is_one_error_with_a_hint_and_exit_code_2(
    story: Contexta, cli: Cli, tmp_path: Path, arguments: list[Any], words: list[str]
) -> None:
    (tmp_path / "file").write_text("x")
    (tmp_path / "not-ours").mkdir()
    (tmp_path / "not-ours" / "contexta.db").write_text("x" * 100)
    done = cli(*arguments)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith("error: ")
    assert "Traceback" not in done.stderr
    for word in words:
        assert word in done.stderr
    assert not (tmp_path / "nowhere").exists()


def test_contexta_alone_shows_its_help(cli: Cli) -> None:
    done = cli()
    assert (done.returncode, done.stderr) == (0, "")
    assert "Record:" in done.stdout


@pytest.mark.parametrize(
    "table", ["tool.contexta = 5", "[[tool.contexta]]", "tool = 5 # tool.contexta", "[tool.contexta]\nproject = 1"]
)
def test_broken_pyproject_is_an_error_and_no_traceback(story: Contexta, cli: Cli, tmp_path: Path, table: str) -> None:
    (tmp_path / "pyproject.toml").write_text(table)
    done = cli("runs", "--workspace", ".contexta")
    assert "Traceback" not in done.stderr
    assert done.returncode in (0, 2)


@pytest.mark.skipif(os.name != "posix", reason="closes streams as POSIX shells do")
def test_a_closed_output_is_no_error(story: Contexta, tmp_path: Path) -> None:
    for redirect in (">&-", "2>&-"):
        command = f"{sys.executable} -m contexta.cli diff --json {redirect}"
        done = subprocess.run(command, shell=True, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert (done.returncode, "Traceback" in done.stderr) == (0, False), redirect


def test_control_characters_are_written_out_and_long_values_cut(ctx: Contexta, cli: Cli) -> None:
    run: dict[str, Any] = {"description": "hi\x1b[2Jgone\nnext", "tags": {"t": "\x1b[31m"}}
    put_run(ctx, "a", environment={"environment_variables": {"A": "1"}}, **run)
    put_run(ctx, "b", environment={"environment_variables": {"A": "x" * 20_000}})
    shown = cli("show", "a").stdout
    assert "hi\\x1b[2Jgone\nnext" in shown
    assert "t=\\x1b[31m" in shown
    diff = cli("diff", "a", "b").stdout
    assert "(20000 characters)" in diff
    assert max(map(len, diff.splitlines())) < 250


def test_every_json_output_writes_infinities_as_text(ctx: Contexta, cli: Cli) -> None:
    put_run(ctx, "a", metrics={"x": float("inf"), "y": float("nan")})
    (listed,) = json.loads(cli("runs", "--json").stdout)
    assert (
        listed["metrics"] == {"x": "Infinity", "y": "NaN"} == json.loads(cli("show", "a", "--json").stdout)["metrics"]
    )


def test_workspace_comes_from_the_environment(story: Contexta, cli: Cli, tmp_path: Path) -> None:
    story.close()
    (tmp_path / ".contexta").rename(tmp_path / "elsewhere")
    assert cli("runs").returncode == 2
    assert "p.new" in cli("runs", env={"CONTEXTA_WORKSPACE": "elsewhere"}).stdout
    assert "p.new" in cli("--workspace", "elsewhere", "runs").stdout


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_every_command_has_a_help_text_with_an_example(cli: Cli, command: str) -> None:
    text = cli(command, "--help").stdout
    assert f"Example: contexta {command}" in text
    assert COMMANDS[command][1] in " ".join(text.split())
    assert COMMANDS[command][1].split()[0] in cli("--help").stdout


def on_a_terminal(directory: Path, *arguments: str, **environ: str) -> str:
    """The output of a command to a terminal of 100 columns."""
    leader, follower = pytest.importorskip("pty").openpty()
    env = {
        **{k: v for k, v in os.environ.items() if k != "NO_COLOR"},
        "TERM": "xterm-256color",
        "COLUMNS": "100",
        **environ,
    }
    command = [sys.executable, "-m", "contexta.cli", *arguments]
    process = subprocess.Popen(command, cwd=directory, stdout=follower, stderr=follower, stdin=follower, env=env)
    os.close(follower)
    output = b""
    while True:
        try:
            chunk = os.read(leader, 65536)
        except OSError:
            break
        if not chunk:
            break
        output += chunk
    os.close(leader)
    assert process.wait(60) == 0
    return output.decode()


def test_colour_is_for_terminals_and_never_against_no_color(story: Contexta, cli: Cli, tmp_path: Path) -> None:
    plain = cli("diff").stdout
    assert "\x1b" not in plain
    assert "\x1b[1m" in on_a_terminal(tmp_path, "diff")
    quiet = on_a_terminal(tmp_path, "runs", NO_COLOR="1")
    assert "\x1b[3" not in quiet
    assert "completed" in quiet


def test_output_survives_a_terminal_without_unicode(ctx: Contexta, cli: Cli) -> None:
    put_run(ctx, "a", metrics={"größe": 1}, display_name="Käse")
    done = cli("show", "a", env={"PYTHONIOENCODING": "ascii"})
    assert done.returncode == 0
    assert "gr\\xf6\\xdfe" in done.stdout
