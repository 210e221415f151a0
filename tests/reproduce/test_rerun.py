from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from support.builders import Cli
from support.wheels import Venv

from contexta import Contexta
from contexta.core.errors import InvalidInput
from contexta.findings import Rerun

Trained = Callable[..., Venv]
SEEDED = "import alpha, random; random.seed(0); print('accuracy=%r' % random.random())"
UNSEEDED = "import alpha, random; print('accuracy=%r' % random.random())"
FOUND = ("--metrics-from-stdout", r"(?P<key>\w+)=(?P<value>\S+)")


def test_a_rerun_of_a_seeded_run_has_identical_metrics_and_is_derived_from_it(
    trained: Trained, cli: Cli, ctx: Contexta
) -> None:
    trained(code=SEEDED, options=FOUND)
    done = cli("rerun", "first", "--json")
    assert done.returncode == 0, done.stderr
    result = Rerun.model_validate_json(done.stdout)
    assert result.verdict == "reproduced"
    assert [(metric.metric_key, metric.apart) for metric in result.metrics] == [("accuracy", 0.0)]
    assert result.environment.verdict == "match"
    assert "accuracy=" in done.stderr, "what the command says is no part of the answer"
    new = ctx.get_run("first-rerun")
    assert new.status == "completed"
    edges = ctx.metadata_store.relations.list_lineage_edges(str(new.run_ref))
    assert [(str(edge.source_ref), edge.relation_type, str(edge.target_ref)) for edge in edges] == [
        ("run:p.first-rerun", "derived", "run:p.first")
    ]


@pytest.mark.slow
def test_a_rerun_of_an_unseeded_run_reports_the_difference_and_is_not_reproduced(trained: Trained, cli: Cli) -> None:
    trained(code=UNSEEDED, options=FOUND)
    done = cli("rerun", "first", "--json")
    assert done.returncode == 1
    result = Rerun.model_validate_json(done.stdout)
    assert result.verdict == "differs"
    assert result.metrics[0].apart
    assert cli("rerun", "first", "--tolerance", "1e9").returncode == 0
    assert "1 of 1 metrics differ" in cli("rerun", "first").stdout


SWEEP = """
import alpha, contexta
for number in range(3):
    with contexta.init(name=NAMES[number]) as run:
        run.metric("accuracy", number / 10)
"""


@pytest.mark.parametrize(
    ("names", "run", "rerun"),
    [(["a", "b", "c"], "p.c", "run:p.c-2"), (["s", "s", "s"], "p.s-2", "run:p.s-4")],
    ids=["by name", "by number"],
)
def test_a_run_of_a_sweep_is_compared_with_its_counterpart(
    trained: Trained, cli: Cli, tmp_path: Path, names: list[str], run: str, rerun: str
) -> None:
    (tmp_path / "sweep.py").write_text(SWEEP.replace("NAMES", repr(names)))
    trained(command=["sweep.py"])
    done = cli("rerun", run, "--json")
    result = Rerun.model_validate_json(done.stdout)
    assert (result.verdict, result.rerun_ref) == ("reproduced", rerun), done.stderr
    assert [metric.apart for metric in result.metrics] == [0.0]


def test_a_run_of_a_sweep_without_a_counterpart_is_not_compared(trained: Trained, cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "sweep.py").write_text(SWEEP.replace("NAMES", "['a', 'b', 'c']"))
    trained(command=["sweep.py"])
    (tmp_path / "sweep.py").write_text(SWEEP.replace("NAMES", "['a']").replace("range(3)", "[0]"))
    done = cli("rerun", "p.c", "--json")
    result = Rerun.model_validate_json(done.stdout)
    assert (result.verdict, result.metrics) == ("unknown", ())
    assert any("none of the new ones corresponds to it" in note for note in result.notes)


