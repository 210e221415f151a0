"""Read facts about a child process from /proc."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from contexta.core.processes import process_tree

pytestmark = pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs /proc")

CODE = """
import subprocess, sys
below = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, start_new_session=True)
print(below.pid, flush=True)
input()
below.communicate()
"""


def test_a_living_process_is_described_and_an_ended_one_is_unknown(tmp_path: Path) -> None:
    words = [sys.executable, "-c", CODE, "", "two words"]
    variables = {"NAME": "a=b", "EMPTY": ""}
    with subprocess.Popen(
        words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=variables, cwd=tmp_path, text=True
    ) as process:
        assert process.stdout is not None
        below = int(process.stdout.readline())
        pid = process.pid
        assert process_tree.command_line(pid) == words
        assert variables.items() <= process_tree.variables(pid).items()
        assert process_tree.has_variable(pid, "NAME", "a=b")
        assert process_tree.has_variable(pid, "EMPTY", "")
        assert not process_tree.has_variable(pid, "NAME", "a")
        assert not process_tree.has_variable(pid, "AME", "a=b")
        assert Path(process_tree.executable(pid)) == Path(sys.executable).resolve()
        assert Path(process_tree.directory(pid)) == tmp_path
        assert process_tree.parent(pid) == os.getpid()
        assert pid in process_tree.children(os.getpid())
        assert process_tree.children(pid) == [below]
        assert (below, below) in process_tree.descendants(os.getpid())
        assert {pid, below} <= set(process_tree.processes())
        process.communicate("\n")
    assert process_tree.status(pid) is None
    assert (process_tree.parent(pid), process_tree.executable(pid), process_tree.directory(pid)) == (0, "", "")
    assert (process_tree.command_line(pid), process_tree.variables(pid), process_tree.children(pid)) == ([], {}, [])
