"""Every way a training can misbehave in a study, by the door a user has: each with its own clear outcome."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from support.builders import Cli
from support.tiny_index import PYTHON, make_wheel, only_index

Told = dict[str, Any]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """culprit 2 lowers the metric; what trial.py does besides is the test's."""
    beside = tmp_path.parent / f"{tmp_path.name}-beside"
    beside.mkdir()
    only_index(monkeypatch, beside / "index", beside / "cache")
    for version, worse in (("1.0", 0.0), ("2.0", 0.5)):
        make_wheel(beside / "index", "culprit", version, f"worse = {worse}")
        make_wheel(beside / "index", "innocent", version)
    (tmp_path / "old.txt").write_text("culprit==1.0\ninnocent==1.0\n")
    (tmp_path / "new.txt").write_text("culprit==2.0\ninnocent==2.0\n")
    monkeypatch.setenv("BESIDE", str(beside))
    return tmp_path


def study(cli: Cli, project: Path, code: str, *options: str) -> tuple[int, Told, str]:
    (project / "train.py").write_text(f"import culprit, innocent, os, sys, time\n{code}\n")
    arguments = ("bisect", "old.txt", "new.txt", "--metric", "accuracy", "--python", PYTHON, "--no-versions", "--json")
    done = cli(*arguments, *options, "--", "python", "train.py")
    return done.returncode, json.loads(done.stdout) if done.stdout else {}, done.stderr


def in_mixes(code: str) -> str:
    """Only where the two packages are of different versions; the ends are as they should be."""
    return f"if culprit.version != innocent.version:\n    {code}\nprint('accuracy=%g' % (0.9 - culprit.worse))"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("time.sleep(100)", "did not end within 3 s"),
        ("raise SystemExit", "gives no accuracy"),
        ("print('accuracy=nan'); raise SystemExit", "accuracy is nan"),
        ("raise ImportError('ABI')", "exit code 1: ImportError: ABI"),
        ("os.kill(os.getpid(), 9)", "was ended by signal 9"),
        pytest.param(
            "x = b'x' * 10**9",
            "used more than 300 MB of memory: MemoryError",
            marks=pytest.mark.skipif(sys.platform != "linux", reason="the limit is the kernel's"),
        ),
    ],
)
def test_mixes_that_give_no_value_leave_a_cause_unproved_and_say_why(
    cli: Cli, project: Path, code: str, reason: str
) -> None:
    code_of, answer, stderr = study(cli, project, in_mixes(code), "--timeout", "3", "--memory-limit", "300")
    assert (code_of, answer["verdict"]) == (1, "not_proved"), stderr
    assert {trial["reason"] for trial in answer["trials"] if trial["value"] is None} == {reason}
    assert all(len(trial["at_new"]) == 1 for trial in answer["trials"] if trial["value"] is None)


@pytest.mark.slow
def test_an_end_that_hangs_is_undecided(cli: Cli, project: Path) -> None:
    code, answer, _ = study(cli, project, "time.sleep(100)", "--timeout", "1")
    assert (code, answer["verdict"]) == (1, "undecided")
    assert answer["why"] == "OLD itself gives no value: did not end within 1 s"


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux can adopt a daemon")
@pytest.mark.slow
def test_daemons_end_with_their_trial(cli: Cli, project: Path) -> None:
    code = """
import subprocess
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
open(os.environ["BESIDE"] + "/pids", "a").write(f"{child.pid}\\n")
print('accuracy=%g' % (0.9 - culprit.worse))
"""
    _, answer, stderr = study(cli, project, code)
    assert (answer["verdict"], answer["culprits"]) == ("proved", ["culprit"]), stderr
    pids = Path(os.environ["BESIDE"], "pids").read_text().split()
    assert len(pids) == answer["runs"]
    assert [pid for pid in pids if is_asleep(pid)] == []


def is_asleep(pid: str) -> bool:
    """Whether the process still runs; another one may have its number by now."""
    command = Path("/proc", pid, "cmdline")
    return command.exists() and b"time.sleep(600)" in command.read_bytes()


@pytest.mark.slow
def test_files_of_the_repository_that_a_trial_edits_are_as_before_and_no_trial_meets_them(
    cli: Cli, project: Path
) -> None:
    (project / "params.json").write_text("0.9")
    for arguments in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "one"]):
        name = ["-c", "user.name=x", "-c", "user.email=x@example.org"]
        subprocess.run(["git", *name, *arguments], cwd=project, check=True)
    code = """
accuracy = float(open("params.json").read()) - culprit.worse
open("params.json", "w").write("0.1")
print('accuracy=%g' % accuracy)
"""
    _, answer, stderr = study(cli, project, code)
    assert (answer["verdict"], answer["old"]["mean"], answer["new"]["mean"]) == ("proved", 0.9, 0.4), stderr
    assert (project / "params.json").read_text() == "0.9"


@pytest.mark.slow
def test_files_that_a_trial_leaves_in_its_directories_change_no_other_trial(cli: Cli, project: Path) -> None:
    code = """
import pathlib, sysconfig, tempfile
places = [pathlib.Path(), pathlib.Path.home(), pathlib.Path(tempfile.gettempdir()), pathlib.Path.home() / ".cache"]
places += [pathlib.Path(sysconfig.get_path("purelib")), pathlib.Path(culprit.__file__).parent / "__pycache__"]
left = [place / "contexta-test-left" for place in places]
met = sum(each.exists() for each in left)
for each in left:
    each.parent.mkdir(exist_ok=True)
    each.write_text("x")
print('accuracy=%g' % (0.9 - culprit.worse - met))
"""
    _, answer, stderr = study(cli, project, code)
    assert (answer["verdict"], answer["old"]["mean"], answer["new"]["mean"]) == ("proved", 0.9, 0.4), stderr


@pytest.mark.slow
def test_installed_files_that_a_trial_edits_end_the_study_and_are_never_met_again(cli: Cli, project: Path) -> None:
    code = "open(culprit.__file__, 'w').write('version = worse = 7'); print('accuracy=1')"
    number, answer, stderr = study(cli, project, code)
    assert (number, answer) == (2, {})
    assert "culprit.py was changed in place by the command" in stderr
    _, answer, stderr = study(cli, project, "print('accuracy=%g' % (0.9 - culprit.worse))")
    assert (answer["verdict"], answer["old"]["mean"], answer["new"]["mean"]) == ("proved", 0.9, 0.4), stderr


@pytest.mark.slow
@pytest.mark.parametrize("every", [pytest.param(7, marks=pytest.mark.slow), 3])
def test_a_flaky_training_is_tried_again_and_its_failures_are_reported(cli: Cli, project: Path, every: int) -> None:
    """One trial in so many dies, whatever it runs on; the first one of OLD among them."""
    code = f"""
counter = os.environ["BESIDE"] + "/count"
open(counter, "a").write("x")
if os.path.getsize(counter) % {every} == 1:
    sys.exit("flaky")
print('accuracy=%g' % (0.9 - culprit.worse))
"""
    _, answer, stderr = study(cli, project, code)
    assert (answer["verdict"], answer["culprits"]) == ("proved", ["culprit"]), stderr
    assert {trial["reason"] for trial in answer["trials"]} == {"", "exit code 1: flaky"}
    died = sum(trial["value"] is None for trial in answer["trials"])
    assert died >= answer["runs"] // every
    note = f"{died} of {answer['runs']} runs gave no value although other trials of the same mix did"
    assert f"{note}: the training is flaky (exit code 1: flaky)" in answer["notes"]
    shown = cli("bisect", "--show")
    assert note in " ".join(shown.stdout.split())
