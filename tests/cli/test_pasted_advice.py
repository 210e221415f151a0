"""Each command that ``contexta why`` and ``contexta bisect`` print works when it is pasted into a shell."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.builders import Cli, put_run
from support.tiny_index import PYTHON, make_wheel, only_index

from contexta import Contexta
from contexta.analysis.commands.install_commands import install_commands
from contexta.reproduce.environment_manager import directory_installation
from contexta.reproduce.uv.commands import find_uv

PATTERN = r"(?P<name>score) is (?P<loss>[0-9.]+)( \(final\))?"
TRAIN = "import argparse, culprit\nparser = argparse.ArgumentParser()\nparser.add_argument('--seed', type=int)\n" + (
    "seed = parser.parse_args().seed\nprint('score is %g (final)' % (0.1 + culprit.worse + seed / 1000))\n"
)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    index = tmp_path.parent / f"{tmp_path.name}-index"
    only_index(monkeypatch, index, tmp_path.parent / f"{tmp_path.name}-cache")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(index))
    tools = tmp_path.parent / f"{tmp_path.name}-bin"
    tools.mkdir()
    (tools / "contexta").write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m contexta.cli "$@"\n')
    (tools / "contexta").chmod(0o755)
    (tools / "uv").symlink_to(find_uv().path)
    monkeypatch.setenv("PATH", os.pathsep.join([str(tools), "/usr/bin", "/bin"]))
    for version, worse in (("1.0", "0"), ("2.0", "0.5")):  # of different sizes: bytecode is found by size and second
        make_wheel(index, "culprit", version, f"worse = {worse}")
        make_wheel(index, "innocent", version)
    (tmp_path / "my train.py").write_text(TRAIN)
    return tmp_path


def paste(line: str, folder: Path) -> str:
    done = subprocess.run(["sh", "-c", line], cwd=folder, capture_output=True, text=True, timeout=240, check=False)
    assert "Traceback" not in done.stderr, done.stderr
    assert "not found" not in done.stderr, done.stderr
    return done.stdout + done.stderr


def versions(environment: Path) -> dict[str, str]:
    held = find_uv().installed(environment)
    return {name: held[name] for name in ("culprit", "innocent") if name in held}


def recorded_in(cli: Cli, environment: Path, upgrade: Callable[[str], object]) -> None:
    """Two runs of one environment, before and after its upgrade."""
    for name, version in (("old", "1.0"), ("new", "2.0")):
        upgrade(version)
        python = str(environment / "bin" / "python")
        train = (python, "my train.py", "--seed", "1")
        done = cli("run", "--name", name, "--project", "p", "--metrics-from-stdout", PATTERN, "--", *train)
        assert done.returncode == 0, done.stderr


def steps(cli: Cli) -> dict[str, dict[str, Any]]:
    """The commands of ``why`` by the first words of their purpose."""
    report = json.loads(cli("why", "old", "new", "--json").stdout)
    return {item["purpose"].partition(" ")[0]: item for item in report["next"]}


def losses(project: Path) -> dict[str, list[tuple[str, float]]]:
    """The runs of each set of packages: (name, loss), the oldest first."""
    result: dict[str, list[tuple[str, float]]] = {}
    with Contexta(workspace=project / ".contexta") as ctx:
        for run in reversed(ctx.list_runs()):
            packages = ctx.get_environment(str(run.run_ref)).packages
            key = f"{packages['culprit']} {packages['innocent']}"
            result.setdefault(key, []).append((run.name, round(float(run.metrics["loss"]), 4)))
    return result


@pytest.mark.slow
def test_advice_for_an_environment_made_by_uv_works_when_pasted(cli: Cli, project: Path) -> None:
    environment = project / "my env"
    find_uv().create(PYTHON, environment)
    recorded_in(
        cli, environment, lambda version: find_uv().install(environment, {"culprit": version, "innocent": version})
    )
    answer = steps(cli)
    paste(answer["test"]["command"], project)
    after = losses(project)
    (first,) = {*after} - {"1.0 1.0", "2.0 2.0"}
    assert [value for _, value in after[first]] in ([0.101], [0.601])  # at the recorded seed
    assert versions(environment) == {"culprit": "2.0", "innocent": "2.0"}
    paste(answer["or"]["command"], project)
    assert versions(environment) == {"culprit": "1.0", "innocent": "1.0"}

    paste(answer["measure"]["command"], project)
    after = losses(project)
    assert answer["measure"]["runs"] == 4
    assert [value for _, value in after["1.0 1.0"]] == [0.101, 0.102, 0.103]
    assert [value for _, value in after["2.0 2.0"]] == [0.601, 0.602, 0.603]
    shift = json.loads(cli("why", "old", "new", "--json").stdout)["metric"]
    assert (len(shift["old"]["values"]), len(shift["new"]["values"])) == (3, 3)  # they count as repeats


@pytest.mark.slow
def test_the_bisect_that_why_suggests_reads_the_metric_and_sets_the_seed(cli: Cli, project: Path) -> None:
    environment = project / "env"
    find_uv().create(PYTHON, environment)
    recorded_in(
        cli, environment, lambda version: find_uv().install(environment, {"culprit": version, "innocent": version})
    )
    command = steps(cli)["prove"]["command"]
    assert "--seed-arg '--seed {seed}'" in command
    report = json.loads(
        paste(f"{command.replace('contexta bisect', 'contexta bisect --json', 1)} 2>/dev/null", project)
    )
    assert (report["verdict"], report["culprits"], report["metric"]) == ("proved", ["culprit"], "loss")
    assert len({trial["value"] for trial in report["trials"]}) > 2  # the seed reaches the training
    paste(report["next"][0], project)
    assert versions(environment)["culprit"] == "1.0"
    assert versions(environment)["innocent"] == "2.0"


@pytest.mark.slow
def test_advice_for_a_project_of_uv_changes_the_project(cli: Cli, project: Path) -> None:
    (project / "pyproject.toml").write_text(
        '[project]\nname = "mine"\nversion = "0"\nrequires-python = ">=3.10"\ndependencies = ["culprit", "innocent"]\n'
    )

    def upgrade(version: str) -> None:
        paste(f"uv add -q --python {PYTHON} culprit=={version} innocent=={version}", project)

    recorded_in(cli, project / ".venv", upgrade)
    answer = steps(cli)
    assert answer["or"]["command"] == "uv add culprit==1.0 innocent==1.0"
    paste(answer["or"]["command"], project)
    assert versions(project / ".venv") == {"culprit": "1.0", "innocent": "1.0"}
    assert '"culprit==1.0"' in (project / "pyproject.toml").read_text()


@pytest.mark.slow
def test_advice_for_a_plain_virtual_environment_uses_its_own_pip(cli: Cli, project: Path) -> None:
    environment = project / "venv"
    subprocess.run([PYTHON, "-m", "venv", str(environment)], check=True, capture_output=True)

    def upgrade(version: str) -> None:
        paste(f"{environment}/bin/python -m pip install -q culprit=={version} innocent=={version}", project)

    recorded_in(cli, environment, upgrade)
    answer = steps(cli)
    assert answer["or"]["command"].startswith(f"{environment}/bin/python -m pip install ")
    paste(answer["or"]["command"], project)
    assert versions(environment) == {"culprit": "1.0", "innocent": "1.0"}


@pytest.mark.slow
def test_advice_of_a_bisect_of_files_is_for_the_activated_environment(
    cli: Cli, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (project / "old.txt").write_text("culprit==1.0\n")
    (project / "new.txt").write_text("culprit==2.0\n")
    find_uv().create(PYTHON, project / "active")
    monkeypatch.setenv("VIRTUAL_ENV", str(project / "active"))
    (project / "train.py").write_text("import culprit\nprint('accuracy=%g' % (0.9 - culprit.worse))\n")
    done = cli("bisect", "old.txt", "new.txt", "--metric", "accuracy", "--python", PYTHON, "--no-versions", "--json",
               "--", "python", "train.py")  # fmt: skip
    (line,) = json.loads(done.stdout)["next"]
    paste(line, project)
    assert versions(project / "active") == {"culprit": "1.0"}


# ------------------------------------------------------------------------------------ tools that are not here


def a_tool(project: Path, name: str) -> None:
    """A program that writes down how it was called."""
    path = project.parent / f"{project.name}-bin" / name
    path.write_text(f'#!/bin/sh\nprintf "%s|" {name} "$PWD" "$@" >> {shlex.quote(str(project / "calls"))}\n')
    path.chmod(0o755)


def an_environment(prefix: Path, installer: str = "pip", *, uv: bool = False) -> Path:
    """The files by which tools recognise an environment."""
    site = prefix / "lib" / "python3.12" / "site-packages"
    (site / "innocent-2.0.dist-info").mkdir(parents=True)
    (site / "innocent-2.0.dist-info" / "INSTALLER").write_text(f"{installer}\n")
    (site / "pip").mkdir()
    (prefix / "bin").mkdir()
    (prefix / "bin" / "python").symlink_to(PYTHON)
    (prefix / "pyvenv.cfg").write_text("uv = 0.11\n" if uv else "home = /usr/bin\n")
    return prefix


@pytest.mark.parametrize(
    ("lock", "installer", "tool", "call"),
    [
        ("poetry.lock", "Poetry 1.8.2", "poetry", "poetry|{here}|--directory|{project}|add|culprit==1.0|"),
        ("pdm.lock", "pdm", "pdm", "pdm|{here}|add|--project|{project}|culprit==1.0|"),
        ("Pipfile", "pip", "pipenv", "pipenv|{project}|install|culprit==1.0|"),
    ],
)
def test_advice_uses_the_tool_of_a_project(project: Path, lock: str, installer: str, tool: str, call: str) -> None:
    of = project / "a project"
    of.mkdir()
    (of / lock).write_text("")
    (of / "pyproject.toml").write_text('[project]\ndependencies = ["culprit"]\n')
    result = directory_installation(an_environment(of / ".venv", installer))
    assert result is not None
    assert result.tool == tool
    a_tool(project, tool)
    (line,) = install_commands(result, {"culprit": "1.0"})
    paste(line, project)
    assert (project / "calls").read_text() == call.format(here=project, project=of)


def test_advice_for_conda_uses_conda_for_its_own_packages_and_pip_for_the_others(project: Path) -> None:
    prefix = an_environment(project / "my conda")
    (prefix / "conda-meta").mkdir()
    (prefix / "conda-meta" / "pytorch-2.1.0-py312_0.json").write_text("{}")
    a_tool(project, "conda")
    result = directory_installation(prefix)
    assert result is not None
    for line in install_commands(result, {"pytorch": "2.0.0", "culprit": "1.0", "gone": None}):
        if line.startswith("conda"):
            paste(line, project)
        else:
            assert line.startswith(f"'{prefix}/bin/python' -m pip ")
    assert (project / "calls").read_text() == f"conda|{project}|install|--yes|-p|{prefix}|pytorch==2.0.0|"


def test_advice_for_pixi_changes_its_manifest(project: Path) -> None:
    prefix = an_environment(project / ".pixi" / "envs" / "default")
    (prefix / "conda-meta").mkdir()
    (prefix / "conda-meta" / "numpy-2.0-h1_0.json").write_text("{}")
    (project / "pixi.toml").write_text("")
    a_tool(project, "pixi")
    result = directory_installation(prefix)
    assert result is not None
    for line in install_commands(result, {"numpy": "1.26.4", "culprit": "1.0"}):
        paste(line, project)
    manifest = f"--manifest-path|{project}/pixi.toml"
    start = f"pixi|{project}|add"
    assert (
        project / "calls"
    ).read_text() == f"{start}|{manifest}|numpy==1.26.4|{start}|--pypi|{manifest}|culprit==1.0|"


def test_recorded_text_is_data_in_every_command(cli: Cli, project: Path) -> None:
    evil = "; touch broken; echo $(touch broken) `touch broken` 'x"
    with Contexta(workspace=project / ".contexta") as ctx:
        for name, value, commit in (("old", 0.9, f"{evil}1"), ("new", 0.4, f"{evil}2"), ("next", 0.4, f"{evil}1")):
            packages = {"culprit": evil if name == "old" else "2.0", "innocent": "1.0" if name == "old" else evil}
            put_run(
                ctx,
                name,
                metrics={"accuracy": value},
                environment={"packages": packages},
                metadata={
                    "command": ["echo", evil, "--seed", "3"],
                    "source": {"commit": commit},
                    "metrics_from_stdout": f"(?P<accuracy>.){evil}",
                },
            )
    report = [step for new in ("new", "next") for step in json.loads(cli("why", "old", new, "--json").stdout)["next"]]
    assert {item["purpose"].partition(" ")[0] for item in report} == {"prove", "measure", "test", "show", "or"}
    for name in ("contexta", "python", "git"):
        a_tool(project, name)
    for step in report:
        paste(step["command"].replace("[--lower-is-better]", ""), project)
        assert not (project / "broken").exists(), step["command"]
