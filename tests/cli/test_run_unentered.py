"""A Python process that the recorder could not enter is named, and its environment is read from outside."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.pythons import another_python

import contexta
from contexta import Contexta
from contexta.recorder.wrapping.command_lines import is_query

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="processes are seen from outside through /proc")

CONTEXTA = [sys.executable, "-I", "-m", "contexta.cli"]
OLD = [str(path) for minor in (6, 7) for path in Path.home().glob(f".pyenv/versions/3.{minor}.*/bin/python")]
Wrap = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def wrap(tmp_path: Path) -> Wrap:
    """Run a command in a directory with a train.py and, in ``library``, an installed distribution."""
    info = tmp_path / "library" / "scorelib-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: scorelib\nVersion: 1.0\n")
    (tmp_path / "train.py").write_text("import time; time.sleep(0.6); print('trained')\n")

    def run(*command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*CONTEXTA, "run", "--quiet", "--name", "r", "--", *command],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    return run


def notes(tmp_path: Path) -> list[str]:
    with Contexta(workspace=tmp_path / ".contexta") as ctx:
        return [note.text for note in ctx.get_run("r").notes if note.topic == "environment"]


def environment(tmp_path: Path) -> Any:
    with Contexta(workspace=tmp_path / ".contexta") as ctx:
        (first, *_) = ctx.metadata_store.environments.list_environment_snapshots(ctx.get_run("r").run_ref)
        return first


def version(python: str) -> str:
    code = "import sys; print(sys.version.split()[0])"
    return subprocess.run([python, "-c", code], capture_output=True, text=True, check=True).stdout.strip()


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("PYTHONPATH=library {python} train.py", "PYTHONPATH was replaced (PYTHONPATH=library)"),
        ("export PYTHONPATH=library\n{python} train.py", "PYTHONPATH was replaced (PYTHONPATH=library)"),
        ("env PYTHONPATH=library {python} -O train.py", "PYTHONPATH was replaced (PYTHONPATH=library)"),
        ("env -i PYTHONPATH=library {python} train.py", "its environment variables were replaced"),
    ],
)
def test_replaced_pythonpath_is_named_and_the_packages_on_it_are_recorded(
    tmp_path: Path, wrap: Wrap, line: str, why: str
) -> None:
    python = another_python()
    (tmp_path / "train.sh").write_text(line.format(python=python))
    done = wrap("sh", "train.sh")
    assert (done.returncode, done.stdout) == (0, "trained\n")
    result = environment(tmp_path)
    assert result.python_version == version(python)
    assert result.packages["scorelib"] == "1.0"
    (note,) = notes(tmp_path)
    assert "train.py (process " in note
    assert f"did not load the recorder, as {why}: its environment was read from outside" in note
    assert f"was not recorded from inside: {why}\nhint: add to PYTHONPATH instead of replacing it" in done.stderr


@pytest.mark.parametrize("before", ["", "sleep 0.3; exec "])  # the shell becomes that Python, and was observed before
def test_process_that_joins_by_itself_is_recorded_from_inside(tmp_path: Path, wrap: Wrap, before: str) -> None:
    (tmp_path / "train.py").write_text("import contexta; contexta.log({'loss': 0.5})\n")
    source = Path(contexta.__file__).parents[1]
    done = wrap("sh", "-c", f"{before}env PYTHONPATH={source} {another_python()} train.py")
    assert (done.returncode, done.stderr) == (0, "")
    result = environment(tmp_path)
    assert result.python_version == version(another_python())
    assert result.imports is not None
    assert notes(tmp_path) == []


def test_what_was_not_observed_is_shown_first(tmp_path: Path, wrap: Wrap) -> None:
    wrap("sh", "-c", f"PYTHONPATH= {sys.executable} train.py")
    shown = subprocess.run([*CONTEXTA, "show", "r"], cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    assert any("did not load the recorder, as PYTHONPATH was removed" in line for line in shown.splitlines()[:4])


LAUNCHER = """
import subprocess, sys
environment = {{"LANG": "C"}} if {bare} else None
subprocess.run([{python!r}, *{switches!r}, "train.py"], env=environment, check=True)
"""


@pytest.mark.parametrize(
    ("switches", "bare", "why"),
    [
        (["-I"], False, "it was started with -I"),
        (["-u", "-E"], False, "it was started with -E"),
        (["-sS"], False, "it was started with -S"),
        ([], True, "its environment variables were replaced"),
        (["-X", "utf8"], True, "its environment variables were replaced"),
    ],
)
def test_environment_is_that_of_the_program_which_a_recorded_launcher_starts(
    tmp_path: Path, wrap: Wrap, switches: list[str], bare: bool, why: str
) -> None:
    python = another_python()
    (tmp_path / "launch.py").write_text(LAUNCHER.format(python=python, switches=switches, bare=bare))
    done = wrap(sys.executable, "launch.py")
    assert (done.returncode, done.stdout) == (0, "trained\n")
    assert environment(tmp_path).python_version == version(python)
    (note,) = notes(tmp_path)
    assert f"did not load the recorder, as {why}: its environment was read from outside" in note


def test_launcher_that_itself_measures_stays_the_environment_of_the_run(tmp_path: Path, wrap: Wrap) -> None:
    launcher = LAUNCHER.format(python=another_python(), switches=["-I"], bare=False)
    (tmp_path / "launch.py").write_text(f"import contexta; contexta.log({{'loss': 0.5}})\n{launcher}")
    assert wrap(sys.executable, "launch.py").returncode == 0
    assert environment(tmp_path).python_version == version(sys.executable)
    assert len(notes(tmp_path)) == 1


def test_questions_to_interpreters_and_installers_are_no_alarm(tmp_path: Path, wrap: Wrap) -> None:
    python = another_python()
    script = f"""
    {python} -I -c 'import sys; print(sys.version_info)' > /dev/null
    env -i {python} -m pip --version > /dev/null
    PYTHONPATH=x {python} -m venv --help > /dev/null
    {sys.executable} train.py
    """
    (tmp_path / "train.sh").write_text(textwrap.dedent(script))
    done = wrap("sh", "train.sh")
    assert (done.stdout, done.stderr) == ("trained\n", "")
    assert environment(tmp_path).python_version == version(sys.executable)
    assert notes(tmp_path) == []


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("python3 -Es /usr/bin/lsb_release -a", True),
        ("python -I -c pass", True),
        ("python -I /home/me/train.py", False),
        ("python -E -m train", False),
        ("python -I /usr/local/bin/train", False),
    ],
)
def test_programs_of_the_system_are_distinguished_from_trainings(command: str, expected: bool) -> None:
    assert is_query(command.split()) is expected


def test_worker_of_another_interpreter_is_recorded_as_what_it_runs_on(tmp_path: Path, wrap: Wrap) -> None:
    python = os.path.realpath(sys.executable)  # without the venv that the tests run in
    if python == sys.executable:
        pytest.skip("the tests run in no environment of their own")
    program = f"""
    import multiprocessing, time
    if __name__ == "__main__":
        context = multiprocessing.get_context("spawn")
        context.set_executable({python!r})
        worker = context.Process(target=time.sleep, args=(0.1,))
        worker.start()
        worker.join()
    """
    (tmp_path / "train.py").write_text(textwrap.dedent(program))
    done = wrap(sys.executable, "train.py")
    assert (done.returncode, done.stderr) == (0, "")
    with Contexta(workspace=tmp_path / ".contexta") as ctx:
        result = ctx.metadata_store.environments.list_environment_snapshots(ctx.get_run("r").run_ref)
    prefixes = {dict(item.interpreter)["prefix"] for item in result}
    assert len(prefixes) == 2


@pytest.mark.skipif(not OLD, reason="there is no Python before 3.8 here")
def test_python_that_is_too_old_is_named(tmp_path: Path, wrap: Wrap) -> None:
    wrap("sh", "-c", f"{OLD[0]} train.py; true")
    (note,) = notes(tmp_path)
    assert f"{OLD[0]} train.py (process " in note
    assert "did not report its environment: it is older than CPython 3.8" in note


@pytest.mark.skipif(not OLD, reason="there is no Python before 3.8 here")
def test_unreadable_interpreter_is_reported(tmp_path: Path, wrap: Wrap) -> None:
    wrap("sh", "-c", f"{OLD[0]} -I train.py; true")
    (note,) = notes(tmp_path)
    assert "did not load the recorder, as it was started with -I, and its environment could not be read: " in note
    assert "read from outside" not in note


def test_forked_children_and_repeated_programs_are_one_note_each(tmp_path: Path, wrap: Wrap) -> None:
    (tmp_path / "train.py").write_text("import os, time\nos.fork() and os.wait()\ntime.sleep(0.05)\n")
    (tmp_path / "train.sh").write_text(f"for n in 1 2 3; do PYTHONPATH=x {sys.executable} train.py; done")
    done = wrap("sh", "train.sh")
    assert done.stderr.count("was not recorded from inside") == 1
    first, second = notes(tmp_path)
    assert "did not load the recorder, as PYTHONPATH was replaced" in first
    assert "and 2 more like it" in second


@pytest.mark.slow
def test_note_is_there_while_the_program_still_runs(tmp_path: Path, wrap: Wrap) -> None:
    (tmp_path / "train.py").write_text("import time; time.sleep(60)")
    command = [*CONTEXTA, "run", "--name", "r", "--", "sh", "-c", f"PYTHONPATH=x {sys.executable} train.py; true"]
    process = subprocess.Popen(command, cwd=tmp_path, start_new_session=True)
    try:
        deadline = time.monotonic() + 30
        while not any(
            "did not load the recorder" in path.read_text() for path in tmp_path.glob(".contexta/journal/*.jsonl")
        ):
            assert time.monotonic() < deadline
            time.sleep(0.1)
    finally:
        os.killpg(process.pid, 9)
        process.wait()
    assert len(notes(tmp_path)) == 1


def test_program_that_writes_a_title_over_its_command_line_is_no_other_program(tmp_path: Path, wrap: Wrap) -> None:
    (tmp_path / "train.py").write_text(
        "import ctypes, pathlib, time\n"
        "time.sleep(0.3)\n"
        "begin = int(pathlib.Path('/proc/self/stat').read_text().rpartition(')')[2].split()[45])\n"
        "length = sum(len(pathlib.Path('/proc/self', name).read_bytes()) for name in ('cmdline', 'environ'))\n"
        "ctypes.memmove(begin, b'trainer: 1 of 2'.ljust(length, bytes(1)), length)\n"
        "time.sleep(0.8)\n"
    )
    done = wrap(sys.executable, "train.py")
    assert (done.returncode, done.stderr) == (0, "")
    assert notes(tmp_path) == []
    assert environment(tmp_path).packages["pytest"] == pytest.__version__
