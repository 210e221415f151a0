"""Prepare the command and the variables of a recorded run for a rerun. Pure."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from contexta.contract.environment import EnvironmentSnapshot
from contexta.core.errors import InvalidInput, shown
from contexta.recorder.probes.variables import is_recorded
from contexta.recorder.redaction.redact import HIDDEN
from contexta.reproduce.launch.programs import program_at, with_python
from contexta.reproduce.uv.commands import python_in

_OF_A_PLACE = re.compile(r"(?:VIRTUAL_ENV|CONDA_|UV_|PIP_|TMPDIR|PYTHONHOME|PYTHONEXECUTABLE|PYTHONUSERBASE)")
_OF_A_RUN = "CONTEXTA_"


def command_of(metadata: Mapping[str, Any], run: str) -> list[str]:
    """The recorded command line. Raises InvalidInput without one: a hidden secret, typed input, a notebook.

    run: the name of the run in a hint.
    """
    hint = f"give the command after --: contexta rerun {run} -- python train.py"
    command = metadata.get("command")
    invocation = metadata.get("invocation")
    if not isinstance(command, (list, tuple)) and isinstance(invocation, Mapping):
        command = _of_script(invocation, hint)
    if not isinstance(command, (list, tuple)) or not command:
        raise InvalidInput("the command of this run was not recorded", hint=hint)
    words = [str(word) for word in command]
    if any(HIDDEN in word for word in words):
        raise InvalidInput("the recorded command holds a secret that was not stored", hint=hint)
    return words


def working_directory(metadata: Mapping[str, Any]) -> Path | None:
    """The directory that the run was started in; None if it was not recorded, or is not on this machine."""
    invocation, source = metadata.get("invocation"), metadata.get("source")
    if isinstance(source, Mapping) and source.get("root"):
        recorded = Path(str(source["root"]), str(source.get("directory", ".")))
    elif isinstance(invocation, Mapping) and invocation.get("directory"):
        recorded = Path(str(invocation["directory"]))
    else:
        return None
    return recorded if recorded.is_dir() else None


def _of_script(invocation: Mapping[str, Any], hint: str) -> list[str]:
    """The command line of a run that a script started."""
    argv = [str(word) for word in invocation.get("argv", ())]
    entry = str(invocation.get("entry_point") or "".join(argv[:1]))
    if entry in ("", "-c", "notebook", "interactive") or not argv:
        raise InvalidInput(f"this run was started from {entry or 'nowhere'}: there is no command", hint=hint)
    return ["python", *(["-m", entry[3:]] if entry.startswith("-m ") else [argv[0]]), *argv[1:]]


def in_environment(command: Sequence[str], environment: Path) -> list[str]:
    """The command with the programs of an environment, if it has them."""
    python = python_in(environment)
    words = with_python(command, str(python))
    at = program_at(words)
    if at is not None and (program := python.parent / Path(words[at]).name).exists():
        words[at] = str(program)
    return words


def variables(
    recorded: EnvironmentSnapshot, environ: Mapping[str, str], environment: Path, moved: tuple[str, str] | None
) -> tuple[dict[str, str], list[str]]:
    """(the variables of ``environ`` with the recorded values of variables that affect a run, notes). moved: (from, to)
    of a moved source; paths below it in the values are replaced.
    """
    result = {
        name: value for name, value in environ.items() if not is_recorded(name) and not name.startswith(_OF_A_RUN)
    }
    notes = []
    for name, value in recorded.environment_variables.items():
        if _OF_A_PLACE.match(name):
            continue
        if HIDDEN in value:
            if name in environ:
                result[name] = environ[name]
            else:
                notes.append(f"variable {name} held a secret that was not stored, and is not set here")
            continue
        result[name] = _moved(value, moved) if moved else value
    if "TMPDIR" in environ:
        result["TMPDIR"] = environ["TMPDIR"]
    result["VIRTUAL_ENV"] = str(environment)
    result["PATH"] = os.pathsep.join([str(python_in(environment).parent), environ.get("PATH", os.defpath)])
    return result, notes


def _moved(value: str, moved: tuple[str, str]) -> str:
    old, new = moved
    parts = value.split(os.pathsep)
    return os.pathsep.join(
        new + part[len(old) :] if part == old or part.startswith(f"{old}/") else part for part in parts
    )


def tolerance(value: float, name: str) -> float:
    """The value. Raises InvalidInput for a negative or infinite one."""
    if not 0 <= value < float("inf"):
        raise InvalidInput(f"{name} {shown(value)} is no tolerance", hint="give 0 or more, e.g. 1e-6")
    return value
