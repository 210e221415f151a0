"""The run that a process was started below: the variables that name it, and which process may begin it.

`contexta run` and a run that is open hand their reference to the processes below them by environment variables. The
first run that a process begins joins the run handed to it; every further one is a run of its own.

Standard library only, Python 3.8.
"""

from __future__ import annotations

import os
import sys

from contexta.core.references import StableRef
from contexta.recorder.journal.processes import is_worker, rank

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Dict, Mapping, Optional, Tuple

RUN, JOURNALS, OBJECTS = "CONTEXTA_RUN", "CONTEXTA_JOURNALS", "CONTEXTA_OBJECTS"
NAMED = "CONTEXTA_RUN_NAMED"  # the run has a name that the program cannot change
IN_PROJECT = "CONTEXTA_RUN_IN_PROJECT"  # the run has a project that the program cannot change
BEGUN = "CONTEXTA_RUN_BEGUN"  # a program has begun the run: workers of it begin runs of their own
WRAPPED = "CONTEXTA_WRAPPED"  # set by `contexta run`: every process below belongs to its run
SINGLE = "CONTEXTA_SINGLE_RUN"  # set by a trial of bisect: every run that a process begins is that one
RECORDING = "CONTEXTA_RECORDING"  # "off": nothing is recorded, and nothing is said about it
TRIAL = "CONTEXTA_TRIAL"  # set for a trial or a rerun: the file that its processes report to
TRIAL_FOLDERS = "CONTEXTA_TRIAL_OWN"  # folders that go with the trial; without it writes are not reported
TRIAL_VARIABLES = "CONTEXTA_TRIAL_VARIABLES"  # names of variables that differ between trials, joined by commas
CLAIM = ".claim"  # suffix of the file whose creation decides which of several workers begins the run

HANDED = (RUN, JOURNALS, OBJECTS, NAMED, IN_PROJECT, BEGUN)
INJECTED = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "wrapping", "inject")
"""The folder that `contexta run` puts on PYTHONPATH."""
_pid = os.getpid()
_first: "Dict[str, str]" = {}  # what this process was started with, or forked with


def _xdist_worker() -> "Tuple[Optional[str], Optional[str]]":
    """The worker of pytest-xdist in whose environment this process runs. A worker sets these after its own start, so
    that a process whose values have changed is one; the session tells it from the worker that started its pytest."""
    return os.environ.get("PYTEST_XDIST_TESTRUNUID"), os.environ.get("PYTEST_XDIST_WORKER")


_xdist = _xdist_worker()


def trial_variables() -> "Tuple[str, ...]":
    """The variables that differ between the trials of a study: they are recorded whatever their names."""
    return tuple(filter(None, os.environ.get(TRIAL_VARIABLES, "").split(","))) if os.environ.get(TRIAL) else ()


def without_injected(environ: "Mapping[str, str]") -> "Dict[str, str]":
    """Variables without what `contexta run` added to PYTHONPATH."""
    variables = dict(environ)
    path = variables.get("PYTHONPATH", "").split(os.pathsep)
    rest = [entry for entry in path if entry != INJECTED]
    if rest != path:
        variables["PYTHONPATH"] = os.pathsep.join(rest)
        if not rest:
            del variables["PYTHONPATH"]
    return variables


def reference() -> "Optional[Tuple[str, str, str]]":
    """(``project.run``, journals, objects) of the run handed to this process; None without one."""
    run, journals, objects = (_first.get(name) for name in (RUN, JOURNALS, OBJECTS))
    if not (run and journals and objects):
        return None
    if not os.environ.get(WRAPPED) and not is_worker():
        return None
    try:
        StableRef("run", run)
    except ValueError:
        return None
    return run, journals, objects


def hand_down(run: str, journals: str, objects: str, *, named: bool) -> None:
    """Let processes started from now on take part in the run."""
    _set({RUN: run, JOURNALS: journals, OBJECTS: objects, BEGUN: "1", **({NAMED: "1"} if named else {})})


def take_back() -> None:
    """Let processes started from now on take part in what this process was started below, if anything."""
    _set(_first)


def may_begin(run: str, journals: str) -> bool:
    """Whether the first run of this process is the one handed to it.

    A program of its own, and a rank of a distributed job: yes. Of workers and forked processes, as those of a pool: the
    first of them all, where no program has begun the run before; they would mix their measurements in it.
    """
    is_program = os.getpid() == _pid and not is_worker() and _xdist_worker() == _xdist
    if is_program or rank() is not None or _imports_main():
        _claim(run, journals)
        return True
    return not os.environ.get(BEGUN) and _claim(run, journals)


def withdraw_claim(run: str, journals: str) -> None:
    """The run has ended: nobody begins it any more."""
    try:
        os.unlink(_claim_of(run, journals))
    except OSError:
        pass  # nobody has begun it, or it cannot be removed: ``gc`` does so


def _claim_of(run: str, journals: str) -> str:
    """The file that the first program to begin the run creates."""
    return os.path.join(journals, f".{run}{CLAIM}")


def _claim(run: str, journals: str) -> bool:
    try:
        os.close(os.open(_claim_of(run, journals), os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644))
    except FileExistsError:
        return False
    except OSError:
        pass  # nothing can be written there: the records go to the run, which says what was lost
    return True


def _imports_main() -> bool:
    """Whether this is a spawned worker that still imports the program: what its top level begins, it began before."""
    module = sys.modules.get("multiprocessing.process")
    return module is not None and bool(getattr(module.current_process(), "_inheriting", False))


def _set(variables: "Dict[str, str]") -> None:
    for name in HANDED:
        if name in variables:
            os.environ[name] = variables[name]
        else:
            os.environ.pop(name, None)


def _remember() -> None:
    _first.clear()
    _first.update({name: os.environ[name] for name in HANDED if name in os.environ})


_remember()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_remember)
