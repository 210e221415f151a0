"""``contexta run`` records the files that a program reads, without code in the program."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from support.builders import Cli
from support.pythons import every_python

PROGRAM = """
import atexit, json, os, pathlib
open("data/train.csv").read()
open("data/train.csv").read()
pathlib.Path("data/test.csv").read_bytes()
json.load(open("../elsewhere/c.json"))
open("../elsewhere/other.csv").read()
open("made.csv", "w").write("1")
open("made.csv").read()
open(".hidden.csv").read()
open("lib/site-packages/table.csv").read()
import helper
try:
    open("missing.csv")
except OSError:
    pass
os.close(os.open("data/raw.bin", os.O_RDONLY))
os.chdir("data")
open("late.csv").read()
atexit.register(lambda: open("at_exit.csv").read())
"""
DETECTED = {"data/train.csv", "data/test.csv", "data/raw.bin", "data/late.csv", "data/at_exit.csv"}


def inputs(cli: Cli, name: str = "@latest") -> dict[str, dict[str, Any]]:
    artifacts = json.loads(cli("show", name, "--json").stdout)["artifacts"]
    return {artifact["name"]: artifact for artifact in artifacts if artifact["kind"] == "input"}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for folder in ("data", "lib/site-packages"):
        (tmp_path / folder).mkdir(parents=True)
    elsewhere = tmp_path.parent / "elsewhere"
    elsewhere.mkdir(exist_ok=True)
    files = [*(tmp_path / name for name in DETECTED), tmp_path / ".hidden.csv", elsewhere / "other.csv"]
    for path in [*files, tmp_path / "lib/site-packages/table.csv"]:
        path.write_text(path.name)
    (elsewhere / "c.json").write_text("[1]")
    (tmp_path / "helper.py").write_text("x = 1\n")
    (tmp_path / "train.py").write_text(PROGRAM)
    return tmp_path


@pytest.mark.parametrize("python", every_python())
def test_files_in_the_project_and_on_the_command_line_are_inputs_in_every_python(
    cli: Cli, project: Path, python: str
) -> None:
    done = cli("run", "--quiet", "--name", "r", "--", python, "train.py", "--config", "../elsewhere/c.json")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    result = inputs(cli)
    assert set(result) == DETECTED | {str(project.parent / "elsewhere" / "c.json")}
    assert all(
        result[name]["digest"].startswith("sha256:") and result[name]["attributes"]["detected"] for name in result
    )
    assert " detected " in cli("show", "r").stdout
    assert not list((project / ".contexta" / "journal").glob(".*.opened"))


def test_changed_input_is_a_difference_between_runs(cli: Cli, project: Path) -> None:
    (project / "train.py").write_text("open('data/train.csv').read()")
    for name in ("old", "new"):
        (project / "data/train.csv").write_text(name)
        assert cli("run", "--quiet", "--name", name, "--", sys.executable, "train.py").returncode == 0
    assert "data/train.csv" in cli("diff", "old", "new").stdout


def test_input_that_the_program_names_is_not_recorded_twice(cli: Cli, project: Path) -> None:
    (project / "train.py").write_text(
        "import contexta\n"
        "open('data/train.csv').read()\n"
        "run = contexta.init()\n"
        "run.input('training data', 'data/train.csv')\n"
        "open('data/test.csv').read()\n"
    )
    assert cli("run", "--quiet", "--", sys.executable, "train.py").returncode == 0
    assert {name: "detected" in artifact["attributes"] for name, artifact in inputs(cli).items()} == {
        "training data": False,
        "data/test.csv": True,
    }


def test_no_input_is_detected_where_the_user_switched_that_off(cli: Cli, project: Path) -> None:
    done = cli("run", "--quiet", "--no-detect-inputs", "--", sys.executable, "train.py", "../elsewhere/c.json")
    assert done.returncode == 0
    assert inputs(cli) == {}


def test_many_files_and_files_that_change_are_notes(cli: Cli, project: Path) -> None:
    (project / "train.py").write_text(
        "import os\n"
        "for number in range(250):\n"
        "    name = f'data/{number}.csv'\n"
        "    os.close(os.open(name, os.O_WRONLY | os.O_CREAT)) if number else None\n"
        "    os.rename(name, name + '.in') if number else None\n"
        "    open(name + '.in').read() if number else None\n"
        "open('data/train.csv').read()\n"
        "open('data/train.csv', 'a').write('more')\n"
    )
    assert cli("run", "--quiet", "--", sys.executable, "train.py").returncode == 0
    notes = [note["text"] for note in json.loads(cli("show", "@latest", "--json").stdout)["notes"]]
    assert len(inputs(cli)) <= 200
    assert any(text.startswith("only 200 of the opened files are recorded") for text in notes)
