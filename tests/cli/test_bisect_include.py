"""``contexta bisect --include``: the source and the parameters of two recorded runs as changes like any other."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.builders import Cli, put_run
from support.tiny_index import PYTHON, make_wheel, only_index
from support.wheels import Venv

from contexta import Contexta
from contexta.reproduce.uv.commands import find_uv

FOUND = ("--metrics-from-stdout", r"accuracy=(?P<accuracy>\S+)")
TRAIN = """
import argparse, os, contexta
from worse import worse
parser = argparse.ArgumentParser()
parser.add_argument("--lr", type=float, default=0.1)
parser.add_argument("--augment", action="store_true")
given = parser.parse_args()
contexta.init(config=vars(given))
data = float(open("data/x.csv").read())
print("accuracy=%g" % (data - worse(given) + int(os.environ.get("SEED", 0)) / 1000))
"""
BACKEND = """
import zipfile
def build_wheel(folder, *_):
    name, info = "mine-1.0-py3-none-any.whl", "mine-1.0.dist-info"
    with zipfile.ZipFile(f"{folder}/{name}", "w") as wheel:
        wheel.write("src/mine.py", "mine.py")
        wheel.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\\nName: mine\\nVersion: 1.0\\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
        wheel.writestr(f"{info}/RECORD", "".join(f"{name},,\\n" for name in [*wheel.namelist(), f"{info}/RECORD"]))
    return name
"""
WORSE = "def worse(given): return {}\n"
COMMAND = ("--metric", "accuracy", "--no-versions", "--json", "--", "python", "train.py")
Train = Callable[..., None]


@pytest.fixture
def git(tmp_path: Path) -> Callable[..., str]:
    def run(*arguments: str) -> str:
        name = ["-c", "user.name=x", "-c", "user.email=x@example.org"]
        done = subprocess.run(["git", *name, *arguments], cwd=tmp_path, check=True, capture_output=True, text=True)
        return done.stdout

    return run


@pytest.fixture
def project(tmp_path: Path, git: Callable[..., str], monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository whose data is ignored; an index with a package in two versions that changes nothing."""
    beside = tmp_path.with_name(f"{tmp_path.name}-beside")
    beside.mkdir()
    only_index(monkeypatch, beside / "index", beside / "cache")
    for version in ("1.0", "2.0"):
        make_wheel(beside / "index", "innocent", version)
    monkeypatch.setenv("XDG_STATE_HOME", str(beside / "state"))
    (tmp_path / ".gitignore").write_text("data\n.contexta\n__pycache__\n")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "x.csv").write_text("0.9")
    (tmp_path / "train.py").write_text(TRAIN)
    (tmp_path / "worse.py").write_text(WORSE.format(0))
    git("init", "--quiet")
    git("add", "-A")
    git("commit", "-qm", "one")
    return tmp_path


@pytest.fixture
def train(project: Path, cli: Cli) -> Train:
    """Record a run of the current state. version: of the innocent package."""

    def record(name: str, *options: str, version: str = "1.0", install: str = "", mode: str = "1") -> None:
        beside = project.with_name(f"{project.name}-beside")
        venv = Venv(beside / f"venv-{name}", PYTHON)
        venv.install("--find-links", str(beside / "index"), f"innocent=={version}", *filter(None, [install]))
        command = ("--", str(venv.python), "train.py", *options)
        done = cli("run", "--name", name, *FOUND, *command, env={"OMP_NUM_THREADS": mode})
        assert done.returncode == 0, done.stderr

    return record


def report_of(cli: Cli, *arguments: str) -> dict[str, Any]:
    done = cli("bisect", *arguments)
    assert done.returncode == 0, done.stdout + done.stderr
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def keys(result: dict[str, Any]) -> list[str]:
    return [change["key"] for change in result["changes"]]