def test_a_rerun_uses_the_recorded_variables(trained: Trained, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    trained(code="import os; print('threads=%s' % os.environ['OMP_NUM_THREADS'])", options=FOUND)
    again = cli("rerun", "first", env={"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"})
    assert again.returncode == 0, again.stdout


@pytest.mark.slow
def test_the_recorded_commit_and_changes_run_in_a_clone_and_the_users_tree_is_not_touched(
    trained: Trained, cli: Cli, tmp_path: Path, ctx: Contexta
) -> None:
    work = tmp_path / "work"
    work.mkdir()
    git = ["git", "-c", "user.name=t", "-c", "user.email=t@t", "-C", str(work)]
    (work / "train.py").write_text("print('accuracy=0.5')\n")
    for command in (["init", "-q"], ["add", "."], ["commit", "-qm", "first"]):
        subprocess.run([*git, *command], check=True)
    (work / "train.py").write_text("print('accuracy=0.91')\n")
    trained(command=["train.py"], cwd=work, options=FOUND)
    (work / "train.py").write_text("print('accuracy=0.1')\nopen('left-behind', 'w')\n")
    before = subprocess.run([*git, "status", "--porcelain"], check=True, capture_output=True).stdout
    assert cli("rerun", "first", "--checkout").returncode == 0
    assert subprocess.run([*git, "status", "--porcelain"], check=True, capture_output=True).stdout == before
    assert subprocess.run([*git, "worktree", "list"], check=True, capture_output=True).stdout.count(b"\n") == 1
    now = cli("rerun", "first")
    assert now.returncode == 1
    assert "other uncommitted changes than the recorded run" in now.stdout


def test_a_command_that_fails_reproduces_nothing(trained: Trained, cli: Cli) -> None:
    trained(code=SEEDED, options=FOUND)
    done = cli("rerun", "first", "--", "python", "-c", "raise SystemExit(3)")
    assert done.returncode == 1
    assert "failed with exit code 3" in done.stdout


def test_a_run_without_a_command_cannot_be_rerun(index: Path, ctx: Contexta, cli: Cli) -> None:
    from support.builders import put_run

    put_run(ctx, "by-hand", environment={})
    with pytest.raises(InvalidInput, match="the command of this run was not recorded"):
        ctx.rerun("by-hand")


def test_a_rerun_deletes_what_a_killed_rerun_left(
    trained: Trained, cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    trained()
    sleeps = [sys.executable, "-m", "contexta.cli", "rerun", "first", "--", "sleep", "20"]
    with subprocess.Popen(sleeps, cwd=tmp_path, stderr=subprocess.PIPE) as started:
        assert started.stderr is not None
        while not started.stderr.readline().startswith(b"contexta: running"):
            assert started.poll() is None
        (left,) = (tmp_path / "temporary").glob("contexta-rerun-*")
        assert cli("rerun", "first", "--", "true").returncode == 1, "it has no metric"
        assert left.exists(), "one that still runs keeps its directory"
        started.kill()
    os.utime(left / "lock", (1, 1))
    cli("rerun", "first", "--", "true")
    assert not list((tmp_path / "temporary").glob("contexta-rerun-*"))


def launched(cli: Cli, *command: str) -> tuple[int, Rerun]:
    """The exit code and the answer of a rerun by another command."""
    done = cli("rerun", "first", "--json", "--", *command)
    assert done.stdout, done.stderr
    return done.returncode, Rerun.model_validate_json(done.stdout)


@pytest.mark.slow
def test_a_rerun_reports_whether_the_recorder_confirmed_its_environment(
    trained: Trained, cli: Cli, tmp_path: Path
) -> None:
    elsewhere = trained(code=SEEDED, options=FOUND)
    (tmp_path / "train.py").write_text(SEEDED)
    code, result = launched(cli, "uv", "run", "train.py")
    assert (code, result.verdict, result.confirmed) == (0, "reproduced", "inside")
    assert result.command == ("python", "train.py")
    assert any("`uv run` would use its own environment" in note for note in result.notes)
    code, result = launched(cli, "python", "-I", "train.py")
    assert (code, result.verdict, result.confirmed) == (0, "reproduced", "outside")
    assert any("environment confirmed from outside only" in note for note in result.notes)
    (tmp_path / "launch.py").write_text(f"import subprocess\nsubprocess.run([{elsewhere.python!r}, 'train.py'])\n")
    code, result = launched(cli, "python", "launch.py")
    assert (code, result.verdict, result.confirmed) == (1, "unknown", "no")
    assert f"ran on the Python {result.environment.rebuilt_python} of {elsewhere.path}" in result.confirmed_reason
    screen = cli("rerun", "first", "--", "python", "launch.py").stdout
    assert "the command did not run in the rebuilt environment" in screen
    assert "-- python train.py" in screen


def test_a_rerun_by_a_script_that_names_another_interpreter_is_refused(
    trained: Trained, cli: Cli, tmp_path: Path
) -> None:
    elsewhere = trained(code=SEEDED, options=FOUND)
    (tmp_path / "train.sh").write_text(f"{elsewhere.python} train.py\n")
    done = cli("rerun", "first", "--", "bash", "train.sh")
    assert done.returncode == 2
    assert "train.sh line 1 names the interpreter" in done.stderr
