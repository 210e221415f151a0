"""Studies whose command uses a launcher that may have its own environment."""

from __future__ import annotations

import json
import os
import shlex
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from support.builders import Cli
from support.tiny_index import PYTHON, make_wheel, only_index

from contexta.reproduce.uv.commands import find_uv, python_in

pytestmark = pytest.mark.skipif(os.name == "nt", reason="shell scripts")
ASKED = ("bisect", "old.txt", "new.txt", "--metric", "accuracy", "--no-versions", "--python", PYTHON, "--json")
TRAIN = "import culprit\nprint('accuracy=%g' % (0.9 - culprit.worse))\n"
PROJECT = """
[project]
name = "training"
version = "1"
requires-python = ">=3.8"
dependencies = ["culprit==1.0"]
"""


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """An index, Contexta's cache, and an environment that has the old packages, whatever a trial is to have."""
    at = tmp_path_factory.mktemp("launchers")
    with pytest.MonkeyPatch.context() as patch:
        only_index(patch, at / "index", at / "uv-cache")
        for version, worse in (("1.0", 0.0), ("2.0", 0.5)):
            code = f"worse = {worse}\ndef main():\n    print('accuracy=%g' % (0.9 - worse))"
            make_wheel(at / "index", "culprit", version, code, scripts={"train-it": "culprit:main"})
            make_wheel(at / "index", "innocent", version)
        uv = find_uv()
        uv.create(PYTHON, at / "elsewhere")
        uv.install(at / "elsewhere", {"culprit": "1.0", "innocent": "1.0"}, compile_bytecode=False)
        yield at