@pytest.mark.slow
def test_the_source_is_proved_among_a_package_a_variable_and_parameters_without_effect(
    cli: Cli, project: Path, train: Train, git: Callable[..., str]
) -> None:
    train("old", "--lr", "0.1")
    (project / "worse.py").write_text(WORSE.format(0.1))
    git("commit", "-qam", "two")
    (project / "worse.py").write_text(WORSE.format(0.5))
    train("new", "--lr", "0.2", "--augment", version="2.0", mode="2")
    old, new = git("rev-parse", "HEAD~1", "HEAD").split()
    (project / "worse.py").write_text("the tree of today does not even run")
    before = git("status", "--porcelain")

    report = report_of(cli, "old", "new", "--include", "source,params", *COMMAND)
    assert (report["verdict"], report["culprits"]) == ("proved", ["source"])
    assert keys(report) == ["env:OMP_NUM_THREADS", "innocent", "param:augment", "param:lr", "source"]
    assert {"key": "source", "left_value": old[:12], "right_value": f"{new[:12]} and uncommitted changes"} in report[
        "changes"
    ]
    assert (report["old"]["mean"], report["new"]["mean"]) == (
        pytest.approx(0.9, abs=0.01),
        pytest.approx(0.4, abs=0.01),
    )
    assert report["next"][0] == f"git diff {old[:12]}..{new[:12]}"
    assert (git("status", "--porcelain"), git("worktree", "list").count("\n")) == (before, 1)
    with Contexta(workspace=project / ".contexta" / "bisect") as ctx:
        ran = {run.run_ref.value: run.metadata["trial"]["source"] for run in ctx.list_runs()}
    for trial in report["trials"]:
        assert ran[trial["run"]].startswith(new if "source" in trial["at_new"] else old)

    (project / "worse.py").write_text("what stands here is no part of it")
    again = cli("bisect", "--resume", "--json")
    assert json.loads(again.stdout) == report
    assert again.stderr.count("  reused") == report["runs"]
    (project / "data" / "x.csv").write_text("0.8")
    assert "were changed since this study began" in cli("bisect", "--resume").stderr


@pytest.mark.slow
def test_a_parameter_is_proved_and_what_restores_it_is_a_command(cli: Cli, project: Path, train: Train) -> None:
    (project / "worse.py").write_text("def worse(given): return 0.5 if given.lr > 0.15 else 0.0\n")
    train("old", mode="1")
    train("new", "--lr", "0.2", "--augment", mode="2")
    report = report_of(cli, "old", "new", "--include", "params", *COMMAND, "--augment")
    assert (report["verdict"], report["culprits"]) == ("proved", ["param:lr"])
    assert report["next"] == ["python train.py --augment --lr 0.1  # lr=0.1"]
    assert {"key": "param:lr", "left_value": "0.1", "right_value": "0.2"} in report["changes"]
    screen = cli("bisect", "--show").stdout
    assert "OLD with param:lr at 0.2 is bad" in screen
    assert "proved: param:lr" in cli("bisect", "--show", "--markdown").stdout


@pytest.mark.slow
def test_without_them_the_environment_is_not_the_cause_and_the_report_says_what_would_tell(
    cli: Cli, project: Path, train: Train
) -> None:
    train("old", mode="1")
    (project / "worse.py").write_text("def worse(given): return 0.5 if given.lr > 0.15 else 0.0\n")
    train("new", "--lr", "0.2", mode="2")
    report = report_of(cli, "old", "new", *COMMAND)
    assert report["verdict"] == "no_regression"
    assert keys(report) == ["env:OMP_NUM_THREADS"]
    assert report["next"] == [
        "# the environment is not the cause: look at code, data, parameters, machine",
        "contexta bisect --resume --include source,params  # that differs between the runs, too",
        "contexta diff old new",
    ]


