"""Private directories of trials, and their removal after a process was killed."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from contexta.bisect.execution.isolation.sandbox import own_place, settle, sweep, tidy
from contexta.recorder.journal.processes import identity

_IDENTITY = "import json\nfrom contexta.recorder.journal.processes import identity\nprint(json.dumps(identity()))"


@pytest.fixture(scope="module")
def dead_owner() -> str:
    """The owner's file of a process that has ended."""
    return subprocess.run([sys.executable, "-c", _IDENTITY], capture_output=True, text=True, check=True).stdout


linux = pytest.mark.skipif(sys.platform != "linux", reason="needs /proc to know that a process has ended")


@linux
def test_the_directory_of_a_killed_process_is_removed_with_its_files_and_links(tmp_path: Path, dead_owner: str) -> None:
    left, outside = tmp_path / "cx-1", tmp_path / "outside"
    outside.mkdir()
    (outside / "data").write_text("x")
    (left / "environment" / "bin").mkdir(parents=True)
    (left / "link").symlink_to(outside)
    (left / "note").write_text("x")
    (left / "owner.json").write_text(dead_owner)
    sweep(tmp_path)
    assert not left.exists()
    assert (outside / "data").exists()


def test_a_directory_that_was_made_but_never_used_is_removed(tmp_path: Path) -> None:
    (tmp_path / "cx-1").mkdir()
    sweep(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_directories_of_live_processes_and_other_files_stay(tmp_path: Path) -> None:
    (tmp_path / "cx-1").mkdir()
    (tmp_path / "cx-1" / "owner.json").write_text(json.dumps(identity()))
    (tmp_path / "cx-2").mkdir()
    (tmp_path / "cx-2" / "work").write_text("of whoever")
    (tmp_path / "other").mkdir()
    sweep(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cx-1", "cx-2", "other"]


def test_the_owner_is_the_last_file_that_is_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    removed: list[str] = []
    unlink = Path.unlink

    def noted(path: Path, missing_ok: bool = False) -> None:
        removed.append(path.name)
        unlink(path, missing_ok)

    monkeypatch.setattr(Path, "unlink", noted)
    with own_place(tmp_path) as at:
        for name in ("a", "z"):
            (at / name).write_text("x")
        (at / "folder").mkdir()
    settle()
    assert sorted(removed[:-1]) == ["a", "z"]
    assert removed[-1] == "owner.json"
    assert list(tmp_path.iterdir()) == []


@linux
def test_a_study_that_runs_no_trial_removes_linked_environments_of_killed_ones(
    tmp_path: Path, dead_owner: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CONTEXTA_CACHE_DIR", str(tmp_path))
    (tmp_path / "mixes" / "cx-1" / "environment").mkdir(parents=True)
    (tmp_path / "mixes" / "cx-1" / "owner.json").write_text(dead_owner)
    tidy()
    assert list((tmp_path / "mixes").iterdir()) == []
