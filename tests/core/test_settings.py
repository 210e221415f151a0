"""Runs are recorded where queries look: the recorder and ``contexta.config`` read the same settings."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from support import paths
from support.pythons import found

from contexta.config import resolve
from contexta.core import settings
from contexta.core.errors import InvalidInput

# pyproject.toml -> (workspace, project); paths are below its directory
SPELLINGS = {
    "[tool.contexta]\nworkspace = 'ws'\nproject = 'p'": ("ws", "p"),
    "[ tool . contexta ]\nworkspace='ws'\nproject='p'": ("ws", "p"),
    '[tool."contexta"]\nworkspace = "w\\u0073"\n"project" = "a\\"b"': ("ws", 'a"b'),
    '[tool."conte\\u0078ta"]\nworkspace = "ws"': ("ws", None),
    "[tool.contexta]\nworkspace = '''ws'''\nproject = \"\"\"\np\"\"\"": ("ws", "p"),
    "[tool.contexta] # ours\nworkspace = 'ws' # project = 'q'\n# project = 'r'": ("ws", None),
    "[tool]\ncontexta.workspace = 'ws'\ncontexta.project = 'p'": ("ws", "p"),
    "tool.contexta.workspace = 'ws'": ("ws", None),
    "tool.contexta = { workspace = 'ws', project = 'p' }": ("ws", "p"),
    "tool = {contexta = {project = 'p'}}": (None, "p"),
    "[tool.contexta]\nhigher-is-better = [\n  'a', # ]\n  'b',\n]\nproject = 'p'": (None, "p"),
    "x = '''\n[tool.contexta]\nproject = 'q''''\n[tool.contexta]\nproject = 'p'": (None, "p"),
    "[tool.contexta]\r\nworkspace = 'ws'\r\n[tool.other]\r\nproject = 'q'\r\n": ("ws", None),
    "[tool.contexta]\nworkspace = '/ab/so/lute'": ("/ab/so/lute", None),
    "[tool.contexta]\nworkspace = '~/runs'": (str(Path("~/runs").expanduser()), None),
    "[tool.contexta]\nworkspace = '~nobody-here/runs'": ("~nobody-here/runs", None),
    "[tool.contextable]\nproject = 'q'": (None, None),
    "[tool.contexta]": (None, None),
}
REFUSED = {
    "tool.contexta = 5": "tool.contexta is 5",
    "[[tool.contexta]]\nproject = 'p'": "tool.contexta is [",
    "[tool.contexta]\nproject = 1": "[tool.contexta] project is 1",
    "[tool.contexta]\nproject = '!'": 'project: "!" has no letter or digit',
    '[tool.contexta]\nproject = "a\\u0000"': "NUL",
    "[tool.contexta]\nworkspace = ['ws']": "[tool.contexta] workspace is ['ws']",
    "[tool.contexta]\nworkspace = ''": "[tool.contexta] workspace is empty",
    '[tool.contexta]\nworkspace = "a\\u0000"': "NUL",
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CONTEXTA_WORKSPACE", raising=False)
    monkeypatch.delenv("CONTEXTA_PROJECT", raising=False)
    return tmp_path


@pytest.mark.parametrize("content", SPELLINGS)
def test_a_run_and_a_query_read_the_same_setting(folder: Path, content: str) -> None:
    workspace, project = SPELLINGS[content]
    (folder / "pyproject.toml").write_bytes(content.encode())
    config = resolve(environ={})
    assert config.project_name == project
    assert config.workspace.directory.absolute() == folder / (workspace or ".contexta")
    assert settings.project() == (project or folder.name)
    assert Path(settings.workspace()) == folder / (workspace or ".contexta")
    assert settings.problems() == []


@pytest.mark.parametrize("content", REFUSED)
def test_a_query_refuses_what_a_run_replaces_by_the_default_and_notes(folder: Path, content: str) -> None:
    (folder / "pyproject.toml").write_text(content)
    with pytest.raises(InvalidInput) as refusal:
        resolve(environ={})
    assert REFUSED[content] in str(refusal.value)
    (problem,) = settings.problems()
    assert REFUSED[content] in problem
    assert settings.project() == folder.name
    assert Path(settings.workspace()) == folder / ".contexta"


@pytest.mark.parametrize("minor", sorted(minor for minor in found() if minor < 11))
def test_an_old_python_finds_the_same_settings(folder: Path, minor: int) -> None:
    code = """if True:
        import json, os, sys
        from contexta.core import settings
        answers = []
        for content in json.load(sys.stdin):
            with open("pyproject.toml", "wb") as file:
                file.write(content.encode())
            answers.append([settings.workspace(), settings.project()])
        print(json.dumps(answers))
    """
    done = subprocess.run(
        [found()[minor], "-c", code],
        input=json.dumps(list(SPELLINGS)),
        env={"PYTHONPATH": str(paths.SOURCE), "HOME": str(Path.home())},
        capture_output=True,
        text=True,
        check=True,
    )
    expected = [
        [str(folder / (workspace or ".contexta")), project or folder.name] for workspace, project in SPELLINGS.values()
    ]
    assert json.loads(done.stdout) == expected


@pytest.mark.parametrize("path", ["there", "~/runs", "~nobody-here/runs", "/somewhere/else"])
def test_a_run_and_a_query_use_the_workspace_of_the_variable(
    folder: Path, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    monkeypatch.setenv("CONTEXTA_WORKSPACE", path)
    assert Path(settings.workspace()) == resolve().workspace.directory.absolute()


def test_a_workspace_of_an_argument_wins(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CONTEXTA_WORKSPACE", "postgresql://me@db.example.org/contexta")
    assert settings.workspace(str(tmp_path)) == str(tmp_path)
    assert settings.server(str(tmp_path)) is None
    assert settings.server() == "postgresql://me@db.example.org/contexta"


def test_the_nearest_file_with_our_table_counts(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "pyproject.toml").write_text("[tool.contexta]\nproject = 'above'")
    below = folder / "a" / "b"
    below.mkdir(parents=True)
    (below.parent / "pyproject.toml").write_text("[project]\nname = 'contexta-user'\nx = = 1")
    monkeypatch.chdir(below)
    assert (settings.project(), resolve(environ={}).project_name) == ("above", "above")
    assert settings.problems() == []


def test_readable_settings_of_an_invalid_file_count_for_a_run(folder: Path) -> None:
    (folder / "pyproject.toml").write_bytes(b"# \xff\nx = = 1\n[tool.contexta]\nproject = 'p'\n[tool.other]\ny = = 1\n")
    assert settings.project() == "p"
    (problem,) = settings.problems()
    assert "is no valid TOML: 'utf-8' codec can't decode byte 0xff" in problem
    with pytest.raises(InvalidInput, match="is no valid TOML"):
        resolve(environ={})


def test_workspace_is_searched_upwards_until_home_and_only_without_a_setting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, project = tmp_path / "home", tmp_path / "home" / "project"
    (project / "src").mkdir(parents=True)
    for folder in (home, tmp_path):
        (folder / ".contexta" / "journal").mkdir(parents=True)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("USERPROFILE", str(home))
    monkeypatch.chdir(project / "src")
    assert Path(settings.workspace()) == project / "src" / ".contexta"
    (project / ".contexta" / "journal").mkdir(parents=True)
    (project / "src" / ".git").mkdir()
    assert Path(settings.workspace()) == project / "src" / ".contexta"
    (project / "src" / ".git").rmdir()
    assert Path(settings.workspace()) == resolve().workspace.directory == project / ".contexta"
    assert settings.project() == "project"
    (project / "pyproject.toml").write_text('[tool.contexta]\nworkspace = "ws"\n')
    assert Path(settings.workspace()) == resolve().workspace.directory == project / "ws"
    monkeypatch.setenv("CONTEXTA_WORKSPACE", "here")
    assert Path(settings.workspace()) == project / "src" / "here"
    monkeypatch.delenv("CONTEXTA_WORKSPACE")
    monkeypatch.chdir(home)
    assert Path(settings.workspace()) == home / ".contexta"
