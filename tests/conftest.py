from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from builders import Cli
from hypothesis import settings

from contexta import Contexta

settings.register_profile("contexta", deadline=None)  # two slow cores are no bug
settings.load_profile("contexta")


@pytest.fixture(autouse=True)
def _settings_of_nobody(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No test reads or writes a workspace it did not make; processes it starts cache their bytecode, as users' do."""
    monkeypatch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
    for name in [name for name in os.environ if name.startswith("CONTEXTA_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def ctx(tmp_path: Path) -> Iterator[Contexta]:
    with Contexta(workspace=tmp_path / ".contexta") as opened:
        yield opened


@pytest.fixture
def cli(tmp_path: Path) -> Cli:
    """Run the command line as a process in the test's directory."""

    def run(*arguments: str | bytes, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "contexta.cli", *arguments],
            cwd=tmp_path,
            env={**os.environ, **(env or {})},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    return run
