"""The run this process is in: what ``contexta.init``, ``log`` and ``finish`` are about, and how a run left open ends.

At exit it ends as completed; as failed when an unhandled exception ended the program, as cancelled when Ctrl-C or
SIGTERM did. SIGTERM is watched only where the program does not, and then does what it always does. How a program calls
``sys.exit`` cannot be seen at exit: use ``with``, or ``contexta run``, which sees every exit code.

Standard library only, Python 3.8.
"""

from __future__ import annotations

import _thread
import atexit
import os
import signal
import sys
from collections.abc import Mapping

from contexta.recorder.journal.processes import is_worker
from contexta.recorder.session import inherited, process_replacement, start
from contexta.recorder.session.failure import status_of
from contexta.recorder.session.run import Run

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, List, Optional, Sequence, Union

_open: List[Run] = []
_joined: List[Run] = []  # at most one: the run that was handed down to this process
_initialised: Optional[Run] = None  # the latest run that ``init`` began, in whichever thread
_latest: Optional[Run] = None  # the latest run that this process began or took part in, ended or not
_mine = _thread._local()  # .run: the run that ``init`` began in this thread
_has_begun = False  # whether this process, or the one it was forked from, has begun a run
_count = 0  # runs that this process, or the one it was forked from, has begun or taken part in by ``starting.start``
_watching = False
_execs: List[bool] = []  # not empty once os.exec* is watched


def init(
    *,
    project: Optional[str] = None,
    name: Optional[str] = None,
    config: Optional[Mapping[str, Any]] = None,
    tags: Union[Mapping[str, str], Sequence[str], None] = None,
    group: Optional[str] = None,
) -> Run:
    """Begin a run of this program; ``contexta.log`` and ``contexta.finish`` are about it from now on.

    A run begun this way before, in the same thread, and still open is completed first. The first run of a program below
    `contexta run` is the run of that command, every further one a run of its own that is a part of it.
    config: parameters. tags: names with values, or names alone. group: kept as the tag ``group``.
    When nothing can be recorded, that is said on stderr and the program goes on.
    """
    global _initialised  # one program has one current run: that is what the module-level names mean
    before: Optional[Run] = getattr(_mine, "run", None)
    if before is not None:
        before.finish()
    marks = dict(tags) if isinstance(tags, Mapping) else dict.fromkeys(tags or (), "")
    if group is not None:
        marks["group"] = group
    run = start.start_or_warn(project=project, name=name, tags=marks)
    run.params(config or {})
    _mine.run = _initialised = run
    return run


def log(values: Mapping[str, Any], step: Optional[int] = None) -> None:
    """Record measurements of the current run; without one, ``contexta.init()`` begins it."""
    run = current()
    if run is None:
        run = _latest if _latest is not None else init()  # a run that has ended counts what comes too late
    elif not _has_begun and not is_worker():
        _begin_around(run)
    run.log(values, step)


def finish(status: str = "completed") -> None:
    """End the run that ``init`` began, if it is still open."""
    run = getattr(_mine, "run", None) or _initialised
    if run is not None:
        run.finish(status)


def current() -> Optional[Run]:
    """The run that ``init`` began, in this thread if one did; else the latest one that is open in this process."""
    for run in (getattr(_mine, "run", None), _initialised):
        if run is not None and not run._ended:
            return run
    alive = [run for run in _open if not run._ended]
    if alive:
        return alive[-1]
    around = handed_down()
    return around if around is not None and not around._ended else None


def handed_down() -> Optional[Run]:
    """The run that this process was started to be a part of, ended or not; None outside of one."""
    handed = inherited.reference()
    if handed is None:
        return None
    if not _joined or _joined[0].ref.value != handed[0]:
        run = start.joined()
        if run is None:
            return None
        _joined[:] = [run]
        watch(run)
        if not is_worker():  # mostly at its start; later in one that was not entered, as its PYTHONPATH was replaced
            start.record_environment(run)
    return _joined[0]


def takes_part(around: Run) -> bool:
    """Whether the run that this process begins now is the one around it. A process takes part in one once."""
    global _has_begun
    if os.environ.get(inherited.SINGLE):
        if around._ended:
            around.resume()
        return True
    first, _has_begun = not _has_begun, True
    return first and not around._ended and inherited.may_begin(around.ref.value, around._journal.folder)


def _begin_around(run: Run) -> None:
    """A program that measures without ``init`` has begun the run around it: its workers begin runs of their own."""
    global _has_begun
    _has_begun = True
    if _joined and run is _joined[0]:
        inherited.may_begin(run.ref.value, run._journal.folder)


def next_number() -> int:
    """Which run of this process the next one is, counted from 1."""
    global _count
    _count += 1
    return _count


def hand_down(run: Run, *, named: bool = True) -> None:
    """Let processes that are started from now on take part in the run; until it ends."""
    inherited.hand_down(run.ref.value, run._journal.folder, run._objects.root, named=named)


def take_back(run: Run) -> None:
    """The run has ended: processes started from now on are a part of the latest one that is open, if any."""
    if os.environ.get(inherited.RUN) != run.ref.value:
        return
    own = [each for each in _open if each._journal.first and not each._ended]
    if own:
        hand_down(own[-1])
    else:
        inherited.take_back()


def watch(run: Run) -> None:
    """See to it that the run ends when this process does."""
    global _watching, _latest  # registered once for the process
    _latest = run
    _open[:] = [each for each in _open if not each._ended]
    _open.append(run)
    if run._journal.first and not _execs:
        _execs.append(True)
        process_replacement.watch_exec(lambda: [each for each in _open if each._journal.first and not each._ended])
    if not _watching:
        _watching = True
        atexit.register(_at_exit)
        if not os.environ.get(inherited.WRAPPED):  # else the wrapper sees the signal
            _watch_sigterm()


def _at_exit() -> None:
    error = _unhandled()
    status = status_of(error)
    for run in [run for run in reversed(_open) if not run._ended]:
        run._end(status, error if status == "failed" else None, is_said=False)
        run.resume(to_exit=True)  # for what exit handlers of the program, which may run after this one, still record


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
        run._end("cancelled", None, is_said=False)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    os.kill(os.getpid(), signal.SIGTERM)
