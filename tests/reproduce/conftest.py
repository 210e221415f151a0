from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from support.tiny_index import PYTHON, only_index
from support.wheels import Venv, wheel

from contexta import Contexta
from contexta.reproduce.environments.cache import FOLDER_VARIABLE


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only index there is, with three packages; the cache of environments is the test's own."""
    folder = tmp_path / "index"
    only_index(monkeypatch, folder, tmp_path / "uv-cache")
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path / "cache"))
    wheel(folder, "alpha", "1.0", {"alpha.py": "def main():\n    print('alpha 1.0')\n"}, scripts={"say": "alpha:main"})
    wheel(folder, "beta", "2.1", {"beta/__init__.py": "x = 1\n", "beta/data.txt": "some\n"}, requires=["alpha"])
    wheel(folder, "gamma", "0.3")
    return folder


@pytest.fixture
def trained(index: Path, tmp_path: Path, ctx: Contexta) -> Callable[..., Venv]:
    """Record a run in a new environment of these wheels; the environment, by whose Python it ran."""

    def record(
        name: str = "first",
        *,
        install: Sequence[str | Path] = ("alpha", "beta", "gamma"),
        code: str = "import alpha",
        command: Sequence[str] = (),
        options: Sequence[str] = (),
        cwd: Path | None = None,
    ) -> Venv:
        venv = Venv(tmp_path / f"venv-{name}", PYTHON)
        if install:
            venv.install("--find-links", str(index), *install)
        contexta = [sys.executable, "-m", "contexta.cli", "run", "--workspace", str(tmp_path / ".contexta")]
        done = subprocess.run(
            [*contexta, "--project", "p", "--name", name, *options, "--", venv.python, *(command or ("-c", code))],
            cwd=cwd or tmp_path,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return venv

    return record
