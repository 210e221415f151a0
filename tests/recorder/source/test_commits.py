from __future__ import annotations

import subprocess
from pathlib import Path

from contexta.recorder.source.commits import between


def git(*arguments: str, cwd: Path) -> str:
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
    done = subprocess.run(["git", *identity, *arguments], cwd=cwd, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_between_two_commits_are_files_with_lines_and_commits_with_subjects(tmp_path: Path) -> None:
    git("init", "-q", cwd=tmp_path)
    commits = []
    for number, name in enumerate(("a.py", "b.py", "größe.py")):
        (tmp_path / name).write_text(f"{number}\n")
        git("add", "-A", cwd=tmp_path)
        git("commit", "-qm", name, cwd=tmp_path)
        commits.append(git("rev-parse", "HEAD", cwd=tmp_path))
    later = between(str(tmp_path), commits[0], commits[2])
    assert later["files"] == {"b.py": (1, 0), "größe.py": (1, 0)}
    assert [(commit, subject) for commit, _, subject in later["commits"]] == [
        (commits[2], "größe.py"),
        (commits[1], "b.py"),
    ]
    assert (later["ahead"], later["behind"]) == (2, 0)
    earlier = between(str(tmp_path), commits[2], commits[0])
    assert (earlier["files"]["b.py"], earlier["ahead"], earlier["behind"]) == ((0, 1), 0, 2)


def test_a_missing_repository_or_commit_is_a_reason(tmp_path: Path) -> None:
    missing = between(str(tmp_path / "gone"), "a" * 40, "b" * 40)
    assert missing == {"reason": "its repository is not on this machine"}
    option = between(str(tmp_path), f"--output={tmp_path / 'written'}", "b" * 40)
    assert (option, (tmp_path / "written").exists()) == ({"reason": "its commit is not the name of a commit"}, False)
    git("init", "-q", cwd=tmp_path)
    assert between(str(tmp_path), "0" * 40, "1" * 40) == {"reason": "its repository lacks one of these commits"}
