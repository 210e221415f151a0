"""The order in which records reach the disk, by the system calls of a recording program."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from support.paths import SOURCE

pytestmark = pytest.mark.skipif(shutil.which("strace") is None, reason="strace tells which system calls are made")

STRACE = ("strace", "-f", "-y", "-s", "200", "-e", "trace=fsync,fdatasync,write,mkdir")
PROGRAM = """
import sys
from contexta import Contexta
run = Contexta(sys.argv[1]).run("r", project="p")
print("begun", flush=True)
run.metric("x", 1.0)
run.flush()
print("flushed", flush=True)
run.finish()
print("ended", flush=True)
"""


def traced(tmp_path: Path) -> list[str]:
    """The system calls of PROGRAM, with "begun", "flushed" and "ended" among them."""
    trace = tmp_path / "trace"
    subprocess.run(
        [*STRACE, "-o", os.fspath(trace), sys.executable, "-c", PROGRAM, os.fspath(tmp_path / "ws")],
        env={**os.environ, "PYTHONPATH": os.fspath(SOURCE)},
        cwd=tmp_path,
        check=True,
        timeout=60,
        capture_output=True,
    )
    return trace.read_text().splitlines()


def synced(tmp_path: Path) -> dict[str, list[str]]:
    """Moment -> paths that were flushed since the previous moment, relative to the workspace's parent."""
    result: dict[str, list[str]] = {}
    now: list[str] = []
    for line in traced(tmp_path):
        if (moment := re.search(r'write\(1<.*"(begun|flushed|ended)', line)) is not None:
            result[moment[1]], now = now, []
        elif (file := re.search(r"f(?:data)?sync\(\d+<([^>]*)>", line)) is not None:
            now.append(os.path.relpath(file[1], tmp_path))
    return result


def test_a_started_run_and_flushed_records_survive_a_power_failure(tmp_path: Path) -> None:
    result = synced(tmp_path)
    assert {".", "ws", "ws/journal", "ws/journal/p.r.jsonl", "ws/objects"} <= set(result["begun"])
    assert any(re.fullmatch(r"ws/objects/[0-9a-f]{2}", name) for name in result["begun"])
    salt, *_ = (
        place for place, name in enumerate(result["begun"]) if re.fullmatch(r"ws/objects/\.[\d]+\.[0-9a-f]+", name)
    )
    assert result["begun"][salt + 1] == "ws/objects", "values hashed with a lost salt seem to have changed"
    assert result["flushed"][-1] == "ws/journal/p.r.jsonl", "what it refers to (imports so far) comes first"
    assert "ws/journal/p.r.jsonl" in result["ended"]


def test_every_directory_that_a_run_makes_has_its_entry_on_the_disk(tmp_path: Path) -> None:
    made: set[str] = set()
    for line in traced(tmp_path):
        if (folder := re.search(r'mkdir\("([^"]*)".* = 0', line)) is not None:
            made.add(folder[1])
        elif (file := re.search(r"f(?:data)?sync\(\d+<([^>]*)>", line)) is not None:
            made = {folder for folder in made if os.fspath(Path(folder).parent) != file[1]}
        elif re.search(r'write\(1<.*"(begun|flushed|ended)', line) is not None:
            assert {folder for folder in made if ".known" not in folder} == set()  # facts in memory only may be lost
