"""An unwritable workspace never stops a training: there is one warning, and the exit code is the program's.

Permissions do not stop root. Unwritable places are therefore small mounted file systems, and files or devices in place
of the workspace.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from support import paths
from support.pythons import every_python

from contexta import Contexta

SOURCE = os.fspath(paths.SOURCE)
PROGRAM = """
import contexta, sys
run = contexta.init(name="r", config={"lr": 0.1})
for step in range(9):
    contexta.log({"loss": step}, step=step)
contexta.finish()
with contexta.init(name="again") as run, run.stage("train") as stage:
    stage.metric("loss", 1)
    run.artifact("me", __file__)
    run.input("me", __file__)
print("trained")
sys.exit(7)
"""


def mounted(place: Path, options: str) -> bool:
    place.mkdir(exist_ok=True)
    try:
        command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", os.fspath(place)]
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    except OSError:
        return False


@pytest.fixture(params=["a file", "below a file", "a device", "read-only", "full", "without a directory entry left"])
def unwritable(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path]:
    place = tmp_path / "place"
    if request.param in ("a file", "below a file"):
        place.write_text("x")
        yield place if request.param == "a file" else place / "ws"
    elif request.param == "a device":
        yield Path("/dev/full")
    else:
        options = {"read-only": "ro", "full": "size=4k", "without a directory entry left": "size=1m,nr_inodes=1"}
        if not mounted(place, options[request.param]):
            pytest.skip("no file system can be mounted here")
        if request.param == "full":
            (place / "ballast").write_bytes(bytes(4096))
        yield place / "ws"
        subprocess.run(["umount", place], check=True)


def train(tmp_path: Path, *before: str, workspace: Path, python: str = sys.executable) -> tuple[int, str, list[str]]:
    """(exit code, what the program printed, the lines of stderr)"""
    (tmp_path / "train.py").write_text(PROGRAM)
    environ = {**os.environ, "CONTEXTA_WORKSPACE": os.fspath(workspace)}
    if not before:
        environ["PYTHONPATH"] = SOURCE
    command = [*before, python, "train.py"]
    done = subprocess.run(command, cwd=tmp_path, env=environ, capture_output=True, text=True, check=False, timeout=60)
    return done.returncode, done.stdout, done.stderr.splitlines()


WRAP = (sys.executable, "-I", "-m", "contexta.cli", "run", "--quiet", "--")


@pytest.mark.parametrize("before", [(), WRAP], ids=["init", "contexta run"])
def test_training_continues_with_one_message(tmp_path: Path, unwritable: Path, before: tuple[str, ...]) -> None:
    code, out, err = train(tmp_path, *before, workspace=unwritable)
    assert (code, out) == (7, "trained\n")
    (line,) = err
    assert line.startswith(f"contexta: nothing is recorded in {unwritable}: ")
    assert line.endswith("; the program continues")


@pytest.mark.parametrize("python", every_python())
def test_training_continues_in_every_python(tmp_path: Path, python: str) -> None:
    (tmp_path / "file").write_text("x")
    code, out, err = train(tmp_path, workspace=tmp_path / "file", python=python)
    assert (code, out, len(err)) == (7, "trained\n", 1)


def test_command_that_is_not_recorded_has_its_stdin_its_signals_and_its_own_output(tmp_path: Path) -> None:
    (tmp_path / ".contexta").write_text("x")
    command = [*WRAP, "sh", "-c", "cat; echo to stderr >&2; kill -TERM $$"]
    done = subprocess.run(command, cwd=tmp_path, input="in\n", capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stdout) == (143, "in\n")
    assert done.stderr.splitlines()[1:] == ["to stderr"]
    assert (tmp_path / ".contexta").read_text() == "x"


def test_server_that_is_away_does_not_stop_the_training(tmp_path: Path) -> None:
    server = "postgresql://nobody@127.0.0.1:1/nothing?connect_timeout=1"
    local = {"CONTEXTA_WORKSPACE": server, "CONTEXTA_LOCAL": os.fspath(tmp_path / "local"), "CONTEXTA_DELIVERY": "off"}
    (tmp_path / "train.py").write_text(PROGRAM)
    command = [*WRAP, sys.executable, "train.py"]
    environ = {**os.environ, **local}
    done = subprocess.run(command, cwd=tmp_path, env=environ, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (7, "trained\n", "")
    assert list((tmp_path / "local/journal").glob("*.jsonl"))


def test_disk_that_is_full_only_later_costs_records_and_neither_the_training_nor_the_run(tmp_path: Path) -> None:
    place = tmp_path / "place"
    if not mounted(place, "size=1m"):
        pytest.skip("no file system can be mounted here")
    try:
        (tmp_path / "train.py").write_text(
            "import contexta, sys\n"
            "contexta.init(name='r')\n"
            "contexta.log({'kept': 1})\n"
            "try:\n"
            "    with open('place/ballast', 'wb', buffering=0) as file:\n"
            "        while True: file.write(bytes(512))\n"
            "except OSError: pass\n"
            "for step in range(3000): contexta.log({'loss': step}, step=step)\n"
            "sys.exit(7)\n"
        )
        environ = {**os.environ, "CONTEXTA_WORKSPACE": "place/ws"}
        command = [*WRAP, sys.executable, "train.py"]
        done = subprocess.run(command, cwd=tmp_path, env=environ, capture_output=True, text=True, check=False)
        assert done.returncode == 7, done.stderr
        (place / "ballast").unlink()
        (place / "more").write_bytes(b"")
        subprocess.run(["mount", "-o", "remount,size=20m", place], check=True)
        with Contexta(workspace=place / "ws") as ctx:
            run = ctx.get_run("r")
            codes = [issue.code for issue in ctx.diagnose_run("r").issues]
        assert run.status == "failed"
        assert run.metrics["kept"] == 1
        points = {metric.metric_key: metric.points for stage in run.stages for metric in stage.metrics}
        assert points.get("loss", 0) < 3000
        assert run.metadata["lost_records"]["count"] >= 3000 - points.get("loss", 0)
        assert "records_lost" in codes
    finally:
        subprocess.run(["umount", place], check=True)
