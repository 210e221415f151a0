from __future__ import annotations

from pathlib import Path

import pytest

from contexta.config import UnifiedConfig, WorkspaceConfig, resolve
from contexta.core.errors import InvalidInput


def test_later_source_of_a_setting_wins(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text('[tool.contexta]\nproject = "from-file"\nworkspace = "ws"\n')
    below = tmp_path / "deep" / "down"
    below.mkdir(parents=True)

    from_file = resolve(environ={}, directory=below)
    assert from_file.project_name == "from-file"
    assert from_file.workspace.root_path == tmp_path / "ws"

    environ = {"CONTEXTA_PROJECT": "from-env", "CONTEXTA_WORKSPACE": "env-ws"}
    from_env = resolve(environ=environ, directory=below)
    assert (from_env.project_name, from_env.workspace.root_path) == ("from-env", Path("env-ws"))

    config = UnifiedConfig(project_name="given", workspace=WorkspaceConfig(root_path="here"))
    value = resolve(config, environ=environ, directory=below)
    assert (value.project_name, value.workspace.root_path) == ("given", Path("here"))

    only_workspace = resolve(workspace="there", environ=environ, directory=below)
    assert (only_workspace.project_name, only_workspace.workspace.root_path) == ("from-env", Path("there"))


def test_without_any_source_the_workspace_is_here(tmp_path: Path) -> None:
    assert resolve(environ={}, directory=tmp_path).workspace.root_path == Path(".contexta")


@pytest.mark.parametrize(
    ("make", "what", "hint"),
    [
        (lambda: UnifiedConfig(projct_name="x"), "projct_name", "project_name"),  # type: ignore[call-arg]  # wrong use
        (lambda: WorkspaceConfig(root="x"), "root", "root_path"),  # type: ignore[call-arg]  # wrong use
        (lambda: UnifiedConfig(workspace={"rot_path": "x"}), "rot_path", "root_path"),
        (lambda: UnifiedConfig(project_name="!!"), "!!", "e.g."),
        (lambda: WorkspaceConfig(root_path="a\0b"), "NUL", "remove"),
        (lambda: WorkspaceConfig("x"), "keyword", "root_path"),  # type: ignore[call-arg]  # wrong use
    ],
)
def test_wrong_setting_is_refused_with_the_nearest_known_one(make: object, what: str, hint: str) -> None:
    with pytest.raises(InvalidInput, match=what) as refusal:
        make()  # type: ignore[operator]  # wrong use
    assert hint in (refusal.value.hint or "")


@pytest.mark.parametrize(
    ("table", "what"),
    [
        ("projekt = 'x'", "projekt"),
        ("project = 3", "3"),
        ("project = 'x", "no valid TOML"),
        ("project = '!'", "'!'|\"!\""),
    ],
)
def test_wrong_pyproject_setting_names_the_file(tmp_path: Path, table: str, what: str) -> None:
    (tmp_path / "pyproject.toml").write_text(f"[tool.contexta]\n{table}\n")
    with pytest.raises(InvalidInput, match=what):
        resolve(environ={}, directory=tmp_path)


def test_two_workspaces_are_refused() -> None:
    with pytest.raises(InvalidInput, match="twice"):
        resolve(UnifiedConfig(workspace=WorkspaceConfig(root_path="a")), workspace="b", environ={})
