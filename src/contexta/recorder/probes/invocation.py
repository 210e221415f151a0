"""How a run was started: entry point, arguments, where, and by whom."""

from __future__ import annotations

import os
import sys

from contexta.recorder.notes import note, reason, storable
from contexta.recorder.redaction import redact

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Optional, Sequence

    from contexta.recorder.notes import Note

TOPIC = "invocation"
_MAX_ARGUMENTS = 1_000
_MAX_ARGUMENT = 10_000  # characters; python -c and JSON arguments can be whole programs


def invocation(*, salt: bytes, arguments: Optional[Sequence[str]] = None) -> tuple[dict[str, Any], list[Note]]:
    """``argv`` (secrets hidden), ``entry_point``, ``directory`` and ``parent`` (the parent's argv); and notes.

    arguments: default sys.argv. entry_point: ``-m module``, ``notebook`` or ``interactive``; left out where it is the
    first of the arguments: the script's path as given, or ``-c``.
    parent: who started it, torchrun or a shell, on Linux. A directory that is gone, or a parent of another user, is
    left out. Under 1 ms.
    """
    notes: list[Note] = []
    given = list(getattr(sys, "argv", [])) if arguments is None else list(arguments)
    argv, hidden = redact.argv(_capped([str(each) for each in given], notes), salt)
    notes.extend(hidden)
    facts: dict[str, Any] = {"argv": argv}
    entry_point = redact.inside(_entry_point(given), salt)
    if entry_point != (argv or [""])[0]:
        facts["entry_point"] = entry_point
    try:
        facts["directory"] = storable(os.getcwd())
    except OSError as error:
        notes.append(note(TOPIC, f"the current directory is unknown: {reason(error)}"))
    parent = _command_of(os.getppid())
    if parent:
        facts["parent"] = redact.argv(_capped(parent, notes), salt)[0]
    return facts, notes


def _capped(arguments: list[str], notes: list[Note]) -> list[str]:
    if len(arguments) > _MAX_ARGUMENTS:
        notes.append(note(TOPIC, f"only the first {_MAX_ARGUMENTS} of {len(arguments)} arguments are kept"))
        arguments = arguments[:_MAX_ARGUMENTS]
    if any(len(each) > _MAX_ARGUMENT for each in arguments):
        notes.append(note(TOPIC, f"arguments over {_MAX_ARGUMENT} characters are cut"))
        arguments = [each[:_MAX_ARGUMENT] for each in arguments]
    return arguments


def _entry_point(arguments: Sequence[str]) -> str:
    if "ipykernel" in sys.modules:
        return "notebook"
    spec = getattr(sys.modules.get("__main__"), "__spec__", None)
    name = getattr(spec, "name", None)
    if isinstance(name, str) and name:
        package, _, last = name.rpartition(".")
        return f"-m {package if last == '__main__' and package else name}"
    return str(arguments[0]) if arguments and arguments[0] else "interactive"


def _command_of(pid: int) -> list[str]:
    """The arguments of a process, from /proc; [] where they cannot be read."""
    try:
        with open(f"/proc/{pid}/cmdline", "rb", 0) as file:
            raw = file.read(1 << 20)
    except OSError:
        return []
    return [os.fsdecode(argument) for argument in raw.rstrip(b"\0").split(b"\0")] if raw else []
