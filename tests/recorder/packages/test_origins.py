from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from contexta.recorder.packages import origins


def editable(project: Path) -> dict[str, Any]:
    return {"name": "proj", "version": "1", "origin": {"kind": "editable", "url": project.as_uri()}}


def test_an_editable_checkout_has_its_commit_and_whether_it_was_changed(
    tmp_path: Path, git: Callable[..., str]
) -> None:
    project = tmp_path / "my project"
    (project / "pkg").mkdir(parents=True)
    (project / "pkg" / "a.py").write_text("x = 1\n")
    git(project, "init", "-q")
    git(project, "add", ".")
    git(project, "commit", "-qm", "one")
    commit = git(project, "rev-parse", "HEAD").strip()
    other = {"name": "o", "version": "1", "origin": {"kind": "index"}}

    result, notes = origins.with_checkouts([other, editable(project)])
    assert notes == []
    assert result[0] is other
    assert result[1]["origin"]["commit"] == commit
    assert result[1]["origin"]["dirty"] is False

    (project / "pkg" / "a.py").write_text("x = 2\n")
    assert origins.with_checkouts([editable(project)])[0][0]["origin"]["dirty"] is True
    git(project, "checkout", "-q", ".")
    (project / "pkg" / "new.py").write_text("y = 1\n")
    assert origins.with_checkouts([editable(project)])[0][0]["origin"]["dirty"] is True


def test_only_changes_below_an_editable_project_make_it_dirty(tmp_path: Path, git: Callable[..., str]) -> None:
    project = tmp_path / "libs" / "proj"
    project.mkdir(parents=True)
    (project / "a.py").write_text("x = 1\n")
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-qm", "one")
    (tmp_path / "notes.txt").write_text("elsewhere")
    assert origins.with_checkouts([editable(project)])[0][0]["origin"]["dirty"] is False


def test_an_editable_project_outside_of_git_leaves_a_note(tmp_path: Path) -> None:
    result, notes = origins.with_checkouts([editable(tmp_path), editable(tmp_path / "gone")])
    assert all("commit" not in item["origin"] and "dirty" not in item["origin"] for item in result)
    assert [note["topic"] for note in notes] == ["origins", "origins"]
    assert notes[0]["text"] == "editable proj has no commit: not in a git repository"
    assert notes[1]["text"].startswith("editable proj: its commit is unknown: git cannot start")


def test_commit_of_an_editable_project_that_git_refuses_is_unknown(tmp_path: Path, git: Callable[..., str]) -> None:
    git(tmp_path, "init", "-q")
    (tmp_path / ".git" / "HEAD").write_text("nonsense")
    result, notes = origins.with_checkouts([editable(tmp_path)])
    assert "commit" not in result[0]["origin"]
    assert "editable proj: its commit is unknown: fatal: not a git repository" in notes[0]["text"]


def test_a_repository_without_commits_has_no_commit(tmp_path: Path, git: Callable[..., str]) -> None:
    git(tmp_path, "init", "-q")
    (tmp_path / "a.py").write_text("x = 1\n")
    origin = origins.with_checkouts([editable(tmp_path)])[0][0]["origin"]
    assert "commit" not in origin
    assert origin["dirty"] is True
