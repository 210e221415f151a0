"""Name options and calls in error messages as their reader writes them: in a shell or in Python."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

NEGATIVE = {"lower_is_better": "--higher-is-better", "versions": "--no-versions", "early": "--no-early"}
"""Flag -> its opposite on the command line."""
_speaks_shell: ContextVar[bool] = ContextVar("speaks_shell", default=False)


@contextmanager
def shell_wording() -> Iterator[None]:
    """Let messages inside the block name options as on the command line instead of as in Python."""
    token = _speaks_shell.set(True)
    try:
        yield
    finally:
        _speaks_shell.reset(token)


def speaks_shell() -> bool:
    """Whether the reader of messages uses the command line."""
    return _speaks_shell.get()


def option(name: str, value: object = None) -> str:
    """An option: ``--good-if TEXT`` in a shell, ``good_if='TEXT'`` in Python.

    value: None for an option without its value, a bool for a flag.
    """
    if not speaks_shell():
        return f"{name}={'' if value is None else repr(value)}"
    if value is False:
        return NEGATIVE[name]
    return f"--{name.replace('_', '-')}" + ("" if value in (None, True) else f" {shlex.quote(str(value))}")


def usage() -> str:
    """The shortest complete call."""
    if speaks_shell():
        return "contexta bisect OLD NEW --metric NAME -- COMMAND"
    return "bisect('OLD', 'NEW', metric='NAME', command='COMMAND')"


def resume_call() -> str:
    """The call that continues the last study."""
    return "`contexta bisect --resume`" if speaks_shell() else "`bisect(resume=True)`"
