"""Supervise a command (a trial, or uv): no process that it starts outlives the command or the starter.

Run as a script: ``supervisor.py STARTER LIMIT KIND COUNT [LOWER UPPER WORK TARGET]... COMMAND...``. STARTER: the
process id of the starter. LIMIT: the memory that all processes of the command may use together, in bytes, 0 for any.
KIND: with ``hard`` the kernel applies the limit to each process too, which also counts reserved memory that is never
used; with ``soft`` only this program measures. COUNT: of the overlays (see ``supervised``) that follow.

It ends when the command ends, when the command exceeds the limit, or when the starter has ended, and kills every
descendant before. On Linux that includes daemons: they become its children.
Standard library only, Python 3.8.
"""

from __future__ import annotations

import os
import signal
import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

OVER_LIMIT = 97
"""The exit code for a command that exceeded the memory limit; the last line of stderr says so."""
_PAUSE = 0.05
_MEASURED_EVERY = 6  # pauses between two measurements of the memory: each reads all of /proc
_BECOME_SUBREAPER = 36  # PR_SET_CHILD_SUBREAPER
_NEW_MOUNTS, _NEW_USER = 0x00020000, 0x10000000  # CLONE_NEWNS, CLONE_NEWUSER
_PRIVATE, _NO_SETUID_NO_DEVICES = 0x44000, 0x6  # MS_REC | MS_PRIVATE, MS_NOSUID | MS_NODEV


def supervised(
    argv: Sequence[str], memory: int = 0, *, hard: bool = False, overlays: Sequence[Sequence[str]] = ()
) -> list[str]:
    """The command line that runs another under a supervisor; on Windows, which has no supervisor, the command itself.

    overlays: (lower, upper, work, target), in the order of mounting: target shows lower, and writes of the command go
    to upper. If one cannot be mounted, the command does not start, and the exit code is 127.
    """
    if os.name == "nt":
        return list(argv)
    kind = "hard" if hard else "soft"
    mounts = [str(len(overlays)), *(path for overlay in overlays for path in overlay)]
    return [sys.executable, "-I", "-S", __file__, str(os.getpid()), str(memory), kind, *mounts, *argv]


def main(arguments: list[str]) -> int:
    starter, limit, hard, count = int(arguments[0]), int(arguments[1]), arguments[2] == "hard", int(arguments[3])
    overlays = [arguments[start : start + 4] for start in range(4, 4 + 4 * count, 4)]
    command = arguments[4 + 4 * count :]
    if os.getppid() != starter:
        return 1  # it ended while this program started
    _adopt_orphans()
    child = os.fork()
    if child == 0:
        _become(command, limit if hard else 0, overlays)
    status = None
    looks = 0
    while status is None:
        pid, child_status = os.waitpid(child, os.WNOHANG)
        if pid == child:
            status = child_status
            break
        if os.getppid() != starter:
            _end_all()
            os.killpg(0, signal.SIGKILL)  # without /proc only its own process group is known
        looks += 1
        if limit and looks % _MEASURED_EVERY == 0 and _over(limit):
            _end_all()
            print(over_limit(limit), file=sys.stderr, flush=True)  # noqa: T201  # to the trial's log
            return OVER_LIMIT
        time.sleep(min(_PAUSE, 0.001 * 2**looks if looks < 6 else _PAUSE))
    _end_all()
    if os.WIFSIGNALED(status):
        signal.signal(os.WTERMSIG(status), signal.SIG_DFL) if os.WTERMSIG(status) not in _FIXED else None
        _no_core()
        os.kill(os.getpid(), os.WTERMSIG(status))
    return os.WEXITSTATUS(status)


def over_limit(limit: int) -> str:
    return f"used more than {limit // 2**20} MB of memory"


_FIXED = (signal.SIGKILL, signal.SIGSTOP)


def _become(command: list[str], limit: int, overlays: list[list[str]]) -> None:
    """In the child: the command, under the kernel's own limit too, which stops one huge allocation at once."""
    try:
        if overlays:
            _mount(overlays)
    except OSError as error:
        print(f"the private home cannot be mounted: {error}", file=sys.stderr, flush=True)  # noqa: T201  # as above
        os._exit(127)
    try:
        if limit:
            import resource

            resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
        os.execvp(command[0], command)
    except FileNotFoundError:
        print(f"{command[0]} is not installed or not on PATH", file=sys.stderr, flush=True)  # noqa: T201  # as above
    except (OSError, ValueError) as error:
        print(f"{command[0]} cannot be started: {error}", file=sys.stderr, flush=True)  # noqa: T201  # as above
    os._exit(127)


def _mount(overlays: list[list[str]]) -> None:
    """Mount overlays in a mount namespace of this process and of all that it starts. Raises OSError.

    Without CAP_SYS_ADMIN the namespace needs a user namespace. For root that would take away the access to files of
    other users, so root without that capability gets none.
    """
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)

    def call(operation: str, *arguments: Any) -> None:
        if getattr(libc, operation)(*arguments) != 0:
            number = ctypes.get_errno()
            raise OSError(
                number,
                f"{operation}: {os.strerror(number)}",
                os.fsdecode(arguments[1]) if operation == "mount" else None,
            )

    try:
        call("unshare", _NEW_MOUNTS)
    except OSError:
        if os.geteuid() == 0:
            raise
        user, group = os.geteuid(), os.getegid()
        call("unshare", _NEW_MOUNTS | _NEW_USER)
        for name, text in (("setgroups", "deny"), ("uid_map", f"{user} {user} 1"), ("gid_map", f"{group} {group} 1")):
            with open(f"/proc/self/{name}", "w") as file:  # standard library of 3.8, without pathlib
                file.write(text)
    call("mount", None, b"/", None, _PRIVATE, None)
    for lower, upper, work, target in overlays:
        layers = f"lowerdir={_escaped(lower)},upperdir={_escaped(upper)},workdir={_escaped(work)}"
        options = os.fsencode(f"userxattr,{layers}")
        call("mount", b"overlay", os.fsencode(target), b"overlay", _NO_SETUID_NO_DEVICES, options)


def _escaped(path: str) -> str:
    return "".join(f"\\{letter}" if letter in "\\:," else letter for letter in path)


def _no_core() -> None:
    import resource

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _adopt_orphans() -> None:
    if not sys.platform.startswith("linux"):
        return
    import ctypes

    ctypes.CDLL(None).prctl(_BECOME_SUBREAPER, 1, 0, 0, 0)


def _end_all() -> None:
    """Kill all descendants until none is left, because some may start others meanwhile."""
    for _ in range(200):
        descendants = _descendants()
        for pid in descendants:
            try:
                os.kill(pid, signal.SIGKILL)
            except OSError:
                pass  # it has ended meanwhile
        _reap()
        if not descendants:
            return
        time.sleep(0.005)


def _reap() -> None:
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass  # none is left


def _descendants() -> list[int]:
    from contexta.core.processes.process_tree import descendants

    return [pid for pid, _ in descendants(os.getpid())]


def _over(limit: int) -> bool:
    """Whether all descendants together use more; shared pages are counted exactly only near the limit."""
    from contexta.core.processes.process_tree import proportional_memory, resident_memory

    descendants = _descendants()
    return sum(map(resident_memory, descendants)) > limit and sum(map(proportional_memory, descendants)) > limit


if __name__ == "__main__":
    folder = os.path.abspath(__file__)
    for _ in "supervisor", "processes", "core", "contexta":
        folder = os.path.dirname(folder)
    sys.path.insert(0, folder)
    sys.exit(main(sys.argv[1:]))
