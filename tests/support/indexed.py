"""Environments with packages of the package index, for tests marked ``online``."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from contexta.core.errors import ContextaError
from contexta.reproduce.uv.commands import find_uv


def indexed_environment(folder: Path, *requirements: str, python: str = sys.executable) -> str:
    """The interpreter of a new environment with these requirements. Skips the test where none can be made."""
    uv = find_uv()
    try:
        uv.create(python, folder)
    except ContextaError as error:
        pytest.skip(str(error))
    interpreter = str(folder / "bin" / "python")
    command = [uv.path, "pip", "install", "-q", "--python", interpreter, *requirements]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return interpreter
