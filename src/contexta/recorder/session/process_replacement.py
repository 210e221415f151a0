"""Noting that a process becomes another program: ``os.exec*`` runs no exit handler, and the run would seem to have
crashed.

``os.execv`` and ``os.execve``, which all others of ``os`` go through, are replaced when this process begins a run;
nothing else of the program is.

Standard library only, Python 3.8.
"""

from __future__ import annotations

import os
from functools import wraps

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, List

    from contexta.recorder.session.run import Run

_NAMES = ("execv", "execve")


def watch_exec(open_runs: "Callable[[], List[Run]]") -> None:
    """open_runs: those that this process began and that have not ended."""
    for name in _NAMES:
        real = getattr(os, name, None)
        if real is not None:
            setattr(os, name, _noting(real, open_runs))


def _noting(real: "Callable[..., Any]", open_runs: "Callable[[], List[Run]]") -> "Callable[..., Any]":
    @wraps(real)
    def execute(path: "Any", *arguments: "Any", **options: "Any") -> "Any":
        # A search along PATH tries one place after the other: only a program that is there is noted.
        runs = open_runs() if isinstance(path, int) or os.access(path, os.X_OK) else []
        for run in runs:
            run._become(path)
        try:
            return real(path, *arguments, **options)
        except BaseException as error:
            for run in runs:
                run._stay(error)
            raise

    return execute