@pytest.mark.slow
def test_what_does_nothing_is_no_regression_and_what_else_differs_is_named(
    cli: Cli, project: Path, train: Train
) -> None:
    train("old", "--lr", "0.1")
    (project / "worse.py").write_text("# another comment\n" + WORSE.format(0))
    train("new", "--lr", "0.2")
    report = report_of(cli, "old", "new", "--include", "source,params", *COMMAND)
    assert (report["verdict"], keys(report)) == ("no_regression", ["param:lr", "source"])
    assert report["next"][0] == "# environment, code and parameters are not the cause: look at data, machine"
    assert not any("--include" in line for line in report["next"])


@pytest.mark.slow
def test_source_and_parameter_that_only_act_together_are_proved_together(cli: Cli, project: Path, train: Train) -> None:
    train("old", "--lr", "0.1")
    (project / "worse.py").write_text("def worse(given): return 0.5 if given.lr > 0.15 else 0.0\n")
    train("new", "--lr", "0.2", version="2.0")
    report = report_of(cli, "old", "new", "--include", "source,params", *COMMAND)
    assert (report["verdict"], report["culprits"]) == ("proved", ["param:lr", "source"])
    assert report["interaction"] == "only together"


def test_a_run_that_ignored_its_parameters_never_counts(cli: Cli, project: Path, train: Train) -> None:
    train("old", "--lr", "0.1")
    train("new", "--lr", "0.2")
    (project / "train.py").write_text(TRAIN.replace("contexta.init(", "given.lr = 0.3; contexta.init("))
    done = cli("bisect", "old", "new", "--include", "params", *COMMAND)
    assert done.returncode == 1
    report = json.loads(done.stdout)
    assert report["verdict"] == "undecided"
    assert {trial["value"] for trial in report["trials"]} == {None}
    assert "it ran with lr=0.3, not with 0.1 as requested" in report["why"]


@pytest.mark.slow
def test_the_users_own_package_comes_with_the_source(
    cli: Cli, project: Path, train: Train, git: Callable[..., str]
) -> None:
    (project / "src").mkdir()
    git("mv", "worse.py", "src/mine.py")
    (project / "train.py").write_text(TRAIN.replace("from worse", "from mine"))
    (project / "backend.py").write_text(BACKEND)
    (project / "pyproject.toml").write_text(
        '[project]\nname = "mine"\nversion = "1.0"\n'
        '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
    )
    git("add", "-A")
    git("commit", "-qm", "a package")
    train("old", install=str(project))
    (project / "src" / "mine.py").write_text(WORSE.format(0.5))
    train("new", install=str(project), version="2.0")
    done = cli("bisect", "old", "new", "--include", "source", *COMMAND)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert (report["verdict"], report["culprits"]) == ("proved", ["source"])
    assert "the packages of the source differ between mixes: mine" in done.stderr


def test_a_plan_shows_them_and_says_what_cannot_be_set(cli: Cli, project: Path, train: Train) -> None:
    train("old", "--lr", "0.1")
    (project / "train.py").write_text(TRAIN.replace("vars(given)", "{**vars(given), 'depth': 3}"))
    train("new", "--lr", "0.2")
    arguments = ("bisect", "old", "new", "--plan", "--json", "--include")
    done = cli(*arguments, " source, params")
    assert keys(json.loads(done.stdout)) == ["param:lr", "source"]
    assert "neither parameters nor a command line are recorded" not in done.stderr
    reason = "it is on neither command line, so the code sets it, and it comes with the source"
    assert f"parameter depth differs and is no change: {reason}; --param-arg says how to set it" in done.stderr
    report = report_of(cli, *arguments[1:], "params", "--param-arg", "--{name} {value}")
    assert keys(report) == ["param:depth", "param:lr"]
    assert report["prior"]["param:lr"] > 0


