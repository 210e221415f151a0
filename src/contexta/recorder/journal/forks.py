"""Notify journals of forks, and of the end of a child of ``multiprocessing``.

Standard library only, Python 3.8.
"""

from __future__ import annotations

import os
import sys
import weakref

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable, Protocol

    class Forking(Protocol):
        """An object whose methods are called around each fork of this process."""

        def before_fork(self) -> None: ...
        def after_fork_in_parent(self) -> None: ...
        def after_fork_in_child(self) -> None: ...


_notified: "weakref.WeakSet[Forking]" = weakref.WeakSet()


def notify(journal: Forking) -> None:
    """Notify a journal of forks for as long as it exists."""
    _notified.add(journal)


def close_at_exit_of_child(close: Callable[[], None]) -> None:
    """Call ``close`` at the end of a child of ``multiprocessing``, which ends without atexit but runs its own
    finalizers."""
    process, util = (sys.modules.get(f"multiprocessing.{name}") for name in ("process", "util"))
    if process is not None and util is not None and process.parent_process() is not None:
        util.Finalize(None, close, exitpriority=-1000)


def _before() -> None:
    for journal in list(_notified):
        journal.before_fork()


def _in_parent() -> None:
    for journal in list(_notified):
        journal.after_fork_in_parent()


def _in_child() -> None:
    for journal in list(_notified):
        journal.after_fork_in_child()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before, after_in_parent=_in_parent, after_in_child=_in_child)
