"""Rewrite a command so that it runs in the active environment, or explain how to change it."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from contexta.core.errors import InvalidInput
from contexta.core.processes.interpreters import is_python
from contexta.reproduce.launch.launchers import ACTIVE, REFUSED, RUNNERS, without_runner
from contexta.reproduce.launch.programs import (
    SHELLS,
    first_line,
    is_console_script,
    name_of,
    program_at,
    python_at,
)
from contexta.reproduce.launch.scripts import require_harmless

_MAX_NESTED = 8  # launchers inside launchers
_PROJECT_ENVIRONMENTS = (".venv", "venv")


@dataclass(frozen=True)
class Prepared:
    """A command that runs in each environment. notes: the rewritten parts, and why."""

    command: tuple[str, ...]
    notes: tuple[str, ...] = ()


def prepared(command: Sequence[str], directory: Path) -> Prepared:
    """The command without launchers that would run it elsewhere. Unrecognised launchers are detected after each trial
    (``confirmation``). Raises InvalidInput for a command that certainly runs elsewhere and cannot be rewritten safely,
    also if a line of its shell script or Makefile does.
    """
    words, notes = list(command), list[str]()
    for _ in range(_MAX_NESTED):
        step = _without_outermost(words, directory)
        if step is None:
            break
        words, note = step
        notes += [note] if note else []
    require_harmless(words, directory)
    return Prepared(tuple(words), tuple(notes))


def fixes(command: Sequence[str], location: str) -> Iterator[str]:
    """Hints how to make a command run in its environment. location: the environment that it ran in instead."""
    at = program_at(command)
    name = name_of(command[at]) if at is not None else ""
    if Path(location).name in _PROJECT_ENVIRONMENTS:
        yield f"a launcher used the environment of the project: `{ACTIVE}` uses the active one"
    if name in {*SHELLS, "make", "gmake", "just"}:
        yield f"what {name} runs starts a Python of {location}: write python there, without a path"
    elif name not in ("python", ""):
        yield f"{name} starts a Python of {location}: install it on both sides, or give the command that it runs"
    yield "give the command itself, so that the Python of each environment runs it: -- python train.py"


def _without_outermost(words: list[str], directory: Path) -> tuple[list[str], str] | None:
    """(the command without its outermost launcher, a note or ""); None if no launcher was found."""
    at = python_at(words)
    if at is not None:
        if words[at + 1 : at + 2] == ["-m"] and words[at + 2 : at + 3] and words[at + 2] in {*RUNNERS, *REFUSED}:
            return [*words[:at], *words[at + 2 :]], ""
        for script in words[at + 1 : at + 2]:
            _require_no_packages(script, directory)
        if words[at] in ("python", "python3"):
            return None
        note = f"the Python of each environment runs the command instead of {words[at]}"
        return [*words[:at], "python", *words[at + 1 :]], note
    at = program_at(words)
    if at is None:
        return None
    return without_runner(words, at, directory) or _without_interpreter_line(words, at, directory)


def _without_interpreter_line(words: list[str], at: int, directory: Path) -> tuple[list[str], str] | None:
    """Run a script, whose first line names the interpreter of one environment, by the interpreter of each
    environment."""
    before, word, rest = words[:at], words[at], words[at + 1 :]
    path = directory / word
    if "/" not in word and "\\" not in word:
        return None  # found on PATH, where the environment of the trial comes first
    _require_no_packages(word, directory)
    if is_console_script(path):
        note = f"{word} is a script of one environment: {path.name} of each environment runs instead"
        return [*before, path.name, *rest], note
    interpreter = first_line(path)
    if interpreter[:1] and name_of(interpreter[0]) == "env":
        inner = [argument for argument in interpreter[1:] if argument != "-S"]
        return ([*before, *inner, word, *rest], "") if inner and name_of(inner[0]) in RUNNERS else None
    if interpreter and is_python(interpreter[0]):
        note = f"{word} names {interpreter[0]}: the Python of each environment runs it instead"
        return [*before, "python", *interpreter[1:], word, *rest], note
    return None


def _require_no_packages(word: str, directory: Path) -> None:
    """Raises InvalidInput for a zip archive with installed packages in it, as PEX and shiv make them."""
    path = directory / word
    try:
        if not path.is_file() or not zipfile.is_zipfile(path):
            return
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (OSError, zipfile.BadZipFile):
        return
    if any(name == "PEX-INFO" or ".dist-info/" in name for name in names):
        raise InvalidInput(
            f"{word} contains its own packages: no trial would use those of its environment",
            hint="give the command that it was built from, as in: -- python train.py",
        )
