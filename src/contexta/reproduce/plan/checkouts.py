"""A repository of this machine as it was at a commit, with recorded changes on top, in a directory of its own.

The user's repository is read, never written: not its working tree, not its index, not its list of worktrees.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from contexta.core.errors import ContextaError, InvalidInput, NotFound, shown
from contexta.core.process import Finished, ProcessError
from contexta.recorder.source.git import git
from contexta.reproduce.uv.urls import is_commit

_MINUTES = 60.0
_MOVED = re.compile(
    rb"^\+\+\+ b/(.+?)\t?\n@@ [^\n]*\n(?:-Subproject commit [^\n]*\n)?\+Subproject commit ([0-9a-f]+)", re.MULTILINE
)


class PatchRefused(ContextaError):
    """The recorded changes do not apply to the recorded commit."""


def repository_of(path: str) -> Path:
    """The root of the repository that a directory lies in. Raises NotFound where there is none."""
    if not Path(path).is_dir():
        raise NotFound(f"{path} is not on this machine")
    said = _ask(["rev-parse", "--show-toplevel"], path)
    if said.exit_code != 0:
        raise NotFound(f"{path} is in no repository of git")
    return Path(os.fsdecode(said.stdout).rstrip("\n"))


def require_commit(repository: Path, commit: str) -> None:
    """Raises NotFound when the repository does not hold the commit."""
    if not is_commit(commit):
        raise InvalidInput(f"{shown(commit)} is no commit")
    if _ask(["cat-file", "-e", f"{commit}^{{commit}}"], str(repository)).exit_code != 0:
        raise NotFound(
            f"{repository} does not have commit {commit[:12]}",
            hint="fetch it, where it was pushed to",
        )


def check_out(repository: Path, commit: str, patch: bytes | None, at: Path) -> None:
    """A clone at the commit, with the patch applied; ``at`` must not exist. Shares no file that git ever changes.

    Submodules are cloned as well, from where they are checked out in the repository.

    Raises NotFound for a commit that is not there, PatchRefused, and ProcessError when git fails.
    """
    require_commit(repository, commit)
    at.parent.mkdir(parents=True, exist_ok=True)
    _do(["clone", "--quiet", "--local", "--no-checkout", "--", str(repository), str(at)], str(repository))
    _do(["checkout", "--quiet", "--detach", commit], str(at))
    _clone_submodules(repository, at, patch or b"")
    apply_changes(at, commit, patch)


def _clone_submodules(repository: Path, at: Path, patch: bytes, below: str = "") -> None:
    """Check out the submodules of a clone, at the commits that the changes name, else at those that are committed.

    One that the repository does not have checked out stays empty, as in any clone: changes in it will not apply.
    """
    listed = os.fsdecode(_ask(["ls-files", "--stage", "-z"], str(at)).stdout)
    moved = {os.fsdecode(path): commit.decode() for path, commit in _MOVED.findall(patch)}
    for entry in listed.split("\0"):
        about, _, path = entry.partition("\t")
        if not about.startswith("160000 "):
            continue
        theirs, target, commit = repository / path, at / path, moved.get(below + path, about.split(" ")[1])
        if not (theirs / ".git").exists() or _ask(["cat-file", "-e", f"{commit}^{{commit}}"], str(theirs)).exit_code:
            continue
        _do(["clone", "--quiet", "--local", "--no-checkout", "--", str(theirs), str(target)], str(theirs))
        _do(["checkout", "--quiet", "--detach", commit], str(target))
        _clone_submodules(theirs, target, patch, f"{below}{path}/")


def apply_changes(at: Path, commit: str, patch: bytes | None) -> None:
    """Put recorded changes on top of what was checked out. Raises PatchRefused."""
    if patch:
        applied = _ask(["apply", "--binary", "--whitespace=nowarn", "-"], str(at), patch)
        if applied.exit_code != 0:
            said = applied.stderr.decode(errors="replace").strip().partition("\n")[0]
            raise PatchRefused(f"the recorded changes do not apply to commit {commit[:12]}: {said}")


def _do(arguments: list[str], cwd: str) -> None:
    done = _ask(arguments, cwd)
    if done.exit_code != 0:
        raise ProcessError(f"git {arguments[0]} failed: {done.stderr.decode(errors='replace').strip()[:500]}")


def _ask(arguments: list[str], cwd: str, given: bytes | None = None) -> Finished:
    return git(arguments, cwd, 10 * _MINUTES, input=given)
