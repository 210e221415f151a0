"""Find the program that a command line starts, and read the first line of scripts."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from contexta.core.processes.interpreters import is_python

_MAX_FIRST_LINE = 512  # bytes of a script that the system reads
_MAX_TEXT = 1_000_000  # bytes


def words_of(text: str) -> frozenset[str]:
    return frozenset(text.split())


@dataclass(frozen=True)
class Wrapper:
    """A program that only starts another program. valued: options that take a value. operands: number of words before
    the program.
    """

    valued: frozenset[str] = frozenset()
    operands: int = 0


WRAPPERS = {
    "env": Wrapper(words_of("-u --unset -C --chdir")),
    "nohup": Wrapper(),
    "time": Wrapper(words_of("-f --format -o --output")),
    "nice": Wrapper(words_of("-n --adjustment")),
    "ionice": Wrapper(words_of("-c --class -n --classdata")),
    "timeout": Wrapper(words_of("-s --signal -k --kill-after"), operands=1),
    "taskset": Wrapper(operands=1),
    "stdbuf": Wrapper(words_of("-i -o -e --input --output --error")),
    "setsid": Wrapper(),
    "chrt": Wrapper(operands=1),
    "numactl": Wrapper(words_of("-N -m -C -i -p -l")),
    "xvfb-run": Wrapper(words_of("-n -s -e -f -w")),
    "caffeinate": Wrapper(words_of("-t -w")),
    "exec": Wrapper(words_of("-a")),
    "command": Wrapper(),
}
_LAUNCHERS_OF_MANY = words_of("mpirun mpiexec mpiexec.hydra srun horovodrun jsrun aprun")
"""Programs that start another one many times, with many kinds of options: the first Python after them counts."""
SHELLS = words_of("sh bash zsh dash ksh ash")


def name_of(word: str) -> str:
    """The name of a program by its path."""
    return re.split(r"[/\\]", word)[-1].removesuffix(".exe")


def program_at(words: Sequence[str]) -> int | None:
    """The position of the program in a command line, after assignments and wrappers; None without one."""
    at = 0
    while at < len(words):
        wrapper = WRAPPERS.get(name_of(words[at]))
        if wrapper is None:
            return at
        at += 1
        while at < len(words) and (words[at].startswith("-") or re.match(r"[A-Za-z_]\w*=", words[at])):
            at += 2 if words[at] in wrapper.valued else 1
        at += wrapper.operands
    return None


def python_at(words: Sequence[str]) -> int | None:
    """The position of the Python that a command line starts; None if it starts another program."""
    at = program_at(words)
    if at is None or is_python(words[at]):
        return at
    if name_of(words[at]) in _LAUNCHERS_OF_MANY:
        return next((number for number in range(at + 1, len(words)) if is_python(words[number])), None)
    return None


def with_python(command: Sequence[str], python: str) -> list[str]:
    """The command, with another interpreter if it starts a Python."""
    words = list(command)
    at = python_at(words)
    if at is not None:
        words[at] = python
    return words


def clears_path(words: Sequence[str]) -> bool:
    """Whether a command line starts its program without a PATH (``env -i``)."""
    before = list(words[: program_at(words) or 0])
    is_cleared = any(
        name_of(word) == "env" and {"-i", "-", "--ignore-environment"} & {*before[number + 1 :]}
        for number, word in enumerate(before)
    )
    return is_cleared and not any(word.startswith("PATH=") for word in before)


def names_active_python(word: str) -> bool:
    """Whether a Python is found on PATH, or below the variable that every trial sets to its own environment."""
    return "/" not in word or re.match(r"\$(?:VIRTUAL_ENV|\{VIRTUAL_ENV\})/", word) is not None


def is_console_script(path: Path) -> bool:
    """Whether a file is a script of a virtual environment."""
    interpreter = first_line(path)
    if not interpreter or not (is_python(interpreter[0]) or name_of(interpreter[0]) == "sh"):
        return False
    folder = path.absolute().parent.parent
    return (folder / "pyvenv.cfg").is_file() or (folder / "conda-meta").is_dir()


def first_line(path: Path) -> list[str]:
    """The words of the first line of a script, without ``#!``; [] for any other file."""
    try:
        with path.open("rb") as file:
            line = file.readline(_MAX_FIRST_LINE)
    except (OSError, ValueError):
        return []
    return line[2:].decode(errors="replace").split() if line.startswith(b"#!") else []


def text_of(path: Path) -> str | None:
    """The content of a text file; None for any other file, or a huge one."""
    try:
        if not path.is_file() or path.stat().st_size > _MAX_TEXT:
            return None
        content = path.read_bytes()
    except (OSError, ValueError):
        return None
    return None if b"\0" in content else content.decode(errors="replace")
