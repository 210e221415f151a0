"""The captured output of a run, on the command line."""

from __future__ import annotations

import json
import os
import sys
import textwrap
from pathlib import Path

import pytest
from support.builders import Cli

pytestmark = pytest.mark.skipif(os.name != "posix", reason="written for POSIX shells, signals and terminals")


def test_the_captured_output_of_a_command_can_be_read_again(cli: Cli, tmp_path: Path) -> None:
    train = """
        import sys, contexta
        print('\\x1b[31mred\\x1b[0m')
        print('oh', file=sys.stderr)
        contexta.init().input('me', sys.argv[1])
    """
    (tmp_path / "data").write_text("1")
    (tmp_path / "train.py").write_text(textwrap.dedent(train), encoding="utf-8")
    recorded = cli("run", "--name", "r", "--", sys.executable, "train.py", "data")
    assert recorded.returncode == 0, recorded.stderr
    screen = cli("show", "r").stdout
    assert "stdout 13 B, stderr 3 B" in screen
    assert "Inputs" in screen
    assert cli("log", "r").stdout == "\x1b[31mred\x1b[0m\n"
    assert cli("log", "r", "--stderr").stdout == "oh\n"
    assert json.loads(cli("log", "r", "--json").stdout)["stream"] == "stdout"
