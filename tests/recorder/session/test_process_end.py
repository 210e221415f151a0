"""How a recorded process ends is how it would end without the recorder."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest
from support.builders import Cli

END = """
import atexit
from contexta.recorder.session.process_end import keep_interrupt, unhandled_exception


def end():
    eval("1")  # as an import of a module with a named tuple
    keep_interrupt(unhandled_exception())


atexit.register(end)
"""


@pytest.mark.skipif(os.name != "posix", reason="signals")
@pytest.mark.parametrize(
    ("program", "code"),
    [
        ("raise KeyboardInterrupt", -signal.SIGINT),
        ("raise ValueError", 1),
        ("raise SystemExit(3)", 3),
        ("try: raise KeyboardInterrupt\nexcept KeyboardInterrupt: pass", 0),
    ],
)
def test_only_an_unhandled_interrupt_ends_the_process_by_its_signal(program: str, code: int) -> None:
    assert subprocess.run([sys.executable, "-c", END + program], stderr=subprocess.DEVNULL).returncode == code


@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_ctrl_c_under_the_recorder_has_the_exit_code_of_a_shell(cli: Cli) -> None:
    program = "import atexit, contexta; contexta.init(); atexit.register(eval, '1'); raise KeyboardInterrupt"
    assert cli("run", "--quiet", "--", sys.executable, "-c", program).returncode == 128 + signal.SIGINT
