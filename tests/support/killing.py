"""Kill programs at a system call or at a point in time."""

from __future__ import annotations

import os
import random
import re
import shutil
import signal
import subprocess
import sys
import textwrap
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import pytest

from support import paths

CALLS = "write,pwrite64,sendto,fsync,fdatasync,rename,unlink,link,linkat,ftruncate,truncate,mkdir,utimensat"
"""The system calls that change something, on the disk or on a server."""
ALL = 10**9  # lines that a completed program printed
traced = pytest.mark.skipif(shutil.which("strace") is None, reason="strace kills at a system call")
posix = pytest.mark.skipif(os.name != "posix", reason="kill -9 is POSIX's")

_SOURCE = paths.SOURCE
_HEAD = """
import os, sys
from contexta import Contexta
root = sys.argv[1]
def said(words):
    os.write(1, (words + "\\n").encode())
said("go")
"""
Call = tuple[str, int]  # a system call, and the how many-th of its kind


class Subject(NamedTuple):
    """A program that is killed repeatedly. prepare: creates a new place of that name and returns the program's
    arguments. check: called with the arguments and the number of printed lines; fails if the place is damaged or lacks
    their records.
    """

    program: str
    prepare: Callable[[str], list[str]]
    check: Callable[[list[str], int], None]


def calls_of(subject: Subject, trace: Path) -> list[Call]:
    """The calls that change something, as an undisturbed run makes them."""
    arguments = subject.prepare("whole")
    subprocess.run(
        _command(subject, arguments, "strace", "-f", "--seccomp-bpf", "-o", os.fspath(trace), "-e", f"trace={CALLS}"),
        env=_environ(),
        check=True,
        capture_output=True,
        timeout=120,
    )
    subject.check(arguments, ALL)
    lines = trace.read_text().splitlines()
    main = lines[0].split()[0]
    result = [match[1] for line in lines if (match := re.match(rf"{main} +(\w+)\(", line)) is not None]
    observed: Counter[str] = Counter()
    calls = []
    for name in result:
        observed[name] += 1
        calls.append((name, observed[name]))
    return calls


def at(subject: Subject, call: Call) -> bool:
    """Whether the program was killed at that call. Its remains were checked."""
    name, number = call
    arguments = subject.prepare(f"{name}-{number}")
    inject = ("-e", f"trace={name}", "-e", f"inject={name}:signal=KILL:when={number}")
    done = subprocess.run(
        _command(subject, arguments, "strace", "-f", "-o", os.devnull, *inject),
        env=_environ(),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode in (0, -signal.SIGKILL, 128 + signal.SIGKILL), done.stderr
    subject.check(arguments, max(0, len(done.stdout.splitlines()) - 1))
    return done.returncode != 0


def at_random(subject: Subject, trials: int, seed: str) -> int:
    """Kill it that many times, at moments drawn anew; what each left has been checked.

    How many runs that took: a moment drawn after the program's own end kills nothing. Such a run tells how long the
    program works by now, so that a first one that was slow (cold caches, a busy machine) does not draw all the rest
    too late.
    """
    longest, _ = _timed(subject, "whole", None)
    chance = random.Random(seed)
    killed = started = 0
    while killed < trials:
        assert started < 10 * trials, f"{killed} killed of {started}"
        worked, died = _timed(subject, f"random-{started}", chance.uniform(0, longest))
        started, killed = started + 1, killed + died
        if not died:
            longest = min(longest, worked)
    return started


def _timed(subject: Subject, name: str, seconds: float | None) -> tuple[float, bool]:
    """Run it, and kill it so long after it began its work. (how long it worked, whether it was killed)"""
    arguments = subject.prepare(name)
    with subprocess.Popen(
        _command(subject, arguments), env=_environ(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        began = time.monotonic()
        if seconds is not None:
            time.sleep(seconds)
            process.kill()
        message, faults = process.communicate(timeout=120)
        worked = time.monotonic() - began
    assert process.returncode in (0, -signal.SIGKILL), faults
    subject.check(arguments, ALL if seconds is None else len(message.splitlines()))
    return worked, process.returncode != 0


def all_end(pids: Sequence[int], seconds: float = 20.0) -> bool:
    """Whether these processes all end within so many seconds, from /proc."""
    deadline = time.monotonic() + seconds
    while any(map(_alive, pids)):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()[0] != b"Z"
    except OSError:
        return False


def some(calls: Sequence[Call], amount: int) -> Sequence[Call]:
    """About so many, evenly spread over all."""
    return calls[:: max(1, len(calls) // amount)]


def _command(subject: Subject, arguments: Sequence[str], *before: str) -> list[str]:
    return [*before, sys.executable, "-c", _HEAD + textwrap.dedent(subject.program), *arguments]


def _environ() -> dict[str, str]:
    tests = os.fspath(Path(__file__).parent.parent)
    return {**os.environ, "PYTHONPATH": os.fspath(_SOURCE), "PYTHONDONTWRITEBYTECODE": "1", "CONTEXTA_TESTS": tests}
