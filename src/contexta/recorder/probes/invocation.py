"""The invocation of a run: entry point, arguments, directory and parent process."""

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
_MAX_ARGUMENT = 10_000  # characters; an argument of python -c can be a whole program


def invocation(*, salt: bytes, arguments: Optional[Sequence[str]] = None) -> tuple[dict[str, Any], list[Note]]:
    """``argv`` without secrets, ``entry_point``, ``directory`` and ``parent``; and notes. Under 1 ms.

    arguments: default sys.argv. entry_point: ``-m module``, ``notebook`` or ``interactive``; left out if it equals the
    first argument (the path of a script, or ``-c``). parent: the command line of the parent process, on Linux.
    A deleted directory and a parent of another user are left out.
    """
    notes: list[Note] = []
    original = list(getattr(sys, "argv", [])) if arguments is None else list(arguments)
    argv, hidden = redact.argv(_capped([str(argument) for argument in original], notes), salt)
    notes.extend(hidden)
    facts: dict[str, Any] = {"argv": argv}
    entry_point = redact.inside(_entry_point(original), salt)
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
    if any(len(argument) > _MAX_ARGUMENT for argument in arguments):
        notes.append(note(TOPIC, f"arguments over {_MAX_ARGUMENT} characters are cut"))
        arguments = [argument[:_MAX_ARGUMENT] for argument in arguments]
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
    """The arguments of a process, from /proc; [] if they cannot be read."""
    try:
        with open(f"/proc/{pid}/cmdline", "rb", 0) as file:
            raw = file.read(1 << 20)
    except OSError:
        return []
    return [os.fsdecode(argument) for argument in raw.rstrip(b"\0").split(b"\0")] if raw else []
