"""Inherit the run of a parent process: the variables that name it, and the processes that may begin it.

`contexta run` and an open run pass their reference to the processes below them in environment variables. The first run
that a process begins joins the inherited run; every further run is a separate run.

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
NAMED = "CONTEXTA_RUN_NAMED"  # the name of the run is fixed
IN_PROJECT = "CONTEXTA_RUN_IN_PROJECT"  # the project of the run is fixed
BEGUN = "CONTEXTA_RUN_BEGUN"  # a program has begun the run: its workers begin separate runs
WRAPPED = "CONTEXTA_WRAPPED"  # set by `contexta run`: every process below it belongs to its run
SINGLE = "CONTEXTA_SINGLE_RUN"  # set by a trial of bisect: a process begins no other run
RECORDING = "CONTEXTA_RECORDING"  # "off": nothing is recorded, without a warning
MIRROR = "CONTEXTA_MIRROR"  # "off": values that the program logs to other trackers are not recorded
TRIAL = "CONTEXTA_TRIAL"  # set for a trial or a rerun: the file that its processes report to
TRIAL_FOLDERS = "CONTEXTA_TRIAL_OWN"  # folders that are removed with the trial; without it writes are not reported
TRIAL_VARIABLES = "CONTEXTA_TRIAL_VARIABLES"  # names of variables that differ between trials, joined by commas
CLAIM = ".claim"  # suffix of a file; the worker that creates it begins the run

HANDED = (RUN, JOURNALS, OBJECTS, NAMED, IN_PROJECT, BEGUN)
INJECTED = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "wrapping", "inject")
"""The folder that `contexta run` puts on PYTHONPATH."""
_pid = os.getpid()
_first: "Dict[str, str]" = {}  # the variables at the start, or at the fork, of this process


def _xdist_worker() -> "Tuple[Optional[str], Optional[str]]":
    """(session, worker) of pytest-xdist in the variables. A worker sets them after its start, so a process whose values
    have changed is a worker; the session tells it from the worker that started its pytest."""
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
    """(``project.run``, journals, objects) of the inherited run; None without one."""
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


def hand_down(run: str, journals: str, objects: str, *, is_named: bool) -> None:
    """Let processes that start from now on inherit the run."""
    _set({RUN: run, JOURNALS: journals, OBJECTS: objects, BEGUN: "1", **({NAMED: "1"} if is_named else {})})


def take_back() -> None:
    """Let processes that start from now on inherit the run of this process's parent."""
    _set(_first)


def may_begin(run: str, journals: str) -> bool:
    """Whether the first run of this process is the inherited one.

    A program and a rank of a distributed job may begin it. Of workers and forked processes, such as those of a pool,
    only the first one may, where no program has begun the run: otherwise their measurements would mix.
    """
    is_program = os.getpid() == _pid and not is_worker() and _xdist_worker() == _xdist
    if is_program or rank() is not None or _imports_main():
        _claim(run, journals)
        return True
    return not os.environ.get(BEGUN) and _claim(run, journals)


def withdraw_claim(run: str, journals: str) -> None:
    """Remove the claim on a run that has ended."""
    try:
        os.unlink(_claim_of(run, journals))
    except OSError:
        pass  # no program has begun it, or only ``gc`` can remove it


def _claim_of(run: str, journals: str) -> str:
    """The file that the first program of the run creates."""
    return os.path.join(journals, f".{run}{CLAIM}")


def _claim(run: str, journals: str) -> bool:
    try:
        os.close(os.open(_claim_of(run, journals), os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644))
    except FileExistsError:
        return False
    except OSError:
        pass  # the directory is not writable: the run counts its lost records
    return True


def _imports_main() -> bool:
    """Whether this is a spawned worker that still imports the program, whose top level its parent ran before."""
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
