"""Files of a commit are read byte for byte, whatever they contain."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from contexta.recorder.source import git_history
from contexta.recorder.source.git_history import TrackedFile

FILES = {"empty": b"", "no-newline": b"a", "binary": b"\0\n\n1 blob 2\n", "long": b"x" * 5_000, "two words": b"\n"}


@pytest.mark.parametrize("most_at_once", [1, 100, 32 * 1024**2])
def test_each_file_of_a_commit_has_its_content_and_an_unreadable_one_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, most_at_once: int
) -> None:
    for name, content in FILES.items():
        (tmp_path / name).write_bytes(content)
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "core.autocrlf=false"]
    for arguments in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "files"]):
        subprocess.run(["git", *identity, *arguments], cwd=tmp_path, check=True)
    monkeypatch.setattr(git_history, "_MOST_AT_ONCE", most_at_once)
    files = git_history.files_at(tmp_path, "HEAD")
    unreadable = TrackedFile("gone", 3, "0" * 39 + "1")
    contents = git_history.contents(tmp_path, [*files[:2], unreadable, *files[2:]])
    assert {file.path: content for file, content in contents} == FILES
