from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from contexta.reproduce.uv.commands import find_uv
from contexta.reproduce.uv.interpreters import pyenv_interpreters, pyenv_python

PLACE = "python.exe" if os.name == "nt" else "bin/python"


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A separate pyenv with some versions, and directories that are not versions."""
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path))
    for name in ("3.9.18", "3.10.2", "3.10.13", "3.13.1t", "3.14.0rc1", "pypy3.10-7.3", "project"):
        place = tmp_path / "versions" / name / PLACE
        place.parent.mkdir(parents=True)
        place.touch()
    (tmp_path / "versions" / "3.12.1").mkdir()  # without an interpreter
    return tmp_path / "versions"


@pytest.mark.parametrize(
    ("request_version", "version"),
    [
        ("3", "3.10.13"),
        ("3.10", "3.10.13"),
        ("3.10.2", "3.10.2"),
        ("3.1", None),
        ("3.13", None),
        ("3.13t", "3.13.1t"),
        ("3.12.1", None),
    ],
)
def test_a_partial_version_selects_the_newest_interpreter_of_pyenv(
    root: Path, request_version: str, version: str | None
) -> None:
    assert pyenv_python(request_version) == (None if version is None else str(root / version / PLACE))


def test_without_pyenv_there_is_no_interpreter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path / "none"))
    assert pyenv_interpreters() == {}


@pytest.mark.skipif(os.name == "nt", reason="makes a link")
def test_a_version_that_uv_cannot_see_is_taken_from_pyenv(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = root / "3.77.0" / "bin"
    place.mkdir(parents=True)
    (place / "python").symlink_to(sys.executable)
    assert find_uv().interpreter("3.77").path == str(place / "python")
