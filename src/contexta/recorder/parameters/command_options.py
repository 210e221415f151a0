"""Find the options of a command line and their values: ``--lr 0.1``, ``--lr=0.1``, ``lr=0.1``, ``--augment``.

Standard library only, Python 3.8.
"""

from __future__ import annotations

import math
import re

from contexta.core.processes.interpreters import is_python

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, Iterator, List, Literal, Sequence, Tuple

    Takes = Literal["one", "many", "truth", "none"]
    """The arity of an option: one value, several values, an optional boolean, or none."""

OPTION = re.compile(r"--?[A-Za-z_]")
NAMED = re.compile(r"(?P<dashes>--?|\+{0,2})(?P<name>[A-Za-z_][\w.-]*)(?P<equals>=?)", re.ASCII)
_TRUTHS = frozenset({"true", "false", "yes", "no", "on", "off", "0", "1"})
_WITH_VALUE = ("-m", "-c", "-W", "-X")  # options of Python itself
_INTEGER = re.compile(r"[-+]?(?:0|[1-9][0-9]{0,15})\Z")
_FLOAT = re.compile(r"[-+]?(?:[0-9]+\.[0-9]*|\.[0-9]+|[0-9]+(?=[eE]))(?:[eE][-+]?[0-9]+)?\Z")


def start_of_arguments(command: Sequence[str]) -> int:
    """The position of the first argument of the program: after the interpreter's options and its script."""
    for position, word in enumerate(command):
        if is_python(word):
            at = position + 1
            while at < len(command) and command[at].startswith("-"):
                if command[at] in ("-m", "-c"):
                    return at + 2
                at += 1 + (command[at] in _WITH_VALUE)
            return at + 1
    return 1


def option_names(line: Sequence[str]) -> Iterator[str]:
    """The names of the options on a line, in order and as ``plain`` writes them."""
    for word in line:
        match = NAMED.match(word)
        if match is not None and (match["equals"] or match["dashes"].startswith("-")):
            yield plain(match["name"])


def spans_of(line: Sequence[str], name: str, takes: Takes, at: int) -> List[Tuple[int, int]]:
    """The positions of an option and its values, from a position on."""
    spans = []
    while at < len(line):
        match = NAMED.match(line[at])
        stop = at + 1
        if match is not None and (
            match["equals"] or (match["dashes"].startswith("-") and match.end() == len(line[at]))
        ):
            option, negated = plain(match["name"]), f"no_{plain(name)}"
            if option == plain(name) or (takes == "truth" and option == negated):
                stop += 0 if match["equals"] or option == negated else value_count(line, stop, takes)
                spans.append((at, stop))
        at = stop
    return spans


def value_count(line: Sequence[str], at: int, takes: Takes) -> int:
    """The number of words from here on that are values of an option."""
    if takes == "none" or at >= len(line):
        return 0
    if takes == "truth":
        return int(line[at].lower() in _TRUTHS)
    count = next((n for n, word in enumerate(line[at:]) if OPTION.match(word)), len(line) - at)
    return count if takes == "many" else min(count, 1)


def plain(name: str) -> str:
    """A name with ``_`` for ``-``."""
    return name.replace("-", "_")


def options_of(command: Sequence[str]) -> Dict[str, Any]:
    """The options of the program of a command, by name: a number, a text, True for a flag, a list of several values.

    An option with several words before the next option has them all. The last option has one: the other words may be
    arguments of the program.
    """
    line = list(command[_behind_script(command) :])
    line = line[: line.index("--")] if "--" in line else line
    options: Dict[str, Any] = {}
    at = 0
    while at < len(line):
        match = NAMED.match(line[at])
        is_named = match is not None and (match["equals"] or match["dashes"].startswith("-"))
        if match is None or not is_named or not (match["equals"] or match.end() == len(line[at])):
            at += 1
            continue
        name, at = plain(match["name"]), at + 1
        if match["equals"]:
            _add(options, name, [line[at - 1][match.end() :]])
            continue
        count = value_count(line, at, "many")
        if count > 1 and at + count == len(line):
            count = 1
        _add(options, name, line[at : at + count])
        at += count
    return options


def _behind_script(command: Sequence[str]) -> int:
    """The position of the first argument of the program, also after a launcher: ``torchrun --nproc 2 train.py --lr
    0.1``."""
    start = start_of_arguments(command)
    if start == 1:
        scripts = (at + 1 for at, word in enumerate(command) if at and word.endswith(".py") and "=" not in word)
        return next(scripts, 1)
    return start


def _add(options: Dict[str, Any], name: str, words: Sequence[str]) -> None:
    """Add the value of an option. A repeated option has a list."""
    values: List[Any] = [value_of(word) for word in words]
    value = True if not values else values[0] if len(values) == 1 else values
    if name not in options:
        options[name] = value
    elif value is not True:
        before = options[name]
        earlier = before if isinstance(before, list) else [] if before is True else [before]
        options[name] = [*earlier, *(value if isinstance(value, list) else [value])]


def value_of(word: str) -> Any:
    """The number in a word, else the word."""
    if _INTEGER.match(word):
        return int(word)
    if _FLOAT.match(word) and math.isfinite(float(word)):
        return float(word)
    return word
