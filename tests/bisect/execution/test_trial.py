from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import pytest
from support.killing import all_end
from support.tiny_index import PYTHON

from contexta import Contexta
from contexta.bisect.execution.isolation.sandbox import tidy
from contexta.bisect.execution.isolation.source_files import source_of, too_large_to_copy
from contexta.bisect.execution.metric import check_source, read_metric, threshold
from contexta.bisect.execution.trial import TrialEnvironment, applicable_variables, run_trial
from contexta.bisect.execution.trial_job import GENEROUS, Command, TrialJob, TrialResult
from contexta.bisect.trajectories.early_rule import EarlyRule, Reference
from contexta.core.errors import InvalidInput
from contexta.recorder.probes.machine import usable_memory
from contexta.reproduce.uv.commands import find_uv


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    at = tmp_path_factory.mktemp("environment") / "bare"
    find_uv().create(PYTHON, at)
    return at


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    result = tmp_path / "project"
    result.mkdir()
    return result


def run(folder: Path, environment: Path, code: str, seed: int = 0, **settings: object) -> TrialResult:
    (folder / "train.py").write_text(code)
    variables = settings.pop("variables", {})
    command = Command(("python", "train.py"), "accuracy", str(folder), **settings)  # type: ignore[arg-type]  # by test
    return trial(command, environment, seed=seed, variables=variables)


def trial(command: Command, environment: Path, *, scratch: str | None = None, **fields: Any) -> TrialResult:
    """Run a trial in an environment that exists. fields: of its job."""
    place = TrialEnvironment(str(environment), scratch or tempfile.gettempdir())
    return run_trial(TrialJob(command, **{"seed": 0, **fields}), place)


def test_metric_is_read_from_the_output(folder: Path, environment: Path) -> None:
    report = run(folder, environment, "print('accuracy=0.25'); print('accuracy: 0.875')")
    assert (report.value, report.reason) == (0.875, "")


def test_logged_metric_counts_without_a_printed_one(folder: Path, environment: Path) -> None:
    code = "import logging; logging.warning('accuracy: 0.25')"
    assert run(folder, environment, code).value == 0.25
    assert run(folder, environment, f"print('accuracy=0.5'); {code}").value == 0.5


def test_the_program_runs_in_the_environment_with_its_seed_and_variables(folder: Path, environment: Path) -> None:
    code = """
import os, sys
assert sys.prefix == os.environ["VIRTUAL_ENV"], sys.prefix
assert os.environ["CONTEXTA_SEED"] == "7" and "GONE" not in os.environ and os.environ["MODE"] == "fast"
print("accuracy=" + os.environ["SEED"])
"""
    report = run(folder, environment, code, seed=7, variables={"MODE": "fast", "GONE": None})
    assert report.value == 7.0


@pytest.mark.parametrize("python", ["python", "python3.11", "april/bin/python", "/usr/bin/python3"])
def test_command_runs_in_the_python_of_the_mix(folder: Path, environment: Path, python: str) -> None:
    (folder / "train.py").write_text(
        "import os, sys\nprint('accuracy=%d' % (sys.prefix == os.environ['VIRTUAL_ENV']))\n"
    )
    command = Command((python, "train.py"), "accuracy", str(folder))
    assert trial(command, environment).value == 1.0


def test_the_seed_can_go_by_argument(folder: Path, environment: Path) -> None:
    report = run(folder, environment, "import sys; print('accuracy=' + sys.argv[2])", 5, seed_argument="--seed {seed}")
    assert report.value == 5.0


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("pass", "gives no accuracy"),
        ("print('loss=0.1')", "gives no accuracy"),
        ("print('accuracy=nan')", "accuracy is nan"),
        ("print('accuracy=inf')", "accuracy is inf"),
        ("raise ImportError('numpy.core.multiarray failed')", "exit code 1: ImportError: numpy.core"),
        ("import os; os.kill(os.getpid(), 11)", "was ended by signal 11"),
        ("print('accuracy=0.9'); raise SystemExit(3)", "exit code 3"),
    ],
)
def test_every_trial_without_a_value_has_its_reason(folder: Path, environment: Path, code: str, reason: str) -> None:
    report = run(folder, environment, code)
    assert report.value is None
    assert report.reason.startswith(reason)


