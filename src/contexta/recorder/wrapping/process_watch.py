"""See from outside which Python processes below a command were not entered (Linux, by /proc).

A process whose PYTHONPATH or whole environment was replaced, or that was started with -E, -I or -S, does not import
what `contexta run` puts on its path. Standard library only, Python 3.8.
"""

from __future__ import annotations

import os
import threading
import time

from contexta.core import process_tree
from contexta.core.interpreters import is_python
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

_SHORTEST, _LONGEST = 0.002, 0.25  # seconds between two looks: short after something has changed
_GROWTH = 1.15
_SHARE = 10  # a look may cost one part in so many of the time between two of them
_BRIEF = 1.0  # seconds; a question to an interpreter that lives longer may be a training
_SETTLED = 5.0  # seconds after which a process that is not entered is told of while it runs; importing takes some


class Program:
    """One program of one process, as its command line and variables say. ``began`` and ``last``: seconds since 1970,
    when it was first and last seen."""

    __slots__ = ("argv", "began", "directory", "executable", "last", "parent", "pid", "variables")

    def __init__(self, pid: int, parent: int, argv: List[str]) -> None:
        self.pid = pid
        self.parent = parent
        self.argv = argv
        self.began = self.last = time.time()
        self.executable = self.directory = ""
        self.variables: Dict[str, str] = {}

    @property
    def is_python(self) -> bool:
        return bool(self.executable) and is_python(self.executable)

    @property
    def script(self) -> str:
        """The path of the script, archive or directory that it runs; empty for code, modules and stdin."""
        kind, name = program_of(self.argv)
        return os.path.join(self.directory, name) if kind == "script" and name not in ("", "-") else ""

    @property
    def isolation(self) -> str:
        """The switches by which it takes nothing from its variables."""
        return isolation(self.argv)

    @property
    def identity(self) -> Tuple[str, Tuple[str, ...], Tuple[Tuple[str, str], ...]]:
        """The same for a process and those it forks."""
        return self.executable, tuple(self.argv), tuple(sorted(self.variables.items()))

    def interpreter(self) -> str:
        """The interpreter as it was called: for one of a venv not the file that the link leads to."""
        called = self.argv[0]
        if os.sep in called:
            return os.path.join(self.directory, called)
        for folder in self.variables.get("PATH", os.defpath).split(os.pathsep):
            path = os.path.join(self.directory, folder, called)
            if os.path.isfile(path) and os.path.realpath(path) == os.path.realpath(self.executable):
                return path
        return self.executable

    def obstacle(self, run: str) -> Optional[str]:
        """What keeps the recorder of a run out of it; None where nothing does, or where it belongs to another run."""
        if self.isolation:
            return f"it was started with -{self.isolation}"
        theirs = self.variables.get(inherited.RUN)
        if theirs is None:
            return "its environment variables were replaced"
        path = self.variables.get("PYTHONPATH", "")
        if theirs == run and inherited.INJECTED not in path.split(os.pathsep):
            return f"PYTHONPATH was replaced (PYTHONPATH={path})" if path else "PYTHONPATH was removed"
        return None


