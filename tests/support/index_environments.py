"""Environments with packages of the package index, for tests marked ``online``."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from contexta.core.errors import ContextaError
from contexta.reproduce.uv.commands import find_uv


def python_with(folder: Path, *requirements: str, interpreter: str = sys.executable) -> str:
    """The interpreter of a new environment with the packages. Skips the test where there is no uv."""
    at = folder / f"environment-{len(list(folder.glob('environment-*')))}"
    try:
        uv = find_uv()
        uv.create(interpreter, at)
    except ContextaError as error:
        pytest.skip(str(error))
    python = str(at / "bin" / "python")
    command = [uv.path, "pip", "install", "-q", "--python", python, *requirements]
    subprocess.run(command, check=True, capture_output=True)
    return python
