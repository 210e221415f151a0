"""Check out a repository of this machine at a commit, with recorded changes on top, into a separate directory.

The user's repository is read, never written: neither its working tree, nor its index, nor its list of worktrees.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from contexta.core.errors import ContextaError, InvalidInput, NotFound, shown
from contexta.recorder.source.git import COPY_SECONDS, clone, git, has_object, message, output, top_level
from contexta.reproduce.uv.urls import is_commit

_MOVED = re.compile(
    rb"^\+\+\+ b/(.+?)\t?\n@@ [^\n]*\n(?:-Subproject commit [^\n]*\n)?\+Subproject commit ([0-9a-f]+)", re.MULTILINE
)


class PatchRefused(ContextaError):
    """The recorded changes do not apply to the recorded commit."""


def repository_of(path: str) -> Path:
    """The root of the repository around a directory. Raises NotFound if there is none."""
    if not Path(path).is_dir():
        raise NotFound(f"{path} is not on this machine")
    root = top_level(path)
    if root is None:
        raise NotFound(f"{path} is not in a git repository")
    return Path(root)


def require_commit(repository: Path, commit: str) -> None:
    """Raises NotFound if the repository lacks the commit."""
    if not is_commit(commit):
        raise InvalidInput(f"{shown(commit)} is no commit")
    if not has_object(str(repository), f"{commit}^{{commit}}"):
        raise NotFound(f"{repository} does not have commit {commit[:12]}", hint="fetch it, where it was pushed to")


def check_out(repository: Path, commit: str, patch: bytes | None, at: Path, *, is_shared: bool = False) -> None:
    """Clone the repository at the commit and apply the patch. ``at`` must not exist.

    Submodules are cloned too, from their checkouts in the repository. is_shared: as in ``git.clone``.
    Raises NotFound for a missing commit, PatchRefused, and ProcessError if git fails.
    """
    require_commit(repository, commit)
    at.parent.mkdir(parents=True, exist_ok=True)
    _clone(repository, commit, at, is_shared)
    _clone_submodules(repository, at, patch or b"", is_shared)
    if patch:
        applied = git(["apply", "--binary", "--whitespace=nowarn", "-"], str(at), COPY_SECONDS, input=patch)
        if applied.exit_code != 0:
            raise PatchRefused(f"the recorded changes do not apply to commit {commit[:12]}: {message(applied)}")


def _clone(repository: Path, commit: str, at: Path, is_shared: bool) -> None:
    clone(str(repository), commit, str(at), is_shared=is_shared)
    output(["reset", "--quiet", "--hard"], str(at), COPY_SECONDS)


def _clone_submodules(repository: Path, at: Path, patch: bytes, is_shared: bool, prefix: str = "") -> None:
    """Check out the submodules of a clone, at the commits that the patch names, or else at the committed ones.

    A submodule that the repository does not have checked out stays empty, as in any clone. Changes in it do not apply.
    """
    entries = os.fsdecode(output(["ls-files", "--stage", "-z"], str(at)))
    moved = {os.fsdecode(path): commit.decode() for path, commit in _MOVED.findall(patch)}
    for entry in entries.split("\0"):
        about, _, path = entry.partition("\t")
        if not about.startswith("160000 "):
            continue
        submodule, commit = repository / path, moved.get(prefix + path, about.split(" ")[1])
        if (submodule / ".git").exists() and has_object(str(submodule), f"{commit}^{{commit}}"):
            _clone(submodule, commit, at / path, is_shared)
            _clone_submodules(submodule, at / path, patch, is_shared, f"{prefix}{path}/")