def test_a_program_that_hangs_is_ended_with_everything_it_started(folder: Path, environment: Path) -> None:
    code = """
import os, subprocess, sys, time
child = "import os, time; os.setsid(); time.sleep(2); open({!r}, 'w').write('alive')"
subprocess.Popen([sys.executable, "-c", child.format(os.environ["SENTINEL"])])
time.sleep(60)
"""
    sentinel = folder.parent / "sentinel"
    report = run(folder, environment, code, timeout=1.0, variables={"SENTINEL": str(sentinel)})
    assert report.reason == "did not end within 1 s"
    time.sleep(2.0)
    assert not sentinel.exists()


@pytest.mark.skipif(sys.platform != "linux", reason="the limit is the kernel's")
def test_a_program_that_eats_memory_at_once_is_stopped(folder: Path, environment: Path) -> None:
    report = run(folder, environment, "x = bytearray(10**9); print('accuracy=1')", memory=200 * 2**20)
    assert report.value is None
    assert report.reason == "used more than 200 MB of memory: MemoryError"


@pytest.mark.skipif(sys.platform != "linux", reason="looks at /proc")
def test_a_program_whose_processes_eat_memory_together_is_stopped(folder: Path, environment: Path) -> None:
    code = """
import subprocess, sys, time
eat = "import time; x = bytearray(b'x' * 70 * 2**20); time.sleep(30)"
for each in [subprocess.Popen([sys.executable, "-c", eat]) for _ in range(4)]:
    each.wait()
print("accuracy=1")
"""
    report = run(folder, environment, code, memory=200 * 2**20)
    assert report.reason == "used more than 200 MB of memory"


@pytest.mark.skipif(sys.platform != "linux", reason="looks at /proc")
def test_without_a_limit_a_program_may_use_its_share_of_the_machine(folder: Path, environment: Path) -> None:
    (folder / "train.py").write_text("import time\nx = b'x' * 400 * 2**20\ntime.sleep(30)\n")
    command = Command(("python", "train.py"), "accuracy", str(folder))
    memory = usable_memory()
    assert memory is not None
    report = trial(command, environment, neighbours=int(memory * 0.8 / 300e6))
    assert report.reason.startswith("used more than 28")
    (folder / "train.py").write_text("import mmap\nx = mmap.mmap(-1, 400 * 2**20)\nprint('accuracy=1')\n")
    report = trial(command, environment, neighbours=int(memory * 0.8 / 300e6))
    assert report.value == 1.0, "what is reserved and never touched does not count"


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux can adopt a daemon")
def test_a_daemon_that_a_program_leaves_behind_is_ended_with_it(folder: Path, environment: Path) -> None:
    code = """
import os, sys, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        open("daemon", "w").write(str(os.getpid())); os.replace("daemon", os.environ["SENTINEL"])
        for number in (0, 1, 2):
            os.close(number)
        time.sleep(60)
    os._exit(0)
while not os.path.exists(os.environ["SENTINEL"]):
    time.sleep(0.01)
print("accuracy=0.5")
"""
    sentinel = folder.parent / "sentinel"
    report = run(folder, environment, code, variables={"SENTINEL": str(sentinel)})
    assert report.value == 0.5
    with pytest.raises(ProcessLookupError):
        os.kill(int(sentinel.read_text()), 0)


