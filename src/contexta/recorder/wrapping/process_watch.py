"""Find Python processes below a command that do not record themselves (Linux, by /proc).

A process with a replaced PYTHONPATH or environment, or started with -E, -I or -S, does not import the recorder that
`contexta run` puts on its path. Standard library only, Python 3.8.
"""

from __future__ import annotations

import os
import threading
import time

from contexta.core.processes import process_tree
from contexta.core.processes.interpreters import is_python
from contexta.recorder.session import inherited
from contexta.recorder.wrapping.command_lines import (
    is_installer,
    is_query,
    is_recorded,
    isolation,
    program_of,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable, Dict, Iterator, List, Optional, Set, Tuple

_SHORTEST, _LONGEST = 0.002, 0.25  # seconds between two scans: short after a change
_GROWTH = 1.15
_SHARE = 10  # a scan may cost one part in so many of the time between two scans
_BRIEF = 1.0  # seconds; a query of an interpreter that lives longer may be a training
_SETTLED = 5.0  # seconds after which a live process is reported; imports take some of them


class Program:
    """One program of one process. ``began``, ``last``: seconds since 1970 of the first and the last scan with it."""

    __slots__ = ("argv", "began", "directory", "executable", "last", "parent", "pid", "title", "variables")

    def __init__(self, pid: int, parent: int, argv: List[str]) -> None:
        self.pid = pid
        self.parent = parent
        self.argv = argv
        self.title = argv
        """Its command line as the system shows it now: a program can write another title over it."""
        self.began = self.last = time.time()
        self.executable = self.directory = ""
        self.variables: Dict[str, str] = {}

    @property
    def is_python(self) -> bool:
        return bool(self.executable) and is_python(self.executable)

    @property
    def script(self) -> str:
        """The path of its script, archive or directory; empty for code, modules and stdin."""
        kind, name = program_of(self.argv)
        return os.path.join(self.directory, name) if kind == "script" and name not in ("", "-") else ""

    @property
    def isolation(self) -> str:
        """The switches of its command line that ignore variables."""
        return isolation(self.argv)

    @property
    def identity(self) -> Tuple[str, Tuple[str, ...], Tuple[Tuple[str, str], ...]]:
        """Equal for a process and those that it forks."""
        return self.executable, tuple(self.argv), tuple(sorted(self.variables.items()))

    def interpreter(self) -> str:
        """The interpreter as it was called: in a virtual environment the link, not its target."""
        name = self.argv[0]
        if os.sep in name:
            return os.path.join(self.directory, name)
        for folder in self.variables.get("PATH", os.defpath).split(os.pathsep):
            path = os.path.join(self.directory, folder, name)
            if os.path.isfile(path) and os.path.realpath(path) == os.path.realpath(self.executable):
                return path
        return self.executable

    def obstacle(self, run: str) -> Optional[str]:
        """What prevents the recorder of a run from loading; None without an obstacle, and for a process of another
        run."""
        if self.isolation:
            return f"it was started with -{self.isolation}"
        own_run = self.variables.get(inherited.RUN)
        if own_run is None:
            return "its environment variables were replaced"
        path = self.variables.get("PYTHONPATH", "")
        if own_run == run and inherited.INJECTED not in path.split(os.pathsep):
            return f"PYTHONPATH was replaced (PYTHONPATH={path})" if path else "PYTHONPATH was removed"
        return None


class Watch:
    """The programs below a process, scanned by a thread until ``finish``."""

    def __init__(
        self, run: str, report: Callable[[Program, int, str], None], has_joined: Callable[[int], bool]
    ) -> None:
        """report: called once for each program that does not record itself, with the id of the Python process that
        started it (0 if none did) and the obstacle; during a long life, else at the end.
        has_joined: whether a process has recorded its environment, which it can do itself if contexta is installed."""
        self._run = run
        self._report = report
        self._has_joined = has_joined
        self._programs: Dict[int, Program] = {}  # by process: its latest program
        self._past: List[Program] = []
        self._replaced: List[Program] = []
        self._reported: Set[int] = set()
        self._stop = threading.Event()
        self._thread: Optional[threading.Thread] = None

    def start(self, pid: int) -> None:
        """Scan a process and its descendants; does nothing if the system does not list children."""
        if os.path.exists(f"/proc/{pid}/task/{pid}/children"):
            self._scan(pid)
            self._thread = threading.Thread(target=self._watch, args=(pid,), daemon=True)
            self._thread.start()

    def finish(self, is_any_recorded: bool) -> int:
        """Report the remaining programs. Returns how many were reported in all.

        is_any_recorded: whether another Python process recorded itself; then brief queries are left out.
        """
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
        for program in [*self._past, *self._programs.values()]:
            self._judge(program, brief=not is_any_recorded)
        return len(self._reported)

    def pythons(self) -> List[Program]:
        """Every observed Python program that is more than a helper."""
        programs = [*self._past, *self._programs.values()]
        return [program for program in programs if program.is_python and is_recorded(program.argv)]

    def _watch(self, pid: int) -> None:
        pause = _SHORTEST
        while not self._stop.wait(pause):
            began = time.monotonic()
            changed = self._scan(pid)
            for program in list(self._programs.values()):
                if program.last - program.began > _SETTLED:
                    self._judge(program, brief=False)
            cost = time.monotonic() - began
            pause = _SHORTEST if changed else min(pause * _GROWTH, _LONGEST)
            pause = max(pause, cost * _SHARE)

    def _scan(self, root: int) -> bool:
        """Read the running programs. Returns whether any is new."""
        now = time.time()
        changed = False
        waiting = [(root, os.getpid())]
        while waiting:
            pid, parent = waiting.pop()
            argv = process_tree.command_line(pid)
            if argv:
                earlier = self._programs.get(pid)
                if earlier is not None and _is_title(argv) and process_tree.executable(pid) == earlier.executable:
                    earlier.title = argv
                if earlier is None or earlier.title != argv:
                    changed = True
                    program = _program(pid, parent, argv)
                    if earlier is not None:  # a program that became a Python only prepared it
                        (self._replaced if program.is_python else self._past).append(earlier)
                    self._programs[pid] = earlier = program
                earlier.last = now
            waiting += [(child, pid) for child in process_tree.children(pid)]
        return changed

    def _judge(self, program: Program, brief: bool) -> None:
        """Report a program if it is a Python that does not record itself and may have trained."""
        if id(program) in self._reported or not program.is_python or not is_recorded(program.argv):
            return
        obstacle = program.obstacle(self._run)
        if obstacle is None or self._is_fork(program) or self._is_of_an_installer(program):
            return
        is_brief = is_query(program.argv) and program.last - program.began < _BRIEF
        if is_brief and not brief:
            return
        was_python = any(
            earlier.pid == program.pid and earlier.is_python for earlier in self._replaced
        )  # that may have joined
        if not was_python and not program.isolation and self._has_joined(program.pid):
            return
        self._reported.add(id(program))
        self._report(program, self._starter(program), obstacle)

    def _is_fork(self, program: Program) -> bool:
        return any(
            other.pid == program.parent and other.identity == program.identity
            for other in [*self._past, *self._replaced, *self._programs.values()]
        )

    def _is_of_an_installer(self, program: Program) -> bool:
        """Whether a program above it builds or installs packages."""
        return any(is_installer(ancestor.argv) for ancestor in self._above(program))

    def _starter(self, program: Program) -> int:
        return next((ancestor.pid for ancestor in self._above(program) if ancestor.is_python), 0)

    def _above(self, program: Program) -> Iterator[Program]:
        """The program that started it, and so on."""
        pids = {program.pid}
        parent = self._programs.get(program.parent)
        while parent is not None and parent.pid not in pids:
            yield parent
            pids.add(parent.pid)
            parent = self._programs.get(parent.parent)


def _is_title(argv: List[str]) -> bool:
    """Whether a program wrote a title over its command line: zeros fill the rest of the memory and its variables."""
    return len(argv) > 1 and not any(argv[1:])


def _program(pid: int, parent: int, argv: List[str]) -> Program:
    program = Program(pid, parent, argv)
    program.executable = process_tree.executable(pid)
    program.directory = process_tree.directory(pid)
    if program.is_python:
        program.variables = process_tree.variables(pid)
        for pause in (0.001, 0.005, 0.02):  # during its exec they are empty
            if program.variables or not process_tree.executable(pid):
                break
            time.sleep(pause)
            program.variables = process_tree.variables(pid)
        if not program.variables and not process_tree.executable(pid):
            program.executable = ""  # it has ended, so its facts are unknown
    return program
