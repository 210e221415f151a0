"""Runs go where questions look: the recorder reads the same settings as ``contexta.config``."""

from __future__ import annotations

from pathlib import Path

import pytest

from contexta.config import resolve
from contexta.core import settings


@pytest.mark.parametrize("given", ["there", "~/runs", "/somewhere/else"])
@pytest.mark.parametrize("where", ["variable", "pyproject"])
def test_a_workspace_is_the_same_to_a_run_and_to_a_question(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: str, where: str
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CONTEXTA_WORKSPACE", raising=False)
    if where == "variable":
        monkeypatch.setenv("CONTEXTA_WORKSPACE", given)
    else:
        (tmp_path / "pyproject.toml").write_text(f'[tool.contexta]\nworkspace = "{given}"\n')
    assert Path(settings.workspace()) == resolve().workspace.directory.absolute()


def test_what_is_given_wins(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CONTEXTA_WORKSPACE", "postgresql://me@db.example.org/contexta")
    assert settings.workspace(str(tmp_path)) == str(tmp_path)
    assert settings.server(str(tmp_path)) is None
    assert settings.server() == "postgresql://me@db.example.org/contexta"
