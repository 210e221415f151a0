"""Programs that become another program or a daemon have not crashed."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest
from support.paths import SOURCE
from support.pythons import every_python

from contexta import Contexta
from contexta.findings import RunDetails

pytestmark = pytest.mark.skipif(os.name != "posix", reason="exec and forks are POSIX's")


def run(tmp_path: Path, text: str, python: str = sys.executable) -> subprocess.CompletedProcess[str]:
    (tmp_path / "train.py").write_text(textwrap.dedent(text), encoding="utf-8")
    environ = {**os.environ, "PYTHONPATH": os.fspath(SOURCE)}
    command = [python, "train.py"]
    return subprocess.run(command, cwd=tmp_path, env=environ, capture_output=True, text=True, check=False, timeout=60)


def ended(tmp_path: Path, name: str = "r") -> RunDetails:
    """The run, as soon as it is no longer open."""
    give_up = time.monotonic() + 20
    while True:
        with Contexta(workspace=tmp_path / ".contexta") as ctx:
            result = ctx.get_run(name)
        if result.status != "open" or time.monotonic() > give_up:
            return result
        time.sleep(0.1)


EXECS = {
    "execv": "os.execv(sys.executable, [sys.executable, '-c', 'print(2)'])",
    "execve": "os.execve(sys.executable, [sys.executable, '-c', 'print(2)'], os.environ)",
    "execl": "os.execl(sys.executable, sys.executable, '-c', 'print(2)')",
    "execvp": "os.execvp('echo', ['echo', '2'])",
    "execlp": "os.execlp('echo', 'echo', '2')",
    "execvpe": "os.execvpe('echo', ['echo', '2'], os.environ)",
}
BEGUN = "import contexta, os, sys; contexta.init(name='r'); contexta.log({'loss': 1}); "


@pytest.mark.parametrize("how", list(EXECS))
def test_run_whose_process_becomes_another_program_is_completed(tmp_path: Path, how: str) -> None:
    done = run(tmp_path, BEGUN + EXECS[how])
    assert (done.returncode, done.stdout, done.stderr) == (0, "2\n", "")
    result = ended(tmp_path)
    assert (result.status, result.metrics) == ("completed", {"loss": 1})
    assert any(note.text.startswith("the process becomes /") for note in result.notes if note.topic == "process")
    assert result.environment is not None


@pytest.mark.parametrize("python", every_python())
def test_exec_is_noted_in_every_python(tmp_path: Path, python: str) -> None:
    assert run(tmp_path, BEGUN + EXECS["execv"], python).stdout == "2\n"
    assert ended(tmp_path).status == "completed"


def test_program_whose_exec_failed_continues_to_record(tmp_path: Path) -> None:
    program = """
    for path in ("/no/such/program", "broken"):
        try:
            os.execv(path, ["x"])
        except OSError:
            contexta.log({"after": 1})
    """
    (tmp_path / "broken").write_bytes(b"\\0 no program")
    (tmp_path / "broken").chmod(0o755)
    done = run(tmp_path, BEGUN + "\n" + textwrap.dedent(program))
    assert (done.returncode, done.stderr) == (0, "")
    result = ended(tmp_path)
    assert (result.status, result.metrics) == ("completed", {"loss": 1, "after": 1})
    assert [note.text for note in result.notes if note.topic == "process"] == [
        "the process becomes broken: that program is not part of this run",
        "it did not become another program: exec format error",
    ]


def test_killed_after_an_exec_that_failed_is_crashed(tmp_path: Path) -> None:
    (tmp_path / "broken").write_bytes(b"\\0 no program")
    (tmp_path / "broken").chmod(0o755)
    program = "\ntry: os.execv('broken', ['x'])\nexcept OSError: os.kill(os.getpid(), 9)"
    run(tmp_path, BEGUN + program)
    assert ended(tmp_path).status == "crashed"


def test_child_that_is_forked_to_run_another_program_ends_no_run(tmp_path: Path) -> None:
    program = f"""
    if os.fork() == 0:
        {EXECS["execv"]}
    os.wait()
    contexta.log({{"loss": 2}})
    os.kill(os.getpid(), 9)
    """
    run(tmp_path, BEGUN + "\n" + textwrap.dedent(program))
    result = ended(tmp_path)
    assert (result.status, result.metrics) == ("crashed", {"loss": 2})
    assert [note for note in result.notes if note.topic == "process"] == []


DAEMON = """
def daemonise(leave):
    if os.fork():
        leave(0)
    os.setsid()
    if os.fork():
        os._exit(0)
"""
TRAINS = """
import time
time.sleep(0.3)
contexta.log({"loss": 0.5}, step=2)
"""


@pytest.mark.parametrize("leave", ["os._exit", "sys.exit"])
@pytest.mark.parametrize(
    ("then", "status"),
    [
        ("", "completed"),
        ("contexta.finish('failed')", "failed"),
        ("raise ValueError('too high')", "failed"),
        ("os.kill(os.getpid(), 9)", "crashed"),
    ],
    ids=["ends", "finishes", "raises", "killed"],
)
def test_daemon_ends_the_run_that_its_program_began(tmp_path: Path, leave: str, then: str, status: str) -> None:
    begun = BEGUN.replace("contexta.log({'loss': 1})", "contexta.log({'loss': 1}, step=1)")
    run(tmp_path, f"{begun}\n{DAEMON}\ndaemonise({leave})\n{TRAINS}\n{then}\n")
    give_up = time.monotonic() + 20
    while time.monotonic() < give_up:
        with Contexta(workspace=tmp_path / ".contexta") as ctx:
            result = ctx.get_run("r")
        if result.metrics["loss"] == 0.5 and result.status != "open":
            break
        time.sleep(0.1)
    assert (result.status, result.metrics) == (status, {"loss": 0.5})
    if "raise" in then:
        assert result.metadata["failure"]["message"] == "too high"
    if status != "crashed":
        assert [note.text for note in result.notes if note.topic in ("journal", "environment")] == []
    with Contexta(workspace=tmp_path / ".contexta") as ctx:
        assert len(ctx.list_runs()) == 1


def test_run_whose_process_was_killed_is_crashed_though_its_workers_ended_well(tmp_path: Path) -> None:
    program = """
    import time
    if os.fork() == 0:
        parent = os.getppid()
        contexta.log({"worker": 1})
        while os.getppid() == parent:
            time.sleep(0.01)
        sys.exit(0)
    time.sleep(0.3)
    os.kill(os.getpid(), 9)
    """
    run(tmp_path, BEGUN + "\n" + textwrap.dedent(program))
    assert ended(tmp_path).status == "crashed"


@pytest.mark.parametrize("how", ["exec", "daemon"])
def test_under_contexta_run_neither_is_crashed(tmp_path: Path, how: str) -> None:
    text = BEGUN + EXECS["execv"] if how == "exec" else f"{BEGUN}\n{DAEMON}\ndaemonise(os._exit)\n{TRAINS}"
    (tmp_path / "train.py").write_text(text)
    command = [sys.executable, "-I", "-m", "contexta.cli", "run", "--", sys.executable, "train.py"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0
    assert ended(tmp_path).status == "completed"