class Watch:
    """The programs below a process, looked at by a thread until ``stop``."""

    def __init__(self, run: str, tell: Callable[[Program, int, str], None], has_joined: Callable[[int], bool]) -> None:
        """tell: called once for each program that is not entered, with the process id of the Python that started it (0
        where none did) and with what keeps the recorder out: while it runs when it lives long, else at the end.
        has_joined: whether a process has recorded its environment: one can by itself, where contexta is installed."""
        self._run = run
        self._tell = tell
        self._has_joined = has_joined
        self._programs: Dict[int, Program] = {}  # by process: its latest program
        self._past: List[Program] = []
        self._replaced: List[Program] = []
        self._told: Set[int] = set()
        self._stop = threading.Event()
        self._thread: Optional[threading.Thread] = None

    def start(self, pid: int) -> None:
        """Look at a process and what it starts; nothing where the system does not list children."""
        if os.path.exists(f"/proc/{pid}/task/{pid}/children"):
            self._look(pid)
            self._thread = threading.Thread(target=self._watch, args=(pid,), daemon=True)
            self._thread.start()

    def finish(self, is_any_entered: bool) -> int:
        """Tell of those that nobody was told of yet. Returns how many were told of.

        is_any_entered: whether some other Python process was: then brief questions are left out.
        """
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
        for program in [*self._past, *self._programs.values()]:
            self._judge(program, brief=not is_any_entered)
        return len(self._told)

    def pythons(self) -> List[Program]:
        """Every Python program that was seen and is more than a helper, entered or not."""
        seen = [*self._past, *self._programs.values()]
        return [each for each in seen if each.is_python and is_recorded(each.argv)]

    def _watch(self, pid: int) -> None:
        pause = _SHORTEST
        while not self._stop.wait(pause):
            began = time.monotonic()
            changed = self._look(pid)
            for program in list(self._programs.values()):
                if program.last - program.began > _SETTLED:
                    self._judge(program, brief=False)
            cost = time.monotonic() - began
            pause = _SHORTEST if changed else min(pause * _GROWTH, _LONGEST)
            pause = max(pause, cost * _SHARE)

    def _look(self, root: int) -> bool:
        """See what runs now. Whether anything is new."""
        now = time.time()
        changed = False
        waiting = [(root, os.getpid())]
        while waiting:
            pid, parent = waiting.pop()
            argv = process_tree.command_line(pid)
            if argv:
                known = self._programs.get(pid)
                if known is None or known.argv != argv:
                    changed = True
                    program = _program(pid, parent, argv)
                    if known is not None:  # where it became a Python, it only prepared that
                        (self._replaced if program.is_python else self._past).append(known)
                    self._programs[pid] = known = program
                known.last = now
            waiting += [(child, pid) for child in process_tree.children(pid)]
        return changed

    def _judge(self, program: Program, brief: bool) -> None:
        """Tell of a program if it is a Python that was kept out and may have trained."""
        if id(program) in self._told or not program.is_python or not is_recorded(program.argv):
            return
        obstacle = program.obstacle(self._run)
        if obstacle is None or self._is_fork(program) or self._is_of_an_installer(program):
            return
        is_brief = is_query(program.argv) and program.last - program.began < _BRIEF
        if is_brief and not brief:
            return
        was_python = any(each.pid == program.pid and each.is_python for each in self._replaced)  # that may have joined
        if not was_python and not program.isolation and self._has_joined(program.pid):
            return
        self._told.add(id(program))
        self._tell(program, self._starter(program), obstacle)

    def _is_fork(self, program: Program) -> bool:
        return any(
            each.pid == program.parent and each.identity == program.identity
            for each in [*self._past, *self._replaced, *self._programs.values()]
        )

    def _is_of_an_installer(self, program: Program) -> bool:
        """Whether it was started by one that builds or installs packages."""
        return any(is_installer(each.argv) for each in self._above(program))

    def _starter(self, program: Program) -> int:
        return next((each.pid for each in self._above(program) if each.is_python), 0)

    def _above(self, program: Program) -> Iterator[Program]:
        """Who started it, and so on."""
        seen = {program.pid}
        parent = self._programs.get(program.parent)
        while parent is not None and parent.pid not in seen:
            yield parent
            seen.add(parent.pid)
            parent = self._programs.get(parent.parent)


def _program(pid: int, parent: int, argv: List[str]) -> Program:
    program = Program(pid, parent, argv)
    program.executable = process_tree.executable(pid)
    program.directory = process_tree.directory(pid)
    if program.is_python:
        program.variables = process_tree.variables(pid)
        for pause in (0.001, 0.005, 0.02):  # in the moment of its exec they read as empty
            if program.variables or not process_tree.executable(pid):
                break
            time.sleep(pause)
            program.variables = process_tree.variables(pid)
        if not program.variables and not process_tree.executable(pid):
            program.executable = ""  # it has ended: nothing is known of it
    return program
