"""Find the Python processes of a trial that the recorder cannot enter, through /proc on Linux.

A program may start a Python without variables, or with switches that ignore them, through any number of shells. /proc
names the interpreter of such a process, and ``confirmation`` decides whether it is that of the trial. A process that
ends between two scans is missed. The scans are 6 ms apart at first, later 2 % of the elapsed time.
"""

from __future__ import annotations

import os
import re
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from contexta.core.processes import process_tree
from contexta.core.processes.interpreters import is_python
from contexta.recorder.session.inherited import TRIAL
from contexta.recorder.wrapping.command_lines import find_program, is_recorded, program_of
from contexta.recorder.wrapping.trial_process import cannot_be_entered, report

_SHORTEST, _LONGEST = 0.006, 0.1  # seconds between two scans: hardly any Python process is shorter
_SHARE = 0.02  # of the time that a trial took so far
_TOO_OLD = re.compile(r"(?:python|pypy)(?:2|3\.[0-7](?!\d))")  # Pythons that the recorder does not support
_ASKS = frozenset({"uv", "uvx"})  # programs that query interpreters with ``python -I -c``


@contextmanager
def scanned(variables: Mapping[str, str]) -> Iterator[None]:
    """Scan the processes that are started below this one with the variables of a trial, until the block ends.

    Does nothing without /proc, or if the variables are of no trial.
    """
    file = variables.get(TRIAL)
    if file is None or not Path("/proc/self").exists():
        yield
        return
    stop = threading.Event()
    thread = threading.Thread(target=_scan_on, args=(file, stop), daemon=True, name="outside")
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def _scan_on(file: str, stop: threading.Event) -> None:
    began, reported = time.monotonic(), set[tuple[int | str, ...]]()
    pause = _SHORTEST
    while not stop.wait(pause):
        for pid in _processes_of(file):
            _check(pid, reported, file)
        pause = min(_LONGEST, max(_SHORTEST, (time.monotonic() - began) * _SHARE))


def _processes_of(file: str) -> Iterator[int]:
    """The processes below the child of this process that was started for a trial."""
    started = process_tree.children(os.getpid())
    queue = [pid for pid in started if process_tree.has_variable(pid, TRIAL, file)]
    while queue:
        below = process_tree.children(queue.pop())
        queue += below
        yield from below


def _check(pid: int, reported: set[tuple[int | str, ...]], file: str) -> None:
    """Report a process, once, if it is such a Python."""
    program = process_tree.executable(pid)
    if not is_python(program):
        return
    words, parent = process_tree.command_line(pid), process_tree.parent(pid)
    if not words or (pid, *words) in reported or words == process_tree.command_line(parent):
        return  # forked: the same program as its parent, or about to become another one
    reported.add((pid, *words))
    variables = process_tree.variables(pid)
    is_old = _TOO_OLD.match(Path(program).name) is not None
    if not is_recorded(words) or not (is_old or cannot_be_entered(words, variables)):
        return
    kind, program_name = program_of(words)
    if kind == "code" and Path(process_tree.executable(parent)).name in _ASKS:
        return
    directory = process_tree.directory(pid)
    if not directory:
        return  # it has ended, so its variables may be empty
    path = find_program(words[0], variables, directory)
    if os.path.realpath(path) != os.path.realpath(program):
        path = program  # it was started under another name
    report(file, "unseen", path=path, kind=kind, program=program_name[:1000], cwd=directory)
