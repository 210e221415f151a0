"""Read the processes of this machine from /proc (Linux): their parents, command lines and variables.

Without /proc every function returns nothing, as for a process that has ended or belongs to another user. Standard
library only, Python 3.8: the recorder and the supervisor read it too.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Dict, List, Optional, Tuple


def status(pid: int) -> Optional[List[str]]:
    """The fields of /proc/PID/stat after the program's name: state, parent, process group, ...; None without it."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            return os.fsdecode(file.read().rpartition(b")")[2]).split() or None
    except OSError:
        return None


def parent(pid: int) -> int:
    """The process that started it; 0 where that is unknown."""
    fields = status(pid)
    return int(fields[1]) if fields else 0


def processes() -> List[int]:
    """Every running process."""
    try:
        return [int(entry) for entry in os.listdir("/proc") if entry.isdigit()]
    except OSError:
        return []


def descendants(pid: int) -> List[Tuple[int, int]]:
    """(process, process group) of every living process below a process."""
    below: Dict[int, List[Tuple[int, int]]] = {}
    for process in processes():
        fields = status(process)
        if fields is not None and fields[0] != "Z":
            below.setdefault(int(fields[1]), []).append((process, int(fields[2])))
    members: List[Tuple[int, int]] = []
    waiting = [pid]
    while waiting:
        started = below.get(waiting.pop(), [])
        members += started
        waiting += [process for process, _ in started]
    return members


def children(pid: int) -> List[int]:
    """The processes that a process started. Slow on kernels that do not list children: every process is read."""
    started: List[int] = []
    try:
        threads = os.listdir(f"/proc/{pid}/task")
        if not os.path.exists(f"/proc/{pid}/task/{pid}/children"):
            return [process for process in processes() if parent(process) == pid]
        for thread in threads:
            with open(f"/proc/{pid}/task/{thread}/children", "rb") as file:
                started += map(int, file.read().split())
    except OSError:
        pass  # it, or one of its threads, has ended meanwhile
    return started


def command_line(pid: int) -> List[str]:
    """The words that a process was started with."""
    return _parts(pid, "cmdline")[:-1]


def variables(pid: int) -> Dict[str, str]:
    """The environment variables that a process was started with. During its exec they are empty."""
    pairs = (part.partition("=") for part in _parts(pid, "environ"))
    return {name: value for name, equals, value in pairs if name and equals}


def has_variable(pid: int, name: str, value: str) -> bool:
    """Whether a process was started with this value of a variable. Cheap enough to check every process."""
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:
            return os.fsencode(f"\0{name}={value}\0") in b"\0" + file.read()
    except OSError:
        return False


def executable(pid: int) -> str:
    """The path of the program that a process runs, links resolved."""
    return _link(pid, "exe").replace(" (deleted)", "")


def directory(pid: int) -> str:
    """The current directory of a process."""
    return _link(pid, "cwd")


def resident_memory(pid: int) -> int:
    """Bytes of memory of a process; shared pages count in full. 0 if it has ended."""
    try:
        with open(f"/proc/{pid}/statm", "rb") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, IndexError):
        return 0


def proportional_memory(pid: int) -> int:
    """Bytes of memory of a process; shared pages count by share. Slower: the kernel walks all of its pages."""
    try:
        with open(f"/proc/{pid}/smaps_rollup", "rb") as file:
            return next(int(line.split()[1]) * 1024 for line in file if line.startswith(b"Pss:"))
    except (OSError, StopIteration):
        return resident_memory(pid)  # an older kernel, or it has ended meanwhile


def _parts(pid: int, name: str) -> List[str]:
    try:
        with open(f"/proc/{pid}/{name}", "rb") as file:
            return [os.fsdecode(part) for part in file.read().split(b"\0")]
    except OSError:
        return []


def _link(pid: int, name: str) -> str:
    try:
        return os.readlink(f"/proc/{pid}/{name}")
    except OSError:
        return ""
