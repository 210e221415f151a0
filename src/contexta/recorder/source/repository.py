"""What git says of a repository: where it lies, its commit, branch and remote, and which files were changed.

The repository is read, never written. Standard library only, Python 3.8.
"""

from __future__ import annotations

import os

from contexta.core.settings import WORKSPACE
from contexta.recorder.notes import note, storable
from contexta.recorder.redaction.redact import clean_url
from contexta.recorder.source.git import Limits, git
from contexta.recorder.source.submodules import is_changed_submodule

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Optional, Sequence

    from contexta.core.process import Finished
    from contexta.recorder.notes import Note

TOPIC = "source"
NOT_IN_GIT = "not in a git repository"
"""Why there is no commit, where it is known that there is none."""
UNKNOWN = "unknown: "
"""How the reason begins why a commit is unknown."""
NO_PATCH = "the changes are not recorded"
"""How a note begins that tells of changes which no patch holds."""


class Refused(Exception):
    """git answered with an error; ``what`` is git's own text."""

    def __init__(self, what: str) -> None:
        super().__init__(what)
        self.what = what


def answer(arguments: Sequence[str], cwd: str, limits: Limits, **options: Any) -> Finished:
    done = git(arguments, cwd, limits.seconds, stop=limits.stop, **options)
    if done.exit_code != 0:
        lines = done.stderr.decode("utf-8", "backslashreplace").strip().splitlines()
        raise Refused(lines[0] if lines else f"git {arguments[0]} failed with exit code {done.exit_code}")
    return done


def repository_above(directory: str) -> Optional[str]:
    """The ``.git`` in a directory or in the nearest one above it; None without one. Whether git accepts it, only git
    knows. Looking costs microseconds, git ten milliseconds."""
    folder = os.path.realpath(directory)
    while not os.path.lexists(os.path.join(folder, ".git")):
        above = os.path.dirname(folder)
        if above == folder:
            return None
        folder = above
    return os.path.join(folder, ".git")


def is_a_git_directory(directory: str) -> bool:
    """Whether a directory may be a repository itself (a bare one), or is gone: then only git knows."""
    return not os.path.isdir(directory) or os.path.exists(os.path.join(directory, "HEAD"))


class Status:
    """What ``git status`` says; paths relative to the root. changed, untracked: None where it said nothing of them."""

    def __init__(self) -> None:
        self.commit: Optional[str] = None
        self.branch: Optional[str] = None
        self.upstream: Optional[str] = None
        self.changed: Optional[list[str]] = None
        self.untracked: list[str] = []
        self.submodules: list[str] = []  # those among the changed


def status_of(root: str, limits: Limits, notes: list[Note]) -> Status:
    from contexta.core.process import TimedOut

    ask = ["status", "--porcelain=v2", "--branch", "-z", "--no-renames", "--ignore-submodules=none"]
    ask += ["--untracked-files=all"]
    try:
        said = answer(ask, root, limits)
    except TimedOut:
        notes.append(note(TOPIC, f"untracked files are not in the patch: listing them takes over {limits.seconds:g} s"))
        try:
            said = answer([*ask[:-1], "--untracked-files=no"], root, limits)
        except TimedOut as error:
            notes.append(note(TOPIC, f"{NO_PATCH}, nor whether there are any: {error.what}"))
            return _head(root, limits)
    if said.stdout_truncated:
        notes.append(note(TOPIC, "there are too many untracked files to list; some are not in the patch"))
    return _read_status(os.fsdecode(said.stdout))


def _read_status(said: str) -> Status:
    status = Status()
    status.changed = []
    heads: dict[str, str] = {}
    for entry in said.split("\0"):
        if entry.startswith("# "):
            _, name, given = (*entry.split(" ", 2), "")[:3]
            heads[name] = given
        elif entry.startswith("1 "):
            status.changed.append(entry.split(" ", 8)[8])
            if is_changed_submodule(entry):
                status.submodules.append(status.changed[-1])
        elif entry.startswith("u "):
            status.changed.append(entry.split(" ", 10)[10])
        elif entry.startswith("? ") and f"/{WORKSPACE}/" not in f"/{entry[2:]}":  # ours, and no change of the source
            status.untracked.append(entry[2:])
    commit, branch = heads.get("branch.oid", "("), heads.get("branch.head", "(")
    status.commit = None if commit.startswith("(") else commit
    status.branch = None if branch == "(detached)" else storable(branch)
    status.upstream = heads.get("branch.upstream")
    return status


def _head(root: str, limits: Limits) -> Status:
    """Commit and branch alone, for which git looks at no file."""
    status = Status()
    status.commit = answer(["rev-parse", "--verify", "HEAD"], root, limits).stdout.decode().strip()
    try:
        status.branch = storable(
            os.fsdecode(answer(["symbolic-ref", "-q", "--short", "HEAD"], root, limits).stdout.strip())
        )
    except Refused:
        pass  # no branch is checked out
    return status


def remote_of(root: str, upstream: Optional[str], limits: Limits) -> Optional[str]:
    """The URL, without credentials, of the branch's remote, else of origin, else of the first one."""
    try:
        said = answer(["config", "--get-regexp", r"^remote\..*\.url$"], root, limits)
    except Refused:
        return None  # git config says so by exit code 1: there is none
    urls: dict[str, str] = {}
    for line in said.stdout.decode("utf-8", "backslashreplace").splitlines():
        name, _, url = line.partition(" ")
        urls.setdefault(name[len("remote.") : -len(".url")], url)
    wanted = next((name for name in urls if upstream and upstream.startswith(name + "/")), "origin")
    url = urls.get(wanted) or next(iter(urls.values()), "")
    return clean_url(url) if url else None
