from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from contexta.core.processes.process import ProcessError
from contexta.recorder.source.git import clone, has_object, output, top_level

Git = Callable[..., str]
MEMORY = Path("/dev/shm")


@pytest.fixture
def repository(tmp_path: Path, git: Git) -> Path:
    folder = tmp_path / "repository"
    folder.mkdir()
    git(folder, "init")
    (folder / "a").write_text("a")
    git(folder, "add", ".")
    git(folder, "commit", "-m", "a")
    return folder


def test_a_failure_is_an_error_with_the_message_of_git(repository: Path) -> None:
    with pytest.raises(ProcessError, match="fatal: .*nothing"):
        output(["show", "nothing"], str(repository))


def test_a_repository_is_found_from_a_subdirectory_and_has_its_objects(repository: Path, tmp_path: Path) -> None:
    (repository / "below").mkdir()
    assert top_level(str(repository / "below")) == str(repository)
    assert top_level(str(tmp_path)) is None
    assert top_level(str(repository), "missing") is None
    assert (has_object(str(repository), "HEAD:a"), has_object(str(repository), "HEAD:b")) == (True, False)


@pytest.mark.skipif(not MEMORY.is_dir(), reason="needs a second file system")
def test_a_clone_may_lie_on_another_file_system(repository: Path, git: Git) -> None:
    commit = git(repository, "rev-parse", "HEAD").strip()
    with tempfile.TemporaryDirectory(dir=MEMORY) as folder:
        if Path(folder).stat().st_dev == repository.stat().st_dev:
            pytest.skip("/dev/shm is the file system of the test")
        clone(str(repository), commit, f"{folder}/clone")
        assert git(Path(f"{folder}/clone"), "rev-parse", "HEAD").strip() == commit


@pytest.mark.parametrize(
    "url",
    ["https://me:hush-hush@host/x.git", "https://hush-hush@host/x.git", "ssh://me:hush-hush@host:22/x.git"],
)
def test_a_clone_keeps_remotes_and_no_credentials(repository: Path, tmp_path: Path, git: Git, url: str) -> None:
    git(repository, "remote", "add", "upstream", url)
    git(repository, "config", "http.https://host/.extraheader", "AUTHORIZATION: basic hush-hush")
    git(repository, "config", "user.email", "me@example.org")
    clone(str(repository), "HEAD", str(tmp_path / "copy"))
    config = (tmp_path / "copy" / ".git" / "config").read_text()
    assert "hush-hush" not in config
    assert "host" in config
    assert "me@example.org" in config
    assert "hush-hush" in (repository / ".git" / "config").read_text(), "the user's own is only read"
