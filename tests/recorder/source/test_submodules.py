"""Changes inside submodules are changes of the source: recorded, and applied again."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from contexta.recorder.source.capture import source
from contexta.recorder.source.limits import Limits
from contexta.reproduce.plan.checkouts import check_out

Git = Callable[..., str]


def made(git: Git, path: Path, **files: str) -> Path:
    path.mkdir(parents=True)
    for name, text in files.items():
        (path / name).write_text(text)
    git(path, "init", "-q")
    git(path, "add", ".")
    git(path, "commit", "-qm", "one")
    return path


def add_submodule(git: Git, repo: Path, origin: Path, path: str) -> Path:
    git(repo, "-c", "protocol.file.allow=always", "submodule", "add", "-q", str(origin), path)
    git(repo, "commit", "-qm", f"add {path}")
    return repo / path


@pytest.fixture
def repo(tmp_path: Path, git: Git) -> Path:
    """A repository with the submodule ``lib``, which has the submodule ``deep er``."""
    inner = made(git, tmp_path / "origin-inner", weights="1\n")
    lib = made(git, tmp_path / "origin-lib", model="a\n", readme="r\n")
    add_submodule(git, lib, inner, "deep er")
    path = made(git, tmp_path / "repo", train="t\n")
    add_submodule(git, path, lib, "lib")
    git(path / "lib", "-c", "protocol.file.allow=always", "submodule", "update", "--init", "-q")
    return path


def captured(directory: Path) -> tuple[dict[str, Any], bytes, list[str]]:
    facts, patch, notes = source(str(directory), salt=b"salt", limits=Limits(20.0))
    return facts, patch or b"", [note["text"] for note in notes]


def test_clean_submodules_are_part_of_the_commit(repo: Path) -> None:
    facts, patch, notes = captured(repo)
    assert (facts["dirty"], "submodules" in facts, patch, notes) == (False, False, b"", [])


def _modified(repo: Path, git: Git) -> None:
    (repo / "lib" / "model").write_text("b\n")


def _staged(repo: Path, git: Git) -> None:
    _modified(repo, git)
    git(repo / "lib", "add", "model")


def _untracked(repo: Path, git: Git) -> None:
    (repo / "lib" / "new file").write_text("n\n")


def _committed(repo: Path, git: Git) -> None:
    _modified(repo, git)
    git(repo / "lib", "commit", "-qam", "two")


def _committed_and_modified(repo: Path, git: Git) -> None:
    _committed(repo, git)
    (repo / "lib" / "model").write_text("c\n")
    (repo / "train").write_text("u\n")


def _deleted(repo: Path, git: Git) -> None:
    (repo / "lib" / "readme").unlink()


def _nested(repo: Path, git: Git) -> None:
    (repo / "lib" / "deep er" / "weights").write_text("2\n")


def _nested_and_committed(repo: Path, git: Git) -> None:
    _nested(repo, git)
    git(repo / "lib" / "deep er", "commit", "-qam", "two")
    (repo / "lib" / "deep er" / "weights").write_text("3\n")


def _ignored_by_settings(repo: Path, git: Git) -> None:
    _modified(repo, git)
    git(repo, "config", "diff.ignoreSubmodules", "all")
    git(repo, "config", "submodule.lib.ignore", "all")


CHANGES = [
    _modified,
    _staged,
    _untracked,
    _committed,
    _committed_and_modified,
    _deleted,
    _nested,
    _nested_and_committed,
    _ignored_by_settings,
]


def contents(root: Path) -> dict[str, bytes]:
    files = (path for path in sorted(root.rglob("*")) if path.is_file() and path.name != ".git")
    return {str(path.relative_to(root)): path.read_bytes() for path in files if ".git" not in path.parts}


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__.strip("_"))
def test_changes_inside_submodules_are_recorded_and_applied_again(
    repo: Path, git: Git, tmp_path: Path, change: Callable[[Path, Git], None]
) -> None:
    change(repo, git)
    facts, patch, notes = captured(repo)
    assert facts["dirty"]
    assert patch
    inner = ["lib/deep er"] if change in (_nested, _nested_and_committed) else []
    assert [part["path"] for part in facts["submodules"]] == ["lib", *inner]
    assert facts["submodules"][0]["commit"] == git(repo / "lib", "rev-parse", "HEAD").strip()
    assert notes == []
    check_out(repo, facts["commit"], patch, tmp_path / "again")
    assert contents(tmp_path / "again") == contents(repo)


def test_secrets_and_data_in_submodules_stay_out_and_are_noted(repo: Path) -> None:
    (repo / "lib" / ".env").write_text("TOKEN=x\n")
    (repo / "lib" / "data.csv").write_text("1\n")
    (repo / "lib" / "model").write_text("password = 'canary-5f3a9c-0123456789'\n")
    facts, patch, notes = captured(repo)
    assert b"TOKEN" not in patch
    assert b"canary" not in patch
    assert facts["patch_applies"] is False
    assert any("submodule lib: not in the patch, as they may hold secrets: .env" in text for text in notes)
    assert any("submodule lib: not in the patch, as they hold data: data.csv" in text for text in notes)


def test_the_repositories_are_not_written(repo: Path, git: Git) -> None:
    _committed_and_modified(repo, git)
    before = {str(path): path.stat().st_mtime_ns for path in repo.rglob("*")}
    captured(repo)
    assert {str(path): path.stat().st_mtime_ns for path in repo.rglob("*")} == before
