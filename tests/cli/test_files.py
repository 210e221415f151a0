"""What a run wrote and made, on the command line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(os.name != "posix", reason="written for POSIX shells, signals and terminals")

CONTEXTA = [sys.executable, "-I", "-m", "contexta.cli"]


def test_what_a_command_wrote_can_be_read_again(tmp_path: Path) -> None:
    train = """
        import sys, contexta
        print('\\x1b[31mred\\x1b[0m')
        print('oh', file=sys.stderr)
        contexta.init().input('me', sys.argv[1])
    """
    (tmp_path / "data").write_text("1")
    (tmp_path / "train.py").write_text(textwrap.dedent(train), encoding="utf-8")
    command = [*CONTEXTA, "run", "--name", "r", "--", sys.executable, "train.py", "data"]
    subprocess.run(command, cwd=tmp_path, capture_output=True, check=True)
    shown = subprocess.run([*CONTEXTA, "show", "r"], cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    assert "stdout 13 B, stderr 3 B" in shown
    assert "Inputs" in shown
    for option, expected in ((), b"\x1b[31mred\x1b[0m\n"), (("--stderr",), b"oh\n"):
        told = subprocess.run([*CONTEXTA, "log", "r", *option], cwd=tmp_path, capture_output=True, check=True)
        assert told.stdout == expected
    told = subprocess.run([*CONTEXTA, "log", "r", "--json"], cwd=tmp_path, capture_output=True, check=True)
    assert json.loads(told.stdout)["stream"] == "stdout"
