"""The facts of the end of a process are captured on every Python, for every kind of exit."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.pythons import every_python

from contexta import Contexta
from contexta.recorder.journal.objects import Objects

pytestmark = pytest.mark.skipif(os.name != "posix", reason="written for POSIX shells and signals")

CONTEXTA = [sys.executable, "-I", "-m", "contexta.cli"]
NVIDIA = """#!/bin/sh
case "$1" in
--query-gpu*) echo '0, NVIDIA L4, 550.54.15, 23034, 8.9, 95.04, [N/A]' ;;
*) echo '| NVIDIA-SMI 550.54.15   Driver Version: 550.54.15   CUDA Version: 12.4 |' ;;
esac
"""
# name -> what the program does after it has imported scorelib
PROGRAMS = {
    "returns": "",
    "raises": "raise ValueError('too high')",
    "imports-atexit": "import logging, concurrent.futures, weakref; logging.getLogger().warning",
}
MORE_PROGRAMS = {
    "exits": "import sys; sys.exit(3)",
    "leaves-atexit-functions": "import atexit; atexit.register(print, end='')",
    "imports-multiprocessing": "import multiprocessing.pool, multiprocessing.util",
    "waits-for-a-thread": "import threading, time; threading.Thread(target=time.sleep, args=(0.1,)).start()",
    "leaves-a-daemon-thread": "import threading as t, time; t.Thread(target=time.sleep, args=[9], daemon=True).start()",
    "uses-executors": "import concurrent.futures as f; f.ThreadPoolExecutor().submit(int); f.ProcessPoolExecutor()",
    "forks": "import os; os.fork()",
    "forks-workers": "import multiprocessing as m; p = m.get_context('fork').Process(target=int); p.start(); p.join()",
    "reloads-atexit": "import atexit, importlib; importlib.reload(atexit)",
}
KILLED = {
    "leaves-at-once": "import os; os._exit(0)",
    "is-terminated": "import os, signal, time; os.kill(os.getpid(), signal.SIGTERM); time.sleep(9)",
}


class Ended:
    """The journal of one process, and the objects that it refers to."""

    def __init__(self, path: Path, objects: Objects) -> None:
        self.records = [json.loads(line) for line in path.read_text().splitlines()]
        environments = self.of("environment")
        self.body: Any = json.loads(
            objects.get([environment["digest"] for environment in environments if "digest" in environment][-1])
        )
        ends = [environment["end"] for environment in environments if "end" in environment]
        self.end: Any = json.loads(objects.get(ends[-1])) if ends else {}
        (facts,) = (item["facts"] for item in self.of("fact"))
        self.name: str = facts["invocation"]["argv"][-1]

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [record for record in self.records if record["t"] == kind]


@pytest.fixture
def place(tmp_path: Path, git: Callable[..., str]) -> Path:
    """A directory with an installed distribution, an editable one of a repository, and an nvidia-smi."""
    library, checkout, bin_ = (tmp_path / name for name in ("library", "checkout", "bin"))
    for folder in (library, checkout, bin_):
        folder.mkdir()
    (checkout / "own.py").write_text("")
    git(checkout, "init", "-q")
    git(checkout, "add", ".")
    git(checkout, "commit", "-qm", "x")
    for name in ("scorelib", "own"):
        info = library / f"{name}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        (info / "RECORD").write_text(f"{name}.py,sha256=47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU,0\n")
    direct = {"url": checkout.as_uri(), "dir_info": {"editable": True}}
    (library / "own-1.0.dist-info" / "direct_url.json").write_text(json.dumps(direct))
    (library / "scorelib.py").write_text("")
    (bin_ / "nvidia-smi").write_text(NVIDIA)
    (bin_ / "nvidia-smi").chmod(0o755)
    return tmp_path


def record(place: Path, script: str) -> subprocess.CompletedProcess[str]:
    (place / "all.sh").write_text(script)
    return subprocess.run(
        [*CONTEXTA, "run", "--name", "r", "--", "sh", "all.sh"],
        cwd=place,
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join(map(str, (place / "library", place / "checkout"))),
            "PATH": os.pathsep.join([str(place / "bin"), os.environ["PATH"]]),
        },
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def ended(place: Path) -> dict[str, Ended]:
    """The processes of the run by what they were called with last."""
    objects = Objects(place / ".contexta" / "objects")
    result = (Ended(path, objects) for path in (place / ".contexta" / "journal").glob("*.r.*.jsonl"))
    return {item.name: item for item in result}


def assert_whole(process: Ended, git: Callable[..., str], place: Path) -> None:
    assert process.of("close"), f"{process.name}: its journal is not closed"
    assert process.of("note") == []
    assert {"scorelib", "own"} <= {
        distribution["name"] for distribution in process.body["distributions"] if "build" in distribution
    }
    assert "scorelib" in process.end["imports"]["distributions"], process.name
    commit = git(place / "checkout", "rev-parse", "HEAD").strip()
    assert process.end["origins"]["own"]["commit"] == commit
    assert process.end["gpus"]["driver"] == "550.54.15"
    assert "native_libraries" in process.end
    assert process.end.get("notes", []) == []


@pytest.mark.parametrize("python", every_python())
def test_program_that_ends_by_itself_is_recorded_to_its_end(place: Path, git: Callable[..., str], python: str) -> None:
    assert_all_whole(place, git, write_programs(place, python, PROGRAMS))


@pytest.mark.slow
@pytest.mark.parametrize("python", every_python())
def test_every_kind_of_program_is_recorded_to_its_end(place: Path, git: Callable[..., str], python: str) -> None:
    (place / "module.py").write_text("import scorelib")
    with zipfile.ZipFile(place / "app.pyz", "w") as archive:
        archive.writestr("__main__.py", "import scorelib")
    commands = {
        **write_programs(place, python, MORE_PROGRAMS),
        "code": f"{python} -c 'import scorelib' code",
        "module": f"{python} -m module module",
        "archive": f"{python} app.pyz archive",
        "stdin": f"echo 'import scorelib' | {python} - stdin",
    }
    assert_all_whole(place, git, commands)


def write_programs(place: Path, python: str, programs: dict[str, str]) -> dict[str, str]:
    """Name -> the command that runs the program."""
    for name, program in programs.items():
        (place / f"{name}.py").write_text(f"import scorelib\n{program}\n")
    return {name: f"{python} {name}.py {name}" for name in programs}


def assert_all_whole(place: Path, git: Callable[..., str], commands: dict[str, str]) -> None:
    done = record(place, "\n".join([*commands.values(), "exit 0"]))
    assert done.returncode == 0, done.stderr
    result = ended(place)
    assert set(result) == set(commands)
    for item in result.values():
        assert_whole(item, git, place)


@pytest.mark.parametrize("python", every_python())
def test_records_that_a_killed_process_lost_are_noted(place: Path, python: str) -> None:
    record(place, "\n".join([*write_programs(place, python, KILLED).values(), "exit 0"]))
    assert [item.of("close") for item in ended(place).values()] == [[], []]
    with Contexta(workspace=place / ".contexta") as ctx:
        notes = [note.text for note in ctx.get_run("r").notes if note.topic == "process"]
    assert len(notes) == 2
    for note in notes:
        assert "was killed or called os._exit" in note
