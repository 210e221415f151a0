"""The program between a study and a trial: whatever the trial starts, nothing of it outlives the trial or the study.

Run as a script: ``keeper.py LIMIT COMMAND...``; LIMIT is the memory that all processes of the command may hold
together, in bytes, 0 for any. It ends as the command ends, when the command has used more than it may, or when the
study is gone (killed, say), and ends every descendant before. On Linux even those that made themselves daemons: they
become its children. Standard library only, Python 3.8.
"""

from __future__ import annotations

import os
import signal
import sys
import time

OVER_LIMIT = 97
"""The exit code for a command that used more memory than it may; the last line of stderr says so."""
_PAUSE = 0.05
_BECOME_SUBREAPER = 36  # PR_SET_CHILD_SUBREAPER


def main(arguments: list[str]) -> int:
    limit, command = int(arguments[0]), arguments[1:]
    study = os.getppid()
    _adopt_orphans()
    child = os.fork()
    if child == 0:
        _become(command, limit)
    status = None
    looks = 0
    while status is None:
        pid, found = os.waitpid(child, os.WNOHANG)
        if pid == child:
            status = found
            break
        if os.getppid() != study:
            _end_all()
            return 1
        looks += 1
        if limit and looks % 4 == 0 and _memory() > limit:
            _end_all()
            print(f"used more than {limit // 2**20} MB of memory", file=sys.stderr, flush=True)  # noqa: T201  # to the trial's log
            return OVER_LIMIT
        time.sleep(min(_PAUSE, 0.001 * 2**looks if looks < 6 else _PAUSE))
    _end_all()
    if os.WIFSIGNALED(status):
        signal.signal(os.WTERMSIG(status), signal.SIG_DFL) if os.WTERMSIG(status) not in _FIXED else None
        _no_core()
        os.kill(os.getpid(), os.WTERMSIG(status))
    return os.WEXITSTATUS(status)


_FIXED = (signal.SIGKILL, signal.SIGSTOP)


def _become(command: list[str], limit: int) -> None:
    """In the child: the command, under the kernel's own limit too, which stops one huge allocation at once."""
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


def _no_core() -> None:
    import resource

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _adopt_orphans() -> None:
    if not sys.platform.startswith("linux"):
        return
    import ctypes

    ctypes.CDLL(None).prctl(_BECOME_SUBREAPER, 1, 0, 0, 0)


def _end_all() -> None:
    """End every descendant; some may start others meanwhile, so until there is none."""
    for _ in range(200):
        found = _descendants()
        for pid in found:
            try:
                os.kill(pid, signal.SIGKILL)
            except OSError:
                pass  # it has ended meanwhile
        _reap()
        if not found:
            return
        time.sleep(0.005)


def _reap() -> None:
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass  # there is none left


def _descendants() -> list[int]:
    """Every living process below this one, from /proc; where there is none, nothing is known."""
    children: dict[int, list[int]] = {}
    try:
        entries = [entry for entry in os.listdir("/proc") if entry.isdigit()]  # noqa: PTH208  # standard library of 3.8
    except OSError:
        return []
    for entry in entries:
        try:
            with open(f"/proc/{entry}/stat", "rb") as file:  # noqa: PTH123  # a hot loop
                fields = file.read().rpartition(b")")[2].split()
        except OSError:
            continue  # it has ended meanwhile
        if fields[0] != b"Z":
            children.setdefault(int(fields[1]), []).append(int(entry))
    found: list[int] = []
    open_ends = [os.getpid()]
    while open_ends:
        below = children.get(open_ends.pop(), [])
        found += below
        open_ends += below
    return found


def _memory() -> int:
    """Bytes that all descendants hold together; pages they share count for each."""
    pages = 0
    for pid in _descendants():
        try:
            with open(f"/proc/{pid}/statm", "rb") as file:  # noqa: PTH123  # as above
                pages += int(file.read().split()[1])
        except (OSError, IndexError):
            pass  # it has ended meanwhile
    return pages * os.sysconf("SC_PAGE_SIZE")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