def test_recorded_metric_precedes_a_printed_one(folder: Path, environment: Path) -> None:
    code = """
import contexta
run = contexta.init()
run.stage("test").metric("accuracy", 0.75)
run.metric("accuracy", 0.25)
print("accuracy=1")
"""
    workspace = folder.parent / "trials"
    (folder / "train.py").write_text(code)
    for metric, value in (("accuracy", 0.25), ("test/accuracy", 0.75)):
        command = Command(("python", "train.py"), metric, str(folder))
        scratch = str(folder.parent / "scratch")
        report = trial(command, environment, workspace=str(workspace), scratch=scratch)
        assert report.value == value


LOSSES = {"OLD": [0.9341, 0.8123, 0.7612, 0.7021], "NEW": [0.9342, 0.8125, 0.7617, 0.7029]}
RULE = EarlyRule(
    3,
    tuple(
        Reference("OLD" if end == "OLD" else "NEW", end, value, {"stdout: loss": list(enumerate(LOSSES[end]))})
        for end, value in (("OLD", 0.9), ("NEW", 0.8))
    ),
    may_stop=True,
)
FOLLOWS_OLD = "import sys\nprint('epoch=0 loss=0.9341\\nepoch=1 loss=0.8123\\nepoch=2 loss=0.7612', end='')\n"


def logged_trial(folder: Path, environment: Path, code: str, rule: EarlyRule = RULE) -> TrialResult:
    """A trial that is recorded and may end early."""
    (folder / "train.py").write_text(code)
    command = Command(("python", "train.py"), None, str(folder))
    workspace, scratch = str(folder.parent / "trials"), str(folder.parent / "scratch")
    return trial(command, environment, workspace=workspace, scratch=scratch, early=rule)


def test_a_trial_that_is_stopped_has_the_value_of_the_endpoint(folder: Path, environment: Path) -> None:
    code = FOLLOWS_OLD.replace(", end=''", ", flush=True") + "import time; time.sleep(60)"
    result = logged_trial(folder, environment, code)
    assert (result.value, result.is_measured, result.seconds < 30) == (0.9, False, True)
    assert result.followed is not None
    assert result.followed.after == 3


@pytest.mark.parametrize(("end", "value"), [("", 1.0), ("sys.exit(125)", None)])
def test_a_trial_that_ends_before_the_rule_can_stop_it_is_measured(
    folder: Path, environment: Path, end: str, value: float | None
) -> None:
    """The line that decides is complete only at the end."""
    result = logged_trial(folder, environment, f"{FOLLOWS_OLD}{end}")
    assert (result.value, result.is_measured) == (value, True)
    assert result.followed is not None
    assert (result.followed.endpoint, result.followed.value) == ("OLD", 0.9), "its value does not test the rule"


def test_a_trial_says_why_it_cannot_end_early(folder: Path, environment: Path) -> None:
    result = logged_trial(folder, environment, FOLLOWS_OLD, EarlyRule(fault="the series of OLD are damaged"))
    assert (result.value, result.series_fault) == (1.0, "the series of OLD are damaged")
    with Contexta(workspace=folder.parent / "trials") as ctx:
        (run,) = ctx.list_runs()
        (note,) = [note for note in ctx.get_run(run.run_ref).notes if note.topic == "series"]
        assert note.text == "this trial could not end early: the series of OLD are damaged"
        assert run.metadata["trial"]["series_fault"] == "the series of OLD are damaged"


def test_last_value_counts_in_a_program_with_several_runs(folder: Path, environment: Path) -> None:
    code = """
import contexta
for number in range(1, 6):
    contexta.init(project="theirs", name="sweep", config={"number": number})
    contexta.log({"accuracy": number / 10})
    contexta.finish()
"""
    workspace = folder.parent / "trials"
    (folder / "train.py").write_text(code)
    command = Command(("python", "train.py"), "accuracy", str(folder))
    report = trial(command, environment, workspace=str(workspace), scratch=str(folder.parent / "scratch"))
    assert report.value == 0.5, report.log
    with Contexta(workspace=workspace) as ctx:
        (remaining,) = ctx.list_runs()
    assert (remaining.metrics, remaining.params) == ({"accuracy": 0.5}, {"number": 5})
    assert [metric.points for stage in remaining.stages for metric in stage.metrics] == [5]