@pytest.mark.slow
def test_what_was_not_recorded_whole_is_refused_before_anything_runs(
    cli: Cli, project: Path, train: Train, git: Callable[..., str]
) -> None:
    train("old")
    (project / "old.txt").write_text("innocent==1.0\n")
    with Contexta(workspace=project / ".contexta") as ctx:
        (run,) = ctx.list_runs()
        packages = {"packages": {"innocent": "1.0"}, "python_version": find_uv().interpreter(PYTHON).version}
        commit = run.metadata["source"]["commit"]
        sources = {
            "outside": {"commit": None, "reason": "not in a git repository"},
            "elsewhere": {"commit": "0" * 40, "root": "/nowhere", "directory": "."},
            "secret": {"commit": commit, "root": str(project), "directory": ".", "patch_applies": False},
        }
        for name, source in sources.items():
            put_run(ctx, name, environment=packages, metadata={"source": source})

    def refusal(*arguments: str) -> str:
        done = cli("bisect", *arguments, "--metric", "a", "--python", PYTHON, "--", "python", "x.py")
        assert done.returncode == 2, done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        assert "hint: " in done.stderr
        return done.stderr

    plan = cli("bisect", "elsewhere", "secret", "--python", PYTHON, "--plan", "--include", "params")
    assert "neither parameters nor a command line are recorded of run p.elsewhere and run p.secret" in plan.stderr
    include = ("--include", "source")
    assert "NEW is not a recorded run, so it does not have source" in refusal("old", "old.txt", *include)
    assert "run p.outside has no recorded commit: not in a git repository" in refusal("old", "outside", *include)
    assert "does not have commit 000000000000" in refusal("old", "elsewhere", *include)
    assert "secrets were removed from its uncommitted changes" in refusal("secret", "old", *include)
    assert "--in-place runs the current source" in refusal("old", "old", "--in-place", *include)
    assert '--include cannot take "data"' in refusal("old", "old", "--include", "source,data")
    assert "none are included" in refusal("old", "old", "--param-arg", "--{name} {value}")
    assert "name both places" in refusal("old", "old", "--include", "params", "--param-arg", "--{name}")


@pytest.mark.slow
def test_without_a_command_the_one_of_the_recorded_run_is_rerun(cli: Cli, project: Path, train: Train) -> None:
    (project / "worse.py").write_text(
        "import innocent\ndef worse(given): return 0.3 if innocent.version == '2.0' else 0\n"
    )
    train("old", "--lr", "0.1")
    train("new", "--lr", "0.2", version="2.0")
    report = report_of(cli, "old", "new", "--metric", "accuracy", "--no-versions", "--json")
    assert (report["verdict"], report["culprits"]) == ("proved", ["innocent"])
    (note,) = (note for note in report["notes"] if note.startswith("the command is that of run "))
    assert note.endswith("train.py --lr 0.2")
    pins = project / "pins.txt"
    pins.write_text("innocent==1.0\n")
    plan = cli("bisect", str(pins), "old", "--plan")
    assert "train.py --lr 0.1" in plan.stdout
    assert cli("bisect", str(pins), str(pins), "--metric", "accuracy").stderr.startswith(
        "error: there is no command to rerun (neither OLD nor NEW is a recorded run)"
    )


@pytest.mark.slow
def test_the_seed_option_of_the_recorded_program_is_used(cli: Cli, project: Path, train: Train) -> None:
    seeded = TRAIN.replace('os.environ.get("SEED", 0)', "given.seed").replace(
        "given = parser", 'parser.add_argument("--seed", type=int, default=7)\ngiven = parser'
    )
    (project / "train.py").write_text(seeded)
    (project / "worse.py").write_text(
        "import innocent\ndef worse(given): return 0.3 if innocent.version == '2.0' else 0\n"
    )
    train("old")
    train("new", version="2.0")
    report = report_of(cli, "old", "new", "--metric", "accuracy", "--no-versions", "--json")
    assert (report["verdict"], report["culprits"], report["at_fixed_seed"]) == ("proved", ["innocent"], False)
    assert any(note.startswith("the seed is passed by --seed, an option of the program") for note in report["notes"])
    assert '--seed-arg "--seed {seed}"' in cli("why", "old", "new", "--metric", "accuracy").stdout.replace("'", '"')
