"""The commits and files between two commits of a repository on this machine."""

from __future__ import annotations

import os
import re

from contexta.recorder.source.git import git
from contexta.recorder.source.patches import without_secrets

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, List, Optional, Tuple

_COMMIT = re.compile(r"\A[0-9a-f]{7,64}\Z")
_DIFF_OPTIONS = ("--numstat", "--no-renames", "--no-ext-diff", "--no-textconv", "-z")
_MOST_PATCH = 4 * 1024 * 1024  # bytes; a longer patch is not read
MOST_COMMITS = 200
"""The number of commits that are read with their subjects."""


def between(root: str, old: str, new: str) -> Dict[str, Any]:
    """``files``, ``commits``, ``ahead`` and ``behind`` as in ``CommitRange``, or the ``reason`` why they are unknown.

    Reads the repository with three commands of git. About 20 ms.
    """
    from contexta.core.processes.process import ProcessError

    if not (_COMMIT.match(old) and _COMMIT.match(new)):  # a text that was written by hand may be an option of git
        return {"reason": "its commit is not the name of a commit"}
    if not os.path.isdir(root):
        return {"reason": "its repository is not on this machine"}
    try:
        changed = git(["diff", *_DIFF_OPTIONS, old, new, "--"], root)
        counted = git(["rev-list", "--left-right", "--count", f"{old}...{new}", "--"], root)
        shape = ["-z", "--format=%H%x09%cd%x09%s", "--date=format-local:%Y-%m-%dT%H:%M:%SZ", f"-n{MOST_COMMITS}"]
        listed = git(["log", *shape, f"{old}..{new}", "--"], root, extra={"TZ": "UTC"})
    except (ProcessError, OSError):
        return {"reason": "git could not be run"}
    if any(finished.exit_code != 0 for finished in (changed, counted, listed)):
        return {"reason": "its repository lacks one of these commits"}
    behind, ahead = map(int, counted.stdout.split())
    return {"files": _files(changed.stdout), "commits": _commits(listed.stdout), "ahead": ahead, "behind": behind}


def patch_between(root: str, old: str, new: str) -> Optional[bytes]:
    """The output of ``git diff`` between two commits, without secrets; None if git cannot tell. About 10 ms."""
    from contexta.core.processes.process import ProcessError

    if not (_COMMIT.match(old) and _COMMIT.match(new)) or not os.path.isdir(root):
        return None
    options = ["--no-color", "--no-renames", "--no-ext-diff", "--no-textconv"]
    try:
        finished = git(["diff", *options, old, new, "--"], root, max_output=_MOST_PATCH)
    except (ProcessError, OSError):
        return None
    return without_secrets(finished.stdout, os.urandom(16))[0] if finished.exit_code == 0 else None


def _files(output: bytes) -> Dict[str, Tuple[Optional[int], Optional[int]]]:
    """Path -> (lines added, lines deleted); (None, None) for a binary file."""
    files: Dict[str, Tuple[Optional[int], Optional[int]]] = {}
    for line in _lines(output):
        added, deleted, path = line.split("\t", 2)
        files[path] = (None, None) if added == "-" else (int(added), int(deleted))
    return files


def _commits(output: bytes) -> Tuple[Tuple[str, ...], ...]:
    """(commit, time, subject) of each commit, the latest first."""
    return tuple(tuple(line.split("\t", 2)) for line in _lines(output))


def _lines(output: bytes) -> List[str]:
    return [line.decode("utf-8", "backslashreplace") for line in output.split(b"\0") if line]
