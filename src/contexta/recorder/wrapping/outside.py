"""Read the environment of a Python process from outside, and write it as the journal of that process.

Standard library only, Python 3.8.
"""

from __future__ import annotations

import json
import os
import shutil

from contexta.core.files import atomic_files
from contexta.core.processes.interpreters import is_python
from contexta.recorder.journal.objects import Objects
from contexta.recorder.journal.writer import SUFFIX
from contexta.recorder.session.inherited import INJECTED
from contexta.recorder.wrapping.command_lines import isolation

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Mapping, Optional, Sequence, Tuple

    from contexta.recorder.wrapping.process_watch import Program

_SECONDS = 60.0


def interpreter_of(program: str, command: Sequence[str]) -> Tuple[Optional[str], str]:
    """(path, isolating switches) of the Python that a command, or the first line of its script, names.

    program: the path of the command. The path of the Python is None where neither names one.
    """
    if is_python(program):
        return program, isolation(command)
    try:
        with open(program, "rb") as file:
            line = file.readline(512)
    except OSError:
        return None, ""
    words = os.fsdecode(line[2:]).split() if line.startswith(b"#!") else []
    if words and os.path.basename(words[0]) == "env":
        words = [word for word in words[1:] if not word.startswith("-S")]
    python = shutil.which(words[0]) if words else None
    return (python, isolation(words)) if python and is_python(python) else (None, "")


def read_environment(
    python: str,
    switches: str,
    objects: Objects,
    *,
    variables: Optional[Mapping[str, str]] = None,
    directory: Optional[str] = None,
    program: str = "",
) -> str:
    """The digest of the environment of an interpreter, started with these switches, variables and directory.

    program: the script, archive or directory that it runs; some contain packages.
    Raises OSError or ProcessError when the interpreter fails.
    """
    from contexta.core.processes.process import run

    argv = [python, *([f"-{switches}"] if switches else []), os.path.join(INJECTED, "probe.py")]
    argv += [os.path.abspath(objects.root), *(["program", os.path.abspath(program)] if program else [])]
    result = run(argv, timeout=_SECONDS, env=variables, cwd=directory)
    if result.exit_code != 0:
        raise OSError(result.stderr.decode("utf-8", "replace").strip()[-500:] or f"exit code {result.exit_code}")
    return objects.put(result.stdout)


def write_journal(folder: str, run: str, program: Program, parent: int, digest: str) -> None:
    """Write the journal of a process that does not record. parent: the Python process that started it, if one did.

    Raises OSError.
    """
    began, last = (int(moment * 1_000_000) for moment in (program.began, program.last))
    records: list[dict[str, Any]] = [
        {"t": "join", "at": began, "run": run, "pid": program.pid, "parent": parent, "rank": None},
        {"t": "environment", "at": began, "digest": digest},
        {"t": "close", "at": last},
    ]
    path = os.path.join(folder, f"{run}.{program.pid}-{os.urandom(4).hex()}{SUFFIX}")
    lines = [json.dumps({"s": number, **record}, separators=(",", ":")) for number, record in enumerate(records)]
    atomic_files.write(path, ("\n".join(lines) + "\n").encode("ascii"), is_durable=True)
