"""Contexta reads a user's repository and never writes to it, neither to its files nor to ``.git``."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from contexta.bisect.execution.isolation.sandbox import Revision, workplace
from contexta.recorder.packages.origins import with_checkouts
from contexta.recorder.source.capture import source
from contexta.recorder.source.commits import between
from contexta.reproduce.plan.checkouts import check_out

Git = Callable[..., str]


class Place(NamedTuple):
    repository: Path
    commits: tuple[str, str]
    elsewhere: Path


@pytest.fixture
def place(tmp_path: Path, git: Git) -> Place:
    """A repository with changed, staged, untracked and ignored files, and one file that only looks changed."""
    repository = tmp_path / "repository"
    repository.mkdir()
    git(repository, "init")
    commits = []
    for text in ("one", "two"):
        for name in ("touched.py", "changed.py", "staged.py"):
            (repository / name).write_text(f"{text}\n")
        (repository / ".gitignore").write_text("data\n")
        git(repository, "add", ".")
        git(repository, "commit", "-m", text)
        commits.append(git(repository, "rev-parse", "HEAD").strip())
    later = time.time() + 5
    os.utime(repository / "touched.py", (later, later))  # git diff would refresh the index for it
    (repository / "changed.py").write_text("three\n")
    (repository / "staged.py").write_text("three\n")
    git(repository, "add", "staged.py")
    (repository / "new.py").write_text("new\n")
    (repository / "data").write_text("1,2\n")
    git(repository, "gc")  # leaves packs, which nothing may repack
    return Place(repository, (commits[0], commits[1]), tmp_path / "elsewhere")


def content(folder: Path) -> dict[str, tuple[int, int, bytes]]:
    """Mode, modification time and bytes of everything in a folder. A lock file changes the time of its directory."""
    paths = [folder, *folder.rglob("*")]
    return {
        str(path): (path.lstat().st_mode, path.lstat().st_mtime_ns, path.read_bytes() if path.is_file() else b"")
        for path in paths
    }


def _capture(place: Place) -> None:
    facts, patch, notes = source(str(place.repository), salt=b"s" * 32)
    assert (facts["dirty"], notes) == (True, [])
    assert patch is not None
    assert b"+new" in patch


def _checkouts(place: Place) -> None:
    origin = {"kind": "editable", "url": place.repository.as_uri()}
    distributions, notes = with_checkouts([{"name": "mine", "version": "1", "origin": origin}])
    assert (distributions[0]["origin"]["commit"], notes) == (place.commits[1], [])


def _difference(place: Place) -> None:
    assert len(between(str(place.repository), *place.commits)["files"]) == 3


def _check_out(place: Place) -> None:
    check_out(place.repository, place.commits[0], None, place.elsewhere)
    assert (place.elsewhere / "changed.py").read_text() == "one\n"


def _trial(place: Place) -> None:
    with workplace(place.repository, place.elsewhere, in_place=False) as at:
        assert (at / "changed.py").read_text() == "three\n"
        subprocess.run(["git", "checkout", "-q", "--", "."], cwd=at, check=True)


def _trial_of_a_revision(place: Place) -> None:
    revision = Revision(place.commits[0], None)
    with workplace(place.repository, place.elsewhere, in_place=False, revision=revision) as at:
        assert (at / "changed.py").read_text() == "one\n"


def _run(place: Place) -> None:
    command = [sys.executable, "-I", "-m", "contexta.cli", "run", "--", sys.executable, "-c", "1"]
    environment = {**os.environ, "CONTEXTA_WORKSPACE": str(place.elsewhere)}
    subprocess.run(command, cwd=place.repository, env=environment, check=True, capture_output=True, timeout=60)


@pytest.mark.parametrize(
    "use",
    [_capture, _checkouts, _difference, _check_out, _trial, _trial_of_a_revision, _run],
    ids=lambda use: use.__name__.strip("_"),
)
def test_a_repository_and_its_git_directory_stay_as_they_were(place: Place, use: Callable[[Place], None]) -> None:
    before = content(place.repository)
    use(place)
    after = content(place.repository)
    assert [path for path in {*before, *after} if before.get(path) != after.get(path)] == []


def test_a_file_that_only_looks_changed_does_not_refresh_the_index(place: Place) -> None:
    (place.repository / "new.py").unlink()  # with untracked files, git works on a copy of the index
    before = content(place.repository)
    assert source(str(place.repository), salt=b"s" * 32)[1] is not None
    assert content(place.repository) == before
