"""Detect how this process ends: by an exception, by SIGTERM, or by becoming another program (``os.exec*``).

``os.exec*`` runs no exit handler, so the run would seem to have crashed. ``os.execv`` and ``os.execve``, through which
all exec functions of ``os`` go, are replaced when this process begins a run; nothing else of the program is replaced.

Standard library only, Python 3.8.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from functools import wraps

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, List, Optional

    from contexta.recorder.session.run import LiveRun

_NAMES = ("execv", "execve")


def unhandled_exception() -> Optional[BaseException]:
    """The exception that ended the program: Python leaves it in ``sys`` when it has printed it.

    An interactive session leaves the last exception there without ending.
    """
    if hasattr(sys, "ps1"):
        return None
    error = getattr(sys, "last_exc", None) or getattr(sys, "last_value", None)
    return error if isinstance(error, BaseException) else None


def keep_interrupt(error: Optional[BaseException]) -> None:
    """Let Python end by SIGINT, as without the recorder, if ``error`` is the Ctrl-C that ended the program.

    Until Python 3.12 the interpreter forgets the Ctrl-C when code that runs at exit evaluates a string, as the import
    of a module with a named tuple does. Then a shell sees exit code 1, and continues its loop. A string that raises
    KeyboardInterrupt reminds it.
    """
    if isinstance(error, KeyboardInterrupt) and threading.current_thread() is threading.main_thread():
        try:
            exec("raise KeyboardInterrupt")  # only a string reminds the interpreter
        except KeyboardInterrupt:
            pass


def watch_sigterm(end_runs: Callable[[], None]) -> None:
    """Call ``end_runs`` at SIGTERM, and end as the signal does by default; does nothing if the program handles it."""

    def on_sigterm(*_: object) -> None:
        end_runs()
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGTERM)

    def unwatch() -> None:
        """A forked child ends by SIGTERM at once, as without the recorder."""
        if signal.getsignal(signal.SIGTERM) is on_sigterm:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)

    try:
        if signal.getsignal(signal.SIGTERM) == signal.SIG_DFL:
            signal.signal(signal.SIGTERM, on_sigterm)
    except ValueError:
        return  # only the main thread may set a handler; in others the run ends as crashed, not cancelled
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=unwatch)


def at_end_of_worker(end_runs: Callable[[], None]) -> None:
    """Call ``end_runs`` when a process of ``multiprocessing`` ends: its exit handlers are not called."""
    util = sys.modules.get("multiprocessing.util")
    if util is not None:
        util.Finalize(None, end_runs, exitpriority=-900)  # before its journals are closed


def watch_exec(open_runs: Callable[[], List[LiveRun]]) -> None:
    """Note on the open runs that this process becomes another program."""
    for name in _NAMES:
        execute = getattr(os, name, None)
        if execute is not None:
            setattr(os, name, _with_note(execute, open_runs))


def _with_note(execute: Callable[..., Any], open_runs: Callable[[], List[LiveRun]]) -> Callable[..., Any]:
    @wraps(execute)
    def execute_with_note(path: Any, *arguments: Any, **options: Any) -> Any:
        # A search along PATH tries several paths, so only an existing program is noted.
        runs = open_runs() if isinstance(path, int) or os.access(path, os.X_OK) else []
        for run in runs:
            run._become(path)
        try:
            return execute(path, *arguments, **options)
        except BaseException as error:  # raised again
            for run in runs:
                run._stay(error)
            raise

    return execute_with_note
