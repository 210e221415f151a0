"""Real shells complete commands, options, choices and runs with the script that `contexta completion` prints."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from support.builders import Cli, put_run

from contexta import Contexta

BASH = """
{script}
COMP_WORDS=({words}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))
{call}
printf '%s\\n' "${{COMPREPLY[@]}}"
"""
CALLS = {"bash": "_contexta", "zsh": "setopt ksharrays shwordsplit; COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _contexta"}


def completed(shell: str, cli: Cli, tmp_path: Path, line: str) -> list[str]:
    """What the shell offers behind a command line. A line that ends with a space begins a new word."""
    if shutil.which(shell) is None:
        pytest.skip(f"no {shell} here")
    script = cli("completion", shell)
    assert (script.returncode, script.stderr) == (0, "")
    on_path = tmp_path / "bin" / "contexta"
    on_path.parent.mkdir(exist_ok=True)
    on_path.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m contexta.cli "$@"\n')
    on_path.chmod(0o755)
    if shell == "fish":
        program = f"{script.stdout}\ncomplete -C {shlex.quote(line)}"
    else:
        words = " ".join([*map(shlex.quote, line.split()), *(["''"] if line.endswith(" ") else [])])
        program = BASH.format(script=script.stdout, words=words, call=CALLS[shell])
    variables = {**os.environ, "PATH": f"{on_path.parent}{os.pathsep}{os.environ['PATH']}", "HOME": str(tmp_path)}
    command = [
        shell,
        *(["-f"] if shell == "zsh" else ["--norc"] if shell == "bash" else ["--no-config"]),
        "-c",
        program,
    ]
    done = subprocess.run(command, cwd=tmp_path, env=variables, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    offered = [line.partition("\t")[0] for line in done.stdout.splitlines() if line]
    if shell == "zsh":  # which chooses those that match by itself
        offered = [word for word in offered if word.startswith(line.rpartition(" ")[2])]
    return offered


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_completes_commands_options_choices_and_runs(
    shell: str, cli: Cli, ctx: Contexta, tmp_path: Path
) -> None:
    put_run(ctx, "march", project="churn")
    put_run(ctx, "april", project="churn")
    assert {"reconstruct", "rebuild", "rename"} <= {*completed(shell, cli, tmp_path, "contexta re")}
    assert completed(shell, cli, tmp_path, "contexta bisect --no-ea") == ["--no-early"]
    assert {"wandb", "mlflow"} <= {*completed(shell, cli, tmp_path, "contexta import --from ")}
    assert {*completed(shell, cli, tmp_path, "contexta diff churn.")} == {"churn.april", "churn.march"}
    assert completed(shell, cli, tmp_path, "contexta completion z") == ["zsh"]


def test_names_of_runs_are_empty_where_nothing_is_recorded(cli: Cli) -> None:
    done = cli("completion", "--runs")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_shell_is_named(cli: Cli) -> None:
    done = cli("completion")
    assert done.returncode == 2
    assert "name a shell: bash, zsh or fish" in done.stderr