@pytest.fixture
def project(shared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A true regression by ``culprit``. ELSEWHERE names the interpreter of the other environment."""
    only_index(monkeypatch, shared / "index", shared / "uv-cache")
    monkeypatch.setenv("CONTEXTA_CACHE_DIR", str(shared / "cache"))
    monkeypatch.setenv("ELSEWHERE", str(python_in(shared / "elsewhere")))
    (tmp_path / "old.txt").write_text("culprit==1.0\ninnocent==1.0\n")
    (tmp_path / "new.txt").write_text("culprit==2.0\ninnocent==2.0\n")
    (tmp_path / "train.py").write_text(TRAIN)
    return tmp_path


def study(cli: Cli, command: str, env: Mapping[str, str] | None = None) -> Any:
    """The report of a study."""
    done = cli(*ASKED, "--", *shlex.split(command), env=dict(env or {}))
    assert "Traceback" not in done.stderr, done.stderr
    assert done.stdout, done.stderr
    return json.loads(done.stdout)


@pytest.mark.slow
def test_a_trial_seen_from_inside_says_so(cli: Cli, project: Path) -> None:
    report = study(cli, "python train.py")
    assert (report["verdict"], report["confirmed"], report["command_given"]) == ("proved", "inside", None)
    assert {trial["confirmed"] for trial in report["trials"]} == {"inside"}
    assert {fact["confirmed"] for fact in report["proof"]} == {"inside"}


def test_a_command_that_certainly_runs_elsewhere_is_refused_before_a_build(cli: Cli, project: Path) -> None:
    (project / "train.sh").write_text("set -e\nuv run train.py\n")
    done = cli(*ASKED, "--", "bash", "train.sh")
    assert done.returncode == 2
    assert "train.sh line 2 runs `uv run`" in done.stderr
    assert json.loads(done.stderr)["hint"].startswith("write python there (or `uv run --active --no-sync`)")
    judged = cli(*ASKED[:3], "--python", PYTHON, "--judge", "tox -e check", "--", "python", "train.py")
    assert (judged.returncode, "tox creates its own environments" in judged.stderr) == (2, True)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("command", "runs"),
    [("uv run train.py", "python train.py"), ("$ELSEWHERE train.py", "python train.py"), ("TRAIN-IT", "train-it")],
)
def test_a_command_without_its_launcher_proves_the_true_cause_and_is_noted(
    cli: Cli, project: Path, command: str, runs: str
) -> None:
    elsewhere = os.environ["ELSEWHERE"]
    values = command.replace("$ELSEWHERE", elsewhere).replace("TRAIN-IT", str(Path(elsewhere).with_name("train-it")))
    report = study(cli, values)
    assert (report["verdict"], report["culprits"], report["confirmed"]) == ("proved", ["culprit"], "inside")
    assert (" ".join(report["command"]), " ".join(report["command_given"])) == (runs, values)
    if elsewhere in values.split():
        assert f"-p {Path(elsewhere).parent.parent} " in report["next"][0], "that is what the user runs"
    assert "original command" in cli("bisect", "--show", "--markdown").stdout
    assert any("environment" in note and ("of the command" in note or "runs" in note) for note in report["notes"])


UNRECOGNISED = {
    "a launcher that starts the interpreter of another environment": (
        "python launch",
        "import os, subprocess\nsubprocess.run([os.environ['ELSEWHERE'], 'train.py'], check=True)\n",
    ),
    "one that does so without variables": (
        "python launch",
        "import os, subprocess\nsubprocess.run([os.environ['ELSEWHERE'], 'train.py'], check=True, env={})\n",
    ),
    "one whose interpreter is isolated": (
        "python launch",
        "import os, subprocess\nsubprocess.run([os.environ['ELSEWHERE'], '-I', 'train.py'], check=True)\n",
    ),
    "one that becomes another interpreter": (
        "python launch",
        "import os\nos.execv(os.environ['ELSEWHERE'], [os.environ['ELSEWHERE'], 'train.py'])\n",
    ),
    "one whose workers have another interpreter": (
        "python launch",
        "import multiprocessing as m, os, runpy\n"
        "if __name__ == '__main__':\n"
        "    m.set_executable(os.environ['ELSEWHERE'])\n"
        "    with m.get_context('spawn').Pool(1) as pool:\n"
        "        print('accuracy=%g' % pool.apply(eval, ('0.9 - __import__(\"culprit\").worse',)))\n",
    ),
    "a shell script that computes the interpreter": ("bash launch", '"$ELSEWHERE" train.py\n'),
    "a shell script that puts another environment first": (
        "bash launch",
        'export PATH="$(dirname "$ELSEWHERE"):$PATH"\npython train.py\n',
    ),
    "a pipe into another interpreter": ("bash launch", 'cat train.py | "$ELSEWHERE" -\n'),
    "the path of the project": ("bash launch", '"$ELSEWHERE" "$PROJECT"/train.py\n'),
    "code on the command line": ("bash launch", '"$ELSEWHERE" -c "$(cat train.py)"\n'),
    "a shell script that clears the variables": ("bash launch", 'env -i "$ELSEWHERE" -c "$(cat train.py)"\n'),
    "a training that is not seen behind a preparation that is": (
        "bash launch",
        'python -c "print(1)"; env -u PYTHONPATH "$ELSEWHERE" train.py\n',
    ),
    "a module that another interpreter runs, as kernels of notebooks are": (
        "python launch",
        "import os, subprocess\nsubprocess.run([os.environ['ELSEWHERE'], '-m', 'train'], check=True)\n",
    ),
    "a shell script that replaces the path of modules": (
        "bash launch",
        'PYTHONPATH=src "$ELSEWHERE" train.py\n',
    ),
    "an isolated interpreter behind a launcher and a shell": (
        "python launch",
        "import subprocess\nsubprocess.run(['sh', '-c', '\"$ELSEWHERE\" -I train.py'], check=True)\n",
    ),
    "packages from another directory": (
        "python launch",
        "import os, sys\nsys.path.insert(0, os.environ['PACKAGES'])\nimport culprit\nprint('accuracy=0.9')\n",
    ),
    "packages that the training installs itself": (
        "bash launch",
        'uv pip install --quiet --python "$VIRTUAL_ENV" culprit==1.0 innocent==1.0\npython train.py\n',
    ),
    "packages that are installed after the start": (
        "python launch",
        "import os, subprocess, culprit\nprint('accuracy=%g' % (0.9 - culprit.worse))\n"
        "installs = ['uv', 'pip', 'install', '-q', '-p', os.environ['VIRTUAL_ENV'], 'innocent==3.0']\n"
        "subprocess.run(installs, check=True)\n",
    ),
    "a tool with an environment of its own": ("in-its-own python train.py", ""),
    "real uv behind a variable": ("bash launch", "UV=uv\n$UV run python train.py\n"),
}


@pytest.mark.slow
@pytest.mark.parametrize("kind", UNRECOGNISED)
def test_what_ran_elsewhere_ends_the_study_at_once_with_what_was_seen(
    cli: Cli, project: Path, shared: Path, kind: str
) -> None:
    command, text = UNRECOGNISED[kind]
    (project / "launch").write_text(text)
    (project / "pyproject.toml").write_text(PROJECT)
    make_wheel(shared / "index", "innocent", "3.0")
    packages, tools = project.with_name(f"{project.name}-packages"), project.with_name(f"{project.name}-tools")
    for folder, name, content in (
        (packages, "culprit.py", "worse = 0.0\n"),
        (tools, "in-its-own", '#!/bin/sh\nshift\nexec "$ELSEWHERE" "$@"\n'),
    ):
        folder.mkdir()
        (folder / name).write_text(content)
        (folder / name).chmod((folder / name).stat().st_mode | stat.S_IXUSR)
    report = study(
        cli,
        command,
        {"PACKAGES": str(packages), "PROJECT": str(project), "PATH": f"{tools}{os.pathsep}{os.environ['PATH']}"},
    )
    assert report["verdict"] == "undecided", report["why"]
    assert "did not run in its environment" in report["why"]
    assert report["runs"] <= 2, "nothing is to be learned from further trials"
    assert any("-- python train.py" in line for line in report["next"])
    last = report["trials"][-1]
    assert (last["confirmed"], last["value"]) == ("no", None)


UNSEEN = {
    "isolated and without variables": "env -i python -I train.py",
    "without variables": "env -i python train.py",
    "no Python": "sh -c 'echo accuracy=0.$((9 - 5 * $(grep -c 0.5 \"$VIRTUAL_ENV\"/lib/python*/*/culprit.py)))'",
}


@pytest.mark.slow
@pytest.mark.parametrize("kind", UNSEEN)
def test_what_the_recorder_cannot_enter_counts_and_the_proof_says_so(cli: Cli, project: Path, kind: str) -> None:
    report = study(cli, UNSEEN[kind])
    assert (report["verdict"], report["culprits"], report["confirmed"]) == ("proved", ["culprit"], "outside"), report[
        "why"
    ]
    assert all(fact["confirmed"] == "outside" for fact in report["proof"])
    assert any("confirmed from outside only" in note for note in report["notes"])
    screen = cli("bisect", "--show").stdout
    fact = next(line for line in screen.splitlines() if "OLD is good" in line)
    assert "0.9, 0.9, 0.9, 0.9" in fact
    assert "confirmed from outside only" in fact
    page = project / "page.html"
    markdown = cli("bisect", "--show", "--markdown", "--html", str(page)).stdout
    assert "confirmed from outside only" in markdown
    assert "confirmed from outside only" in page.read_text()


@pytest.mark.slow
@pytest.mark.parametrize(
    "command",
    [
        'python -S -c \'import sys; sys.path.append("{elsewhere}"); exec(open("train.py").read())\'',
        "env -i PYTHONPATH={elsewhere} python train.py",
        "cat result",
    ],
)
def test_equal_values_of_what_the_recorder_cannot_enter_do_not_exonerate_the_environment(
    cli: Cli, project: Path, command: str
) -> None:
    (project / "result").write_text("accuracy=0.4\n")
    elsewhere = project.with_name(f"{project.name}-elsewhere")
    elsewhere.mkdir()
    (elsewhere / "culprit.py").write_text("worse = 0.0\n")
    report = study(cli, command.replace("{elsewhere}", str(elsewhere)))
    assert (report["verdict"], report["confirmed"]) == ("undecided", "outside")
    assert "saw no Python that trained in these environments" in report["why"]
    assert report["next"][0].endswith("as in: -- python train.py")


@pytest.mark.slow
def test_a_variable_that_a_launcher_overrides_is_no_change_that_was_tried(cli: Cli, project: Path) -> None:
    (project / "train.py").write_text("import os\nprint('accuracy=%s' % os.environ['LEVEL'])\n")
    (project / "launch").write_text("export LEVEL=0.9\npython train.py\n")
    arguments = ("bisect", "old.txt", "old.txt", "--metric", "accuracy", "--python", PYTHON, "--json")
    changed = (*arguments, "--old-env", "LEVEL=0.9", "--new-env", "LEVEL=0.4")
    report = json.loads(cli(*changed, "--", "bash", "launch").stdout)
    assert report["verdict"] == "undecided"
    assert "launch" not in report["culprits"]
    assert "ran with the variable LEVEL '0.9', which should be '0.4'" in report["why"]
    report = json.loads(cli(*changed, "--", "python", "train.py").stdout)
    assert (report["verdict"], report["culprits"]) == ("proved", ["env:LEVEL"])


@pytest.mark.slow
def test_a_tool_of_another_environment_during_the_training_is_harmless(
    cli: Cli, project: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    tool = tmp_path_factory.mktemp("tools") / "fetch-data"
    tool.write_text(f"#!{os.environ['ELSEWHERE']}\nimport json\n")
    tool.chmod(0o755)
    (project / "launch").write_text(f"{tool} --all\npython train.py\n")
    report = study(cli, "bash launch")
    assert (report["verdict"], report["culprits"], report["confirmed"]) == ("proved", ["culprit"], "inside")


@pytest.mark.slow
@pytest.mark.parametrize("options", [("--in-place",), ("--jobs", "2")])
def test_trials_in_place_and_in_parallel_are_also_compared(cli: Cli, project: Path, options: tuple[str, ...]) -> None:
    (project / "launch").write_text('"$ELSEWHERE" train.py\n')
    report = json.loads(cli(*ASKED, *options, "--", "bash", "launch").stdout)
    assert (report["verdict"], report["trials"][-1]["confirmed"]) == ("undecided", "no")
    report = json.loads(cli(*ASKED, *options, "--", "python", "train.py").stdout)
    assert (report["verdict"], report["culprits"], report["confirmed"]) == ("proved", ["culprit"], "inside")


@pytest.mark.slow
def test_a_judge_that_runs_elsewhere_judges_nothing(cli: Cli, project: Path) -> None:
    (project / "judge").write_text('"$ELSEWHERE" check.py\n')
    (project / "check.py").write_text("import culprit\nraise SystemExit(culprit.worse > 0)\n")
    arguments = ("bisect", "old.txt", "new.txt", "--no-versions", "--python", PYTHON, "--json")
    report = json.loads(cli(*arguments, "--judge", "bash judge", "--", "python", "train.py").stdout)
    assert report["verdict"] == "undecided"
    assert "check.py ran on the Python" in report["why"]
    report = json.loads(cli(*arguments, "--judge", "python check.py", "--", "python", "train.py").stdout)
    assert (report["verdict"], report["culprits"], report["confirmed"]) == ("proved", ["culprit"], "inside")


@pytest.mark.slow
def test_trials_of_a_version_that_did_not_compare_run_again(cli: Cli, project: Path) -> None:
    first = study(cli, "python train.py")
    records = project / ".contexta" / "bisect"
    journals = [journal for journal in (records / "journal").glob("*.jsonl") if "trial" in journal.read_text()]
    for journal in journals:
        journal.write_text(journal.read_text().replace('"confirmed":"inside",', ""))
    assert len(journals) >= first["runs"]
    done = cli(*ASKED, "--", "python", "train.py")
    assert "reused" not in done.stderr
    again = json.loads(done.stdout)
    assert (again["verdict"], again["confirmed"]) == ("proved", "inside")
    assert not {trial["run"] for trial in first["trials"]} & {trial["run"] for trial in again["trials"]}
    done = cli(*ASKED, "--", "python", "train.py")
    assert done.stderr.count("  reused") == again["runs"]
    assert json.loads(done.stdout)["confirmed"] == "inside"


@pytest.mark.slow
def test_a_package_that_a_module_of_the_source_hides_is_named(cli: Cli, project: Path) -> None:
    (project / "culprit.py").write_text("worse = 0.2\n")
    report = study(cli, "python train.py")
    assert (report["verdict"], report["confirmed"]) == ("no_regression", "inside")
    assert "modules of the source hid packages of the environments: culprit by culprit.py" in report["notes"]


@pytest.mark.slow
def test_what_the_hint_says_of_uv_runs_in_the_environment_of_each_mix(cli: Cli, project: Path) -> None:
    (project / "pyproject.toml").write_text(PROJECT)
    (project / "train.sh").write_text("uv run --active --no-sync python train.py\n")
    report = study(cli, "bash train.sh")
    assert (report["verdict"], report["culprits"], report["confirmed"]) == ("proved", ["culprit"], "inside"), report[
        "why"
    ]
