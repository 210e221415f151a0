from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from support.builders import Cli
from support.tiny_index import only_index


def test_without_an_index_the_demo_says_so_and_leaves_nothing(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UV_OFFLINE", "1")
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path.parent / f"{tmp_path.name}-cache"))
    done = cli("demo")
    assert done.returncode == 2
    assert "error: the demo needs the package index, which does not answer" in done.stderr
    assert "hint: check the network" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_the_demo_touches_no_directory_that_holds_something(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("x")
    done = cli("demo", "mine")
    assert done.returncode == 2
    assert "not empty" in done.stderr
    only_index(monkeypatch, tmp_path.parent / f"{tmp_path.name}-index", tmp_path.parent / f"{tmp_path.name}-cache")
    done = cli("demo")
    assert f"happens in {tmp_path / 'contexta-demo'}" in done.stdout.replace("\n", "")
    assert done.returncode == 2


@pytest.mark.online
@pytest.mark.slow
def test_the_demo_ends_in_the_proved_culprit(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "contexta.cli", "demo"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "accuracy  0.9693  0.864" in done.stdout
    assert "proved: pandas" in done.stdout
    assert "NEW with pandas at 2.3.3 is good" in done.stdout
