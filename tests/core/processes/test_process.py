from __future__ import annotations

import os
import sys
import threading
import time
from pathlib import Path

import pytest

from contexta.core.processes.process import CommandNotFound, StartFailed, Stopped, TimedOut, run


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_run_returns_the_output_and_the_exit_code() -> None:
    done = run(python("import sys; print('out'); print('err', file=sys.stderr); sys.exit(3)"), timeout=30)
    assert (done.exit_code, done.stdout.strip(), done.stderr.strip()) == (3, b"out", b"err")
    assert not done.stdout_truncated
    assert not done.stderr_truncated
    assert 0 < done.seconds < 30


def test_arguments_reach_the_program_unchanged_and_no_shell_reads_them() -> None:
    nasty = ["a b", "$HOME", "`id`", "; ls", "'\"", "*"]
    done = run([*python("import sys; print('|'.join(sys.argv[1:]))"), *nasty], timeout=30)
    assert done.stdout.decode().strip() == "|".join(nasty)


def test_a_command_line_in_one_text_is_refused() -> None:
    with pytest.raises(TypeError, match="list of arguments"):
        run("ls -l", timeout=1)


def test_a_missing_program_and_one_that_cannot_start_raise_different_errors(tmp_path: Path) -> None:
    with pytest.raises(CommandNotFound, match="no-such-program-here"):
        run(["no-such-program-here"], timeout=1)
    plain = tmp_path / "plain.txt"
    plain.write_text("not a program")
    with pytest.raises(StartFailed, match=r"plain\.txt"):
        run([str(plain)], timeout=1)
    with pytest.raises(StartFailed, match="no such directory"):
        run(python("pass"), timeout=1, cwd=str(tmp_path / "gone"))
    with pytest.raises(StartFailed):
        run(["a\0b"], timeout=1)


def test_a_program_reads_its_own_input_and_never_that_of_this_process() -> None:
    code = "import sys; print(len(sys.stdin.read()))"
    assert run(python(code), timeout=30).stdout.strip() == b"0"
    assert run(python(code), timeout=30, input=b"x" * 300_000).stdout.strip() == b"300000"


def test_a_program_that_does_not_read_its_input_is_no_error() -> None:
    assert run(python("pass"), timeout=30, input=b"x" * 1_000_000).exit_code == 0


def test_output_over_the_limit_is_cut_and_the_program_still_ends() -> None:
    done = run(python("print('x' * 5_000_000 + 'the end')"), timeout=30, max_output=1000)
    assert done.exit_code == 0
    assert done.stdout.startswith(b"x" * 500 + b"\n[... 4999")
    assert done.stdout.endswith(b" bytes left out ...]\n" + b"x" * 492 + b"the end\n")
    assert done.stdout_truncated
    assert not done.stderr_truncated


@pytest.mark.skipif(sys.platform != "linux", reason="looks at /proc")
def test_the_time_limit_kills_the_whole_tree_including_processes_that_left_the_group() -> None:
    code = (
        "import subprocess, sys, time\n"
        "sleep = [sys.executable, '-c', 'import time; time.sleep(60)']\n"
        "one = subprocess.Popen(sleep)\n"
        "two = subprocess.Popen(sleep, start_new_session=True)\n"
        "print(one.pid, two.pid, flush=True)\n"
        "time.sleep(60)"
    )
    began = time.monotonic()
    with pytest.raises(TimedOut, match="within 1.5 s") as caught:
        run(python(code), timeout=1.5)
    assert time.monotonic() - began < 6
    pids = [int(pid) for pid in caught.value.finished.stdout.split()]
    assert len(pids) == 2
    deadline = time.monotonic() + 5
    while any(map(lives, pids)) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not any(map(lives, pids))


@pytest.mark.skipif(sys.platform != "linux", reason="looks at /proc")
def test_processes_that_outlive_their_program_are_killed_without_waiting() -> None:
    code = (
        "import subprocess, sys\n"
        "left = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        "print(left.pid, flush=True)"
    )
    done = run(python(code), timeout=30)
    assert done.exit_code == 0
    assert done.seconds < 10
    deadline = time.monotonic() + 5
    while lives(int(done.stdout)) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not lives(int(done.stdout))


def test_a_program_runs_with_the_named_environment_and_directory(tmp_path: Path) -> None:
    code = "import os; print(os.getcwd()); print(os.environ.get('ONLY')); print('HOME' in os.environ)"
    env = {"ONLY": "this", **({"SYSTEMROOT": os.environ["SYSTEMROOT"]} if os.name == "nt" else {})}
    done = run(python(code), timeout=30, cwd=str(tmp_path), env=env)
    assert done.stdout.decode().split() == [str(tmp_path), "this", "False"]


def test_a_program_is_killed_when_another_thread_sets_stop() -> None:
    stop = threading.Event()
    threading.Timer(0.3, stop.set).start()
    began = time.monotonic()
    with pytest.raises(Stopped):
        run(python("import time; time.sleep(60)"), timeout=60, stop=stop)
    assert time.monotonic() - began < 30
