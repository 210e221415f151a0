"""Run git. All commands of git that Contexta runs go through this module.

The user's repositories are read, never written, and the result does not depend on the user's settings of git.
Standard library only, Python 3.8.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Mapping, Optional, Sequence

    from contexta.core.processes.process import Finished, Stop

_SETTINGS = (
    "core.quotepath=false",
    "core.fsmonitor=false",  # neither starts a daemon nor runs a hook
    "core.untrackedCache=keep",
    "core.pager=cat",
    "core.hooksPath=/dev/null",
    "color.ui=false",
    "diff.autoRefreshIndex=false",  # `git diff` would write the index
    "diff.noprefix=false",
    "diff.mnemonicPrefix=false",
    "diff.renames=false",
    "diff.ignoreSubmodules=none",
    "diff.orderFile=/dev/null",
    "diff.relative=false",
    "diff.context=3",
    "diff.interHunkContext=0",
    "diff.algorithm=myers",
    "diff.suppressBlankEmpty=false",
    "status.relativePaths=true",
    "status.showStash=false",
    "log.showSignature=false",
    "gc.auto=0",
    "maintenance.auto=false",
)
QUERY_SECONDS, COPY_SECONDS = 5.0, 600.0
"""How long a query may take, and a command that copies a repository."""


def git(
    arguments: Sequence[str],
    cwd: str,
    timeout: float = QUERY_SECONDS,
    *,
    stop: Optional[Stop] = None,
    extra: Optional[Mapping[str, str]] = None,
    input: Optional[bytes] = None,
    max_output: int = 64 * 1024 * 1024,
) -> Finished:
    """Run git in a directory, without optional locks, prompts or pagers.

    extra: more environment variables. Raises what ``contexta.core.processes.process.run`` raises.
    """
    from contexta.core.processes.process import run

    # Variables such as GIT_DIR, which are set while a hook runs, would lead to another repository than that of cwd.
    env = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    env.update(GIT_OPTIONAL_LOCKS="0", GIT_TERMINAL_PROMPT="0", LC_ALL="C", **(extra or {}))
    argv = ["git"]
    for setting in _SETTINGS:
        argv += ["-c", setting]
    return run([*argv, *arguments], timeout=timeout, cwd=cwd, env=env, input=input, max_output=max_output, stop=stop)


def output(arguments: Sequence[str], cwd: str, timeout: float = QUERY_SECONDS, **options: Any) -> bytes:
    """What git writes to stdout. Raises ProcessError, with the first line of git's own message, if git fails."""
    finished = git(arguments, cwd, timeout, **options)
    if finished.exit_code != 0:
        from contexta.core.processes.process import ProcessError

        raise ProcessError(message(finished) or f"git {arguments[0]} failed with exit code {finished.exit_code}")
    return finished.stdout


def message(finished: Finished) -> str:
    """The first line of git's message about a failure."""
    return finished.stderr.decode("utf-8", "backslashreplace").strip().partition("\n")[0]


def top_level(directory: str, revision: str = "") -> Optional[str]:
    """The root of the repository around a directory; None if there is none, or if it lacks the revision."""
    finished = git(["rev-parse", "--show-toplevel", *([revision] if revision else [])], directory)
    return os.fsdecode(finished.stdout).partition("\n")[0] if finished.exit_code == 0 else None


def has_object(root: str, name: str) -> bool:
    """Whether a repository has an object. name: ``COMMIT^{commit}``, ``COMMIT:path``."""
    return git(["cat-file", "-e", name], root).exit_code == 0


def clone(root: str, commit: str, at: str, *, is_shared: bool = False) -> None:
    """Make a repository of its own at a commit, with no files yet. ``at`` must not exist.

    Its settings, remotes and excluded names are those of the other repository, without the credentials in them.
    is_shared: for a short life. It reads its objects from the other repository, so that nothing is copied.
    """
    import shutil

    share = ["--shared"] if is_shared else []
    commit = os.fsdecode(output(["rev-parse", "--verify", f"{commit}^{{commit}}"], root)).strip()
    output(["clone", "--quiet", "--no-checkout", *share, "--", root, at], root, COPY_SECONDS)
    common = os.path.join(root, os.fsdecode(output(["rev-parse", "--git-common-dir"], root)).rstrip("\n"))
    for name in ("config", "info/exclude", "info/attributes"):
        if os.path.isfile(os.path.join(common, name)):
            os.makedirs(os.path.join(at, ".git", os.path.dirname(name)), exist_ok=True)
            shutil.copyfile(os.path.join(common, name), os.path.join(at, ".git", name))
    _remove_credentials(os.path.join(at, ".git", "config"))
    for setting in ("core.worktree", "core.bare"):  # a submodule has them. The command fails if they are not set.
        git(["config", "--file", os.path.join(at, ".git", "config"), "--unset-all", setting], root)
    output(["update-ref", "--no-deref", "HEAD", commit], at)


def _remove_credentials(config: str) -> None:
    """Remove user names and passwords from URLs in a configuration file of git, and headers that log in."""
    import re

    with open(config, "rb") as file:
        text = file.read()
    text = re.sub(rb"(?<=://)[^/@\s\"]*@", b"", text)
    text = re.sub(rb"(?im)^\s*extraheader\s*=.*\n?", b"", text)
    with open(config, "wb") as file:
        file.write(text)