def content_of(folder: Path) -> dict[str, tuple[int, bytes]]:
    """The time and content of every file, and the names of directories."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    content = {str(path): (path.stat().st_mtime_ns, path.read_bytes()) for path in files}
    names = {str(path): (0, b"directory") for path in folder.rglob("*") if path.is_dir()}
    return {**content, **names}


def test_in_a_repository_the_command_runs_in_a_clone_with_the_current_files(folder: Path, environment: Path) -> None:
    def git(*arguments: str) -> str:
        name = ["-c", "user.name=x", "-c", "user.email=x@example.org"]
        return subprocess.run(["git", *name, *arguments], cwd=folder, check=True, capture_output=True, text=True).stdout

    (folder / ".gitignore").write_text("data\n")
    (folder / "sub").mkdir()
    (folder / "sub" / "kept.py").write_text("worse = 1")
    git("init", "--quiet")
    git("add", "-A")
    git("commit", "-qm", "one")
    (folder / "data").mkdir()
    (folder / "data" / "x.csv").write_text("7")
    (folder / "sub" / "kept.py").write_text("better = 1")
    code = """
import pathlib, subprocess
assert pathlib.Path("sub/kept.py").read_text() == "better = 1"
said = subprocess.run(["git", "status", "--porcelain"], capture_output=True, text=True, check=True).stdout
assert said.split() == ["M", "sub/kept.py", "??", "train.py"], said
url = subprocess.run(["git", "remote", "get-url", "origin"], capture_output=True, text=True, check=True).stdout
assert url == "https://example.org/x.git\\n", url
pathlib.Path("sub/kept.py").write_text("spoiled = 1")
subprocess.run(["git", "config", "user.name", "trial"], check=True)
subprocess.run(["git", "tag", "by-a-trial"], check=True)
subprocess.run(["git", "checkout", "-q", "--", "."], check=True)
print("accuracy=" + pathlib.Path("data/x.csv").read_text())
"""
    (folder / ".git" / "info" / "exclude").write_text("noise\n")
    (folder / "noise").write_text("")
    git("remote", "add", "origin", "https://example.org/x.git")
    before = content_of(folder / ".git")
    report = run(folder, environment, code)
    assert report.value == 7.0, report.log
    assert (folder / "sub" / "kept.py").read_text() == "better = 1"
    assert content_of(folder / ".git") == before


@pytest.mark.skipif(sys.platform != "linux", reason="looks at /proc")
def test_the_clone_of_a_trial_that_was_killed_is_removed(
    folder: Path, environment: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = ["-c", "user.name=x", "-c", "user.email=x@example.org"]
    (folder / "train.py").write_text("import os, time\nopen(os.environ['SENTINEL'], 'w').close()\ntime.sleep(60)\n")
    for arguments in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "one"]):
        subprocess.run(["git", *name, *arguments], cwd=folder, check=True)
    temporary, sentinel = folder.parent / "temporary", folder.parent / "sentinel"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    code = (
        "import pathlib\nfrom contexta.bisect.execution.isolation.sandbox import own_place\n"
        "from contexta.bisect.execution.trial import TrialEnvironment, run_trial\n"
        "from contexta.bisect.execution.trial_job import Command, TrialJob\n"
        f"command = Command(('python', 'train.py'), 'accuracy', {str(folder)!r})\n"
        f"with own_place(pathlib.Path({str(temporary)!r})) as at:\n"
        f"    job = TrialJob(command, 0, {{'SENTINEL': {str(sentinel)!r}}})\n"
        f"    run_trial(job, TrialEnvironment({str(environment)!r}, str(at)))\n"
    )
    killed = subprocess.Popen([sys.executable, "-c", code])
    while not sentinel.exists():
        time.sleep(0.02)
    killed.kill()
    killed.wait()
    assert len(list(temporary.glob("cx-*/source-*/.git"))) == 1
    tidy()
    assert list(temporary.iterdir()) == []


@pytest.mark.skipif(sys.platform != "linux", reason="looks at /proc")
def test_nothing_of_a_trial_outlives_a_study_that_is_killed(folder: Path, environment: Path) -> None:
    (folder / "train.py").write_text(
        "import os, subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'], start_new_session=True)\n"
        "open(os.environ['SENTINEL'], 'w').write(f'{os.getpid()} {child.pid} ')\n"
        "time.sleep(60)\n"
    )
    sentinel = folder.parent / "sentinel"
    study = (
        "from contexta.bisect.execution.trial import TrialEnvironment, run_trial\n"
        "from contexta.bisect.execution.trial_job import Command, TrialJob\n"
        f"command = Command(('python', 'train.py'), 'accuracy', {str(folder)!r})\n"
        f"job = TrialJob(command, 0, {{'SENTINEL': {str(sentinel)!r}}})\n"
        f"run_trial(job, TrialEnvironment({str(environment)!r}))\n"
    )
    killed = subprocess.Popen([sys.executable, "-c", study])
    while not (sentinel.exists() and sentinel.read_text().endswith(" ")):
        time.sleep(0.02)
    killed.kill()
    killed.wait()
    assert all_end([int(pid) for pid in sentinel.read_text().split()]), "a process outlived the study"


@pytest.mark.parametrize(
    ("text", "value", "good"),
    [("accuracy >= 0.9", 0.9, True), ("loss<1e-2", 0.5, False), ("val/loss <= 2", 2.0, True), ("f1 > .5", 0.5, False)],
)
def test_threshold_separates_good_from_bad(text: str, value: float, good: bool) -> None:
    assert threshold(text).holds(value) is good


@pytest.mark.parametrize(
    "text", ["accuracy", "accuracy >= x", "accuracy => 0.9", ">= 0.9", "accuracy == 1", "accuracy >= nan"]
)
def test_invalid_threshold_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match="good_if="):
        threshold(text)


def test_files_of_a_trial_do_not_reach_the_next_trial(folder: Path, environment: Path) -> None:
    code = """
