"""``contexta run`` ends with a summary of the record, in two lines on stderr."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from support.builders import Cli

from contexta import Contexta

PROGRAM = "import contexta; contexta.log({'loss': 0.5, 'acc': 0.9}); raise SystemExit(3)"


def test_summary_counts_what_show_shows_and_names_the_next_command(cli: Cli, tmp_path: Path) -> None:
    first = cli("run", "--name", "r", "--project", "p", "--", sys.executable, "-c", PROGRAM)
    with Contexta(workspace=tmp_path / ".contexta") as ctx:
        environment = ctx.get_run("p.r").environment
    assert environment is not None
    assert first.returncode == 3
    assert first.stderr.splitlines() == [
        f"recorded as p.r (2 metrics, {environment.package_count} packages)",
        "next: contexta show p.r",
    ]
    second = cli("run", "--name", "R", "--project", "p", "--", sys.executable, "-c", PROGRAM)
    name_line, next_line = second.stderr.splitlines()
    assert name_line.startswith("recorded as p.r-2 (p.r exists) (2 metrics, ")
    assert next_line == "next: contexta diff p.r p.r-2"
    assert cli(*next_line.split()[2:]).returncode == 0


def test_summary_of_a_command_without_python_says_that_packages_are_unknown(cli: Cli) -> None:
    done = cli("run", "--name", "r", "--project", "p", "--workspace", "other place", "--", "true")
    assert done.stderr.splitlines() == [
        "recorded as p.r (0 metrics, packages unknown)",
        "next: contexta show p.r --workspace 'other place'",
    ]


def test_next_command_names_no_deleted_run(cli: Cli) -> None:
    def next_of(name: str) -> str:
        return cli("run", "--name", name, "--project", "p", "--", "true").stderr.splitlines()[-1]

    next_of("a")
    assert next_of("b") == "next: contexta diff p.a p.b"
    cli("delete", "b", "--yes")
    assert next_of("c") == "next: contexta diff p.a p.c"
    cli("delete", "a", "c", "--yes")
    assert next_of("d") == "next: contexta show p.d"


def test_quiet_omits_the_summary(cli: Cli) -> None:
    assert cli("run", "--quiet", "--", sys.executable, "-c", "print(1)").stderr == ""


@pytest.mark.skipif(os.name != "posix", reason="removes files that are open")
def test_run_whose_workspace_was_removed_is_not_reported_as_empty(cli: Cli) -> None:
    done = cli("run", "--name", "r", "--project", "p", "--", "rm", "-r", ".contexta")
    assert done.stderr.splitlines()[-2] == "recorded as p.r (its journal was removed: its content is unknown)"


def test_recorder_and_queries_find_the_workspace_above_and_git_ignores_it(tmp_path: Path, cli: Cli) -> None:
    assert cli("run", "--quiet", "--name", "above", "--", "true").returncode == 0
    below = tmp_path / "src" / "model"
    below.mkdir(parents=True)
    contexta = [sys.executable, "-I", "-m", "contexta.cli"]
    subprocess.run([*contexta, "run", "--quiet", "--name", "below", "--", "true"], cwd=below, check=True)
    subprocess.run([sys.executable, "-c", "import contexta; contexta.init(name='inside')"], cwd=below, check=True)
    listed = subprocess.run([*contexta, "runs"], cwd=below, check=True, capture_output=True, text=True).stdout
    assert not (below / ".contexta").exists()
    project = tmp_path.name.replace("_", "-").strip("-")
    assert [f"{project}.{name} " in listed for name in ("above", "below", "inside")] == [True] * 3
    assert (tmp_path / ".contexta" / ".gitignore").read_text() == "*\n"


def test_workspace_that_exists_keeps_its_files(tmp_path: Path, cli: Cli) -> None:
    (tmp_path / "data").mkdir()
    assert cli("run", "--quiet", "--workspace", "data", "--", "true").returncode == 0
    assert not (tmp_path / "data" / ".gitignore").exists()
