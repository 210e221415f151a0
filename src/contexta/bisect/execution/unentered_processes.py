"""Look from outside, on Linux, for Pythons of a trial that the recorder cannot enter.

A program may start a Python without variables, or with switches that ignore them, through any number of shells. Of such
a process /proc tells the interpreter; whether that is the one of the trial, ``confirmation`` decides. One that ends
between two looks is missed: they are 6 ms apart at first, and 2 % of the time that has passed later.
"""

from __future__ import annotations

import os
import re
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from contexta.core import process_tree
from contexta.core.interpreters import is_python
from contexta.recorder.session.inherited import TRIAL
from contexta.recorder.wrapping.command_lines import find_program, is_recorded, program_of
from contexta.recorder.wrapping.trial_process import cannot_be_entered, report

_SHORTEST, _LONGEST = 0.006, 0.1  # seconds between two looks: hardly a Python starts and ends in less
_SHARE = 0.02  # of the time that a trial took so far
_TOO_OLD = re.compile(r"(?:python|pypy)(?:2|3\.[0-7](?!\d))")  # where nothing is recorded
_ASKS = frozenset({"uv", "uvx"})  # programs that ask interpreters what they are, by ``python -I -c``


@contextmanager
def looked_at(variables: Mapping[str, str]) -> Iterator[None]:
    """While this lasts, look at what is started below this process with the variables of a trial. Nothing where there
    is no /proc, or the variables are of no trial."""
    file = variables.get(TRIAL)
    if file is None or not Path("/proc/self").exists():
        yield
        return
    stop = threading.Event()
    thread = threading.Thread(target=_look_on, args=(file, stop), daemon=True, name="outside")
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def _look_on(file: str, stop: threading.Event) -> None:
    began, known = time.monotonic(), set[tuple[int | str, ...]]()
    pause = _SHORTEST
    while not stop.wait(pause):
        for pid in _processes_of(file):
            _look(pid, known, file)
        pause = min(_LONGEST, max(_SHORTEST, (time.monotonic() - began) * _SHARE))


def _processes_of(file: str) -> Iterator[int]:
    """What runs below the child of this process that was started for a trial."""
    started = process_tree.children(os.getpid())
    queue = [pid for pid in started if process_tree.has_variable(pid, TRIAL, file)]
    while queue:
        below = process_tree.children(queue.pop())
        queue += below
        yield from below


def _look(pid: int, known: set[tuple[int | str, ...]], file: str) -> None:
    """Report one process, once, if it is such a Python."""
    program = process_tree.executable(pid)
    if not is_python(program):
        return
    words, parent = process_tree.command_line(pid), process_tree.parent(pid)
    if not words or (pid, *words) in known or words == process_tree.command_line(parent):
        return  # forked: it is what its parent is, or about to become another program
    known.add((pid, *words))
    variables = process_tree.variables(pid)
    is_old = _TOO_OLD.match(Path(program).name) is not None
    if not is_recorded(words) or not (is_old or cannot_be_entered(words, variables)):
        return
    kind, told = program_of(words)
    if kind == "code" and Path(process_tree.executable(parent)).name in _ASKS:
        return
    directory = process_tree.directory(pid)
    if not directory:
        return  # it has ended meanwhile, so its variables may have read as empty
    path = find_program(words[0], variables, directory)
    if os.path.realpath(path) != os.path.realpath(program):
        path = program  # it goes by another name
    report(file, "unseen", path=path, kind=kind, program=told[:1000], cwd=directory)
