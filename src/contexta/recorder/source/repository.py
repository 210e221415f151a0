"""Facts about a repository: its directory, commit, branch and remote, and which files were changed.

The repository is read, never written. Standard library only, Python 3.8.
"""

from __future__ import annotations

import os

from contexta.core.settings import WORKSPACE
from contexta.recorder.notes import note, storable
from contexta.recorder.redaction.redact import clean_url
from contexta.recorder.source.files import TOPIC as TOPIC
from contexta.recorder.source.git import git, message, output

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Optional

    from contexta.recorder.notes import Note
    from contexta.recorder.source.limits import Limits

NOT_IN_GIT = "not in a git repository"
"""The reason for no commit if it is certain that there is none."""
UNKNOWN = "unknown: "
"""The beginning of the reason for an unknown commit."""
NO_PATCH = "the changes are not recorded"
"""The beginning of a note about changes that no patch contains."""


def repository_above(directory: str) -> Optional[str]:
    """The ``.git`` in a directory or in the nearest one above it, if any. Only git knows whether it is valid.

    This takes microseconds, and git ten milliseconds.
    """
    folder = os.path.realpath(directory)
    while not os.path.lexists(os.path.join(folder, ".git")):
        above = os.path.dirname(folder)
        if above == folder:
            return None
        folder = above
    return os.path.join(folder, ".git")


class Location:
    """The directories of a repository. commit: empty before the first one. objects: the directory of its objects."""

    def __init__(self, root: str, directory: str, git_directory: str, objects: str, commit: str) -> None:
        self.root = root
        self.directory = directory  # relative to the root
        self.git_directory = git_directory
        self.objects = objects
        self.commit = commit


def locate(directory: str, limits: Limits) -> Optional[Location]:
    """The repository around a directory; None if there certainly is none. Raises ProcessError."""
    from contexta.core.processes.process import ProcessError

    repository = repository_above(directory)
    may_be_bare = not os.path.isdir(directory) or os.path.exists(os.path.join(directory, "HEAD"))
    if repository is None and not may_be_bare:
        return None
    query = ["rev-parse", "--show-toplevel", "--show-prefix", "--absolute-git-dir", "--git-path", "objects"]
    finished = git([*query, "--revs-only", "HEAD"], directory, limits.seconds, stop=limits.stop)
    if finished.exit_code != 0:
        if repository is None and "not a git repository" in message(finished):
            return None
        raise ProcessError(f"git refuses {storable(repository or directory)}: {message(finished)}")
    root, prefix, git_directory, objects, commit = os.fsdecode(finished.stdout).split("\n")[:5]
    objects = os.path.join(os.path.abspath(directory), objects)
    return Location(root, prefix.rstrip("/") or ".", git_directory, objects, commit)


class Status:
    """What ``git status`` reports. Paths are relative to the root."""

    def __init__(self) -> None:
        self.commit: Optional[str] = None
        self.branch: Optional[str] = None
        self.upstream: Optional[str] = None
        self.changed: Optional[list[str]] = None  # None: unknown
        self.untracked: list[str] = []
        self.submodules: list[str] = []  # those among the changed


def status_of(root: str, limits: Limits, notes: list[Note]) -> Status:
    """The status, without untracked or changed files if listing them takes too long; that is noted."""
    from contexta.core.processes.process import TimedOut

    query = ["status", "--porcelain=v2", "--branch", "-z", "--no-renames", "--ignore-submodules=none"]
    try:
        finished = git([*query, "--untracked-files=all"], root, limits.seconds, stop=limits.stop)
        if finished.stdout_truncated:
            notes.append(note(TOPIC, "there are too many untracked files to list; some are not in the patch"))
    except TimedOut:
        notes.append(note(TOPIC, f"untracked files are not in the patch: listing them takes over {limits.seconds:g} s"))
        try:
            finished = git([*query, "--untracked-files=no"], root, limits.seconds, stop=limits.stop)
        except TimedOut as error:
            notes.append(note(TOPIC, f"{NO_PATCH}, nor whether there are any: {error.what}"))
            return _head(root, limits)
    if finished.exit_code != 0:
        from contexta.core.processes.process import ProcessError

        raise ProcessError(message(finished) or "git status failed")
    return _parse(os.fsdecode(finished.stdout))


def _parse(porcelain: str) -> Status:
    status = Status()
    status.changed = []
    headers: dict[str, str] = {}
    for entry in porcelain.split("\0"):
        if entry.startswith("# "):
            _, name, value = (*entry.split(" ", 2), "")[:3]
            headers[name] = value
        elif entry.startswith("1 "):
            status.changed.append(entry.split(" ", 8)[8])
            if entry.split(" ", 3)[2].startswith("S"):
                status.submodules.append(status.changed[-1])
        elif entry.startswith("u "):
            status.changed.append(entry.split(" ", 10)[10])
        elif entry.startswith("? ") and f"/{WORKSPACE}/" not in f"/{entry[2:]}":  # a workspace is no source
            status.untracked.append(entry[2:])
    commit, branch = headers.get("branch.oid", "("), headers.get("branch.head", "(")
    status.commit = None if commit.startswith("(") else commit
    status.branch = None if branch == "(detached)" else storable(branch)
    status.upstream = headers.get("branch.upstream")
    return status


def _head(root: str, limits: Limits) -> Status:
    """Commit and branch alone, for which git looks at no file."""
    status = Status()
    status.commit = output(["rev-parse", "--verify", "HEAD"], root, limits.seconds, stop=limits.stop).decode().strip()
    branch = git(["symbolic-ref", "-q", "--short", "HEAD"], root, limits.seconds, stop=limits.stop)
    status.branch = storable(os.fsdecode(branch.stdout.strip())) if branch.exit_code == 0 else None
    return status


def remote_of(root: str, upstream: Optional[str], limits: Limits) -> Optional[str]:
    """The URL, without credentials, of the branch's remote, or else of origin or the first one."""
    finished = git(["config", "--get-regexp", r"^remote\..*\.url$"], root, limits.seconds, stop=limits.stop)
    urls: dict[str, str] = {}
    for line in finished.stdout.decode("utf-8", "backslashreplace").splitlines():
        name, _, url = line.partition(" ")
        urls.setdefault(name[len("remote.") : -len(".url")], url)
    remote = next((name for name in urls if upstream and upstream.startswith(name + "/")), "origin")
    url = urls.get(remote) or next(iter(urls.values()), "")
    return clean_url(url) if url else None
