"""How git is asked: read-only, quickly, and with the same answer whatever the user's git settings are."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Mapping, Optional, Sequence

    from contexta.core.process import Finished, Stop

_SETTINGS = (
    "core.quotepath=false",
    "core.fsmonitor=false",  # neither starts a daemon nor runs a hook
    "core.untrackedCache=keep",
    "core.pager=cat",
    "core.hooksPath=/dev/null",
    "color.ui=false",
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
)


class Limits:
    """How long git may take, and which files it may not show.

    seconds: for each of about six questions. stop: ends them when another thread sets it. since: when the program began
    (nanoseconds), where it did before git was done; how a file was that was written after that is unknown.
    """

    def __init__(self, seconds: float = 5.0, stop: Optional[Stop] = None) -> None:
        self.seconds = seconds
        self.stop = stop
        self.since: Optional[int] = None

    def is_too_new(self, path: str) -> bool:
        """Whether a file was written after the program had begun."""
        if self.since is None:
            return False
        try:
            facts = os.lstat(path)
        except OSError:  # it is gone: when, its directory may know
            try:
                return os.stat(os.path.dirname(path)).st_mtime_ns >= self.since
            except OSError:
                return True
        return max(facts.st_ctime_ns, facts.st_mtime_ns) >= self.since


def git(
    arguments: Sequence[str],
    cwd: str,
    timeout: float,
    *,
    stop: Optional[Stop] = None,
    extra: Optional[Mapping[str, str]] = None,
    input: Optional[bytes] = None,
    max_output: int = 64 * 1024 * 1024,
) -> Finished:
    """Ask git in ``cwd``. extra: variables on top. Raises what ``contexta.core.process.run`` raises.

    Takes no optional lock, so the user's index is never rewritten; never asks for a password, never opens a pager.
    """
    from contexta.core.process import run

    # Variables such as GIT_DIR, set while a hook runs, would lead to another repository than cwd's.
    env = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    env.update(GIT_OPTIONAL_LOCKS="0", GIT_TERMINAL_PROMPT="0", LC_ALL="C", **(extra or {}))
    argv = ["git"]
    for setting in _SETTINGS:
        argv += ["-c", setting]
    return run([*argv, *arguments], timeout=timeout, cwd=cwd, env=env, input=input, max_output=max_output, stop=stop)
