"""The run this process is in: what ``contexta.init``, ``log`` and ``finish`` are about, and how a run left open ends.

At exit it ends as completed; as failed when an unhandled exception ended the program, as cancelled when Ctrl-C or
SIGTERM did. SIGTERM is watched only where the program does not, and then does what it always does. How a program calls
``sys.exit`` cannot be seen at exit: use ``with``, or ``contexta run``, which sees every exit code.

Standard library only, Python 3.8.
"""

from __future__ import annotations

import atexit
import os
import signal
import sys
from collections.abc import Mapping

from contexta.recorder import sending, settings, starting
from contexta.recorder.live import Run, status_of
from contexta.recorder.objects import Objects

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, List, Optional, Sequence, Union

_open: List[Run] = []
_joined: List[Run] = []  # at most one: the run that was handed down to this process
_initialised: Optional[Run] = None
_watching = False


def init(
    *,
    project: Optional[str] = None,
    name: Optional[str] = None,
    config: Optional[Mapping[str, Any]] = None,
    tags: Union[Mapping[str, str], Sequence[str], None] = None,
    group: Optional[str] = None,
) -> Run:
    """Begin a run of this program; ``contexta.log`` and ``contexta.finish`` are about it from now on.

    A run begun this way before and still open is completed first. Below `contexta run` it is the run of that command.
    config: parameters. tags: names with values, or names alone. group: kept as the tag ``group``.
    When nothing can be recorded, that is said on stderr and the program goes on.
    """
    global _initialised  # one program has one current run: that is what the module-level names mean
    finish()
    root = settings.workspace()
    journals, objects = os.path.join(root, settings.JOURNALS), Objects(os.path.join(root, settings.OBJECTS))
    project = project or settings.project()
    marks = dict(tags) if isinstance(tags, Mapping) else dict.fromkeys(tags or (), "")
    if group is not None:
        marks["group"] = group
    try:
        run = starting.start(journals, objects, project=project, name=name, tags=marks, send=sending.configured())
    except OSError as error:
        run = starting.unrecorded(project, name, journals, objects, error)
    run.params(config or {})
    _initialised = run
    return run


def log(values: Mapping[str, Any], step: Optional[int] = None) -> None:
    """Record measurements of the current run; without one, ``contexta.init()`` begins it."""
    (current() or init()).log(values, step)


def finish(status: str = "completed") -> None:
    """End the run that ``init`` began, if it is still open."""
    if _initialised is not None:
        _initialised.finish(status)


def current() -> Optional[Run]:
    """The run that ``init`` began, else the latest one that is open in this process."""
    if _initialised is not None and not _initialised._ended:
        return _initialised
    alive = [run for run in _open if not run._ended]
    return alive[-1] if alive else handed_down()


def handed_down() -> Optional[Run]:
    """The run that this process was started to be a part of; None outside of one."""
    if not _joined:
        run = starting.joined()
        if run is None:
            return None
        _joined.append(run)
        watch(run)
    run = _joined[0]
    run._ended = False  # a program may end its part and begin another one
    return run


def hand_down(run: Run) -> None:
    """Let processes that ``multiprocessing`` starts from now on take part in the run; until it ends."""
    os.environ.update(
        {starting.RUN: run.ref.value, starting.JOURNALS: run._journal.folder, starting.OBJECTS: run._objects.root}
    )


def take_back(run: Run) -> None:
    """The run has ended: processes started from now on are no part of it."""
    if os.environ.get(starting.RUN) == run.ref.value:
        for name in (starting.RUN, starting.JOURNALS, starting.OBJECTS):
            os.environ.pop(name, None)


def watch(run: Run) -> None:
    """See to it that the run ends when this process does."""
    global _watching  # registered once for the process
    _open[:] = [each for each in _open if not each._ended]
    _open.append(run)
    if not _watching:
        _watching = True
        atexit.register(_at_exit)
        if not os.environ.get(starting.WRAPPED):  # else the wrapper sees the signal
            _watch_sigterm()


def _at_exit() -> None:
    error = _unhandled()
    status = status_of(error)
    for run in reversed(_open):
        run.finish(status, failure=error if status == "failed" else None)


def _unhandled() -> Optional[BaseException]:
    """The exception that ended the program: Python leaves it in ``sys`` when it has printed it. In an interactive
    session it is merely the last one."""
    if hasattr(sys, "ps1"):
        return None
    found = getattr(sys, "last_exc", None) or getattr(sys, "last_value", None)
    return found if isinstance(found, BaseException) else None


def _watch_sigterm() -> None:
    try:
        if signal.getsignal(signal.SIGTERM) == signal.SIG_DFL:
            signal.signal(signal.SIGTERM, _on_sigterm)
    except ValueError:
        pass  # not the main thread: only that one may; the run is then found crashed, not cancelled
    else:
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=_unwatch_sigterm)


def _unwatch_sigterm() -> None:
    """A forked child ends by SIGTERM at once, as it always did."""
    if signal.getsignal(signal.SIGTERM) is _on_sigterm:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _on_sigterm(*_: object) -> None:
    for run in reversed(_open):
        run.finish("cancelled")
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    os.kill(os.getpid(), signal.SIGTERM)