import pathlib
left = pathlib.Path("left.txt")
pathlib.Path("train.py").write_text("print('accuracy=0')")
print("accuracy=0" if left.exists() else "accuracy=1")
left.write_text("x")
"""
    (folder / "data.csv").write_text("1")
    assert [run(folder, environment, code).value for _ in range(2)] == [1.0, 1.0]
    assert (folder / "train.py").read_text() == code
    assert not (folder / "left.txt").exists()


@pytest.mark.parametrize("mark", ["contexta.db", "objects/.salt", "bisect/last.json", "pyvenv.cfg"])
def test_a_workspace_or_environment_of_any_name_is_no_source(folder: Path, environment: Path, mark: str) -> None:
    before = source_of(folder, in_place=False)
    (folder / "records" / mark).parent.mkdir(parents=True)
    (folder / "records" / mark).write_text("")
    assert source_of(folder, in_place=False) == before
    code = "import pathlib; print('accuracy=' + str(sum(1 for _ in pathlib.Path().glob('records/**/*'))))"
    assert run(folder, environment, code).value == 0.0


@pytest.mark.parametrize(("recorded", "limit"), [(None, 24 * 3600.0), (7.0, 7.0)])
def test_command_without_a_memory_limit_has_that_of_its_job(recorded: float | None, limit: float) -> None:
    assert TrialJob(Command(("x",), None, "."), 0, timeout=recorded or GENEROUS).seconds == limit
    assert TrialJob(Command(("x",), None, ".", timeout=2.0), 0, timeout=recorded or GENEROUS).seconds == 2.0


def test_trial_gets_no_paths_and_hidden_values_of_a_recorded_run() -> None:
    recorded = {"MODE": "fast", "VIRTUAL_ENV": "/x", "TMPDIR": "/y", "UV_INDEX_URL": "z", "PYTHONPATH": "lib"}
    hidden = {"HF_TOKEN": "secret:sha256:0123456789abcdef"}
    assert applicable_variables({**recorded, **hidden}) == {"MODE": "fast", "PYTHONPATH": "lib"}


def test_pythonpath_contains_the_entries_of_the_user_and_the_recorder(folder: Path, environment: Path) -> None:
    (folder / "lib").mkdir()
    (folder / "lib" / "mine.py").write_text("value = 3")
    (folder / "train.py").write_text("import mine\nprint(f'accuracy={mine.value}')\n")
    command = Command(("python", "train.py"), "accuracy", str(folder))
    scratch, workspace = str(folder.parent / "scratch"), str(folder.parent / "trials")
    report = trial(command, environment, variables={"PYTHONPATH": "lib"}, workspace=workspace, scratch=scratch)
    assert report.value == 3.0, report.log


def test_command_in_place_runs_in_the_current_directory(folder: Path, environment: Path) -> None:
    report = run(folder, environment, "import os; open('left', 'w'); print('accuracy=1')", in_place=True)
    assert report.value == 1.0
    assert (folder / "left").exists()


def test_a_command_that_does_not_exist_is_a_reason_not_an_error(folder: Path, environment: Path) -> None:
    command = Command(("no-such-program",), "accuracy", str(folder))
    assert "not installed" in trial(command, environment).reason


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("accuracy=0.87", 0.87),
        ("test accuracy: 87", 87.0),
        ("epoch 3 loss=0.2 accuracy=8.7e-1", 0.87),
        ('{"accuracy": 0.87, "loss": 1}', 0.87),
        ('{"val": {"accuracy": 0.87}}', None),
        ("val/accuracy=0.5", None),
        ("accuracy_top5=0.99", None),
        ("balanced.accuracy=0.99", None),
        ("accuracy=0.87.1", None),
        ("accuracy=-.5", -0.5),
        ("Accuracy=0.5", None),
    ],
)
def test_metric_is_recognised_by_its_complete_name(tmp_path: Path, line: str, expected: float | None) -> None:
    assert read_metric("accuracy", None, f"starting\n{line}\ndone\n", tmp_path)[0] == expected


def test_a_metric_inside_json_is_named_with_dots(tmp_path: Path) -> None:
    assert read_metric("val.accuracy", None, '{"val": {"accuracy": 0.87}}', tmp_path)[0] == 0.87
    table = "epoch     train_loss  accuracy  time\n0         0.352       0.951     00:12\n"
    assert read_metric("accuracy", None, table, tmp_path)[0] == 0.951


def test_a_metric_can_come_from_a_pattern_or_a_file(tmp_path: Path) -> None:
    (tmp_path / "out.json").write_text('{"test": {"acc": 0.5}}')
    pattern, file = r"stdout:^acc is (\S+)$", "json:out.json:test.acc"
    assert read_metric("accuracy", pattern, "acc is 0.25\nacc is 0.75\n", tmp_path)[0] == 0.75
    assert read_metric("accuracy", file, "", tmp_path)[0] == 0.5
    reason = "gives no accuracy: out.json does not exist"
    assert read_metric("accuracy", file, "", tmp_path / "elsewhere") == (None, reason)


@pytest.mark.parametrize("source", ["stdout:", "stdout:no group", "stdout:(", "json:file", "stderr:(x)", ""])
def test_a_source_that_can_never_work_is_refused(source: str) -> None:
    with pytest.raises(InvalidInput, match="metric_from="):
        check_source(source)


def test_a_folder_of_too_many_files_is_not_copied(tmp_path: Path) -> None:
    assert too_large_to_copy(tmp_path) is None
    many = tmp_path / "many"
    many.mkdir()
    for number in range(20_001):
        (many / str(number)).touch()
    assert "20000 files" in str(too_large_to_copy(tmp_path))
