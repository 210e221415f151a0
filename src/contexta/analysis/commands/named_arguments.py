"""Split a recorded command into its program and its arguments by name."""

from __future__ import annotations

import re
from collections.abc import Sequence

from contexta.core.processes.interpreters import is_python

PROGRAM = "program"
_SETTING = re.compile(r"\A\+{0,2}~?[A-Za-z_][\w.\[\]/@-]*=")
_NUMBER = re.compile(r"\A-\.?\d")


def arguments_by_name(words: Sequence[str]) -> dict[str, str]:
    """``{"program": "python train.py", "--lr": "0.1", "--fast": "given", "argument 1": "data.csv"}``

    An option that is followed by no value is ``given``. Values of a repeated option are joined. ``lr=0.1`` has the name
    ``lr``. The path of an interpreter is ``python``.
    """
    length = _program_length(words)
    arguments = {PROGRAM: " ".join(["python" if is_python(words[0]) else words[0], *words[1:length]])} if words else {}
    rest, position, unnamed = list(words[length:]), 0, 0
    while position < len(rest):
        word = rest[position]
        following = rest[position + 1] if position + 1 < len(rest) else None
        position += 1
        if _is_option(word):
            name, equals, value = word.partition("=")
            if not equals:
                has_value = following is not None and not _is_option(following) and not _SETTING.match(following)
                value = following if has_value and following is not None else "given"
                position += has_value
        elif _SETTING.match(word):
            name, _, value = word.partition("=")
        else:
            unnamed += 1
            name, value = f"argument {unnamed}", word
        arguments[name] = f"{arguments[name]} {value}" if name in arguments else value
    return arguments


def _program_length(words: Sequence[str]) -> int:
    """The number of words up to the script or module of an interpreter; 1 for any other program."""
    if not words or not is_python(words[0]):
        return min(1, len(words))
    for position, word in enumerate(words[1:], start=1):
        if word in ("-m", "-c"):
            return min(position + 2, len(words))
        if not word.startswith("-"):
            return position + 1
    return len(words)


def _is_option(word: str) -> bool:
    return word.startswith("-") and len(word) > 1 and not _NUMBER.match(word)
