"""The interpreters found on this machine: what runs inside training is tested in each."""

from __future__ import annotations

import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest

MINORS = range(8, 15)


@cache
def found() -> dict[int, str]:
    """Minor version of Python 3 -> path, where there is one."""
    places = {minor: _found(minor) for minor in MINORS}
    places[sys.version_info.minor] = sys.executable
    return {minor: path for minor, path in places.items() if path is not None}


def _found(minor: int) -> str | None:
    candidates = sorted(Path.home().glob(f".pyenv/versions/3.{minor}.*/bin/python"))
    on_path = shutil.which(f"python3.{minor}")
    for candidate in [*map(str, candidates), *([on_path] if on_path else [])]:
        finished = subprocess.run(
            [candidate, "-c", "import sys; print(sys.version_info[1])"], capture_output=True, text=True, check=False
        )
        if finished.stdout.strip() == str(minor):
            return candidate
    return None


def every_python() -> list[Any]:
    """A parameter for each supported version; those that are not here are skipped, visibly."""
    return [
        pytest.param(found()[minor], id=f"3.{minor}")
        if minor in found()
        else pytest.param("", id=f"3.{minor}", marks=pytest.mark.skip(reason=f"no Python 3.{minor} here"))
        for minor in MINORS
    ]


def another_python() -> str:
    """An interpreter other than the one that runs the tests; the oldest there is. Skips without one."""
    others = {minor: path for minor, path in found().items() if minor != sys.version_info.minor}
    if not others:
        pytest.skip("there is only one Python here")
    return others[min(others)]
