from __future__ import annotations

import subprocess
from pathlib import Path

from contexta.recorder.source.commits import between


def git(*arguments: str, cwd: Path) -> str:
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
    done = subprocess.run(["git", *identity, *arguments], cwd=cwd, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_the_difference_of_two_commits_is_files_and_a_count(tmp_path: Path) -> None:
    git("init", "-q", cwd=tmp_path)
    commits = []
    for number, name in enumerate(("a.py", "b.py", "größe.py")):
        (tmp_path / name).write_text(str(number))
        git("add", "-A", cwd=tmp_path)
        git("commit", "-qm", name, cwd=tmp_path)
        commits.append(git("rev-parse", "HEAD", cwd=tmp_path))
    files, count, reason = between(str(tmp_path), commits[0], commits[2])
    assert (sorted(files), count, reason) == (["b.py", "größe.py"], 2, None)


def test_a_missing_repository_or_commit_is_a_reason(tmp_path: Path) -> None:
    assert between(str(tmp_path / "gone"), "a", "b")[2] == "its repository is not on this machine"
    git("init", "-q", cwd=tmp_path)
    assert between(str(tmp_path), "0" * 40, "1" * 40) == ((), None, "its repository lacks one of these commits")
