"""Recorded commands as they are run again: with other seeds, and with the way their metric was read. Pure."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass

from contexta.analysis.metrics.repeats import SEED_OPTION, command_of, seed_of
from contexta.findings.history import PastRun

_MARK = "CONTEXTA-SEED-HERE"  # no character of it is quoted in a shell
_GROUP = re.compile(r"\(\?P<(?P<name>\w+)>")


@dataclass(frozen=True)
class Training:
    """The command of a recorded run, its seed replaced by a mark.

    words: of the command line. seed_words: where in it the option that passes the seed stands; none where the command
    line has no seed. seed: the recorded one. pattern: of --metrics-from-stdout; None where none was recorded.
    complete: whether the command was recorded.
    """

    words: tuple[str, ...]
    seed_words: tuple[int, ...] = ()
    seed: str = ""
    pattern: str | None = None
    complete: bool = True

    def at_seed(self, seed: str) -> str:
        """As a shell command. seed: as the shell has it, ``"$s"`` or a number."""
        return shlex.join(self.words).replace(_MARK, seed)

    @property
    def line(self) -> str:
        """As a shell command without its seed."""
        return shlex.join(word for position, word in enumerate(self.words) if position not in self.seed_words)

    @property
    def seed_option(self) -> str:
        """The option that passes the seed, as ``--seed-arg`` of a bisect has it; "" without one."""
        return " ".join(self.words[position] for position in self.seed_words).replace(_MARK, "{seed}")


def training_of(run: PastRun, placeholder: Sequence[str]) -> Training:
    """placeholder: the command where none was recorded."""
    words = command_of(run)
    given = run.metadata.get("metrics_from_stdout")
    pattern = given if isinstance(given, str) else None
    if words is None:
        return Training(tuple(placeholder), pattern=pattern, complete=False)
    for position, word in enumerate(words):
        option, equals, value = word.partition("=")
        if not SEED_OPTION.match(word):
            continue
        if equals:
            marked = [*words[:position], f"{option}={_MARK}", *words[position + 1 :]]
            return Training(tuple(marked), (position,), value, pattern)
        if position + 1 < len(words) and re.fullmatch(r"-?\d+", words[position + 1]):
            marked = [*words[: position + 1], _MARK, *words[position + 2 :]]
            return Training(tuple(marked), (position, position + 1), words[position + 1], pattern)
    return Training(tuple(words), pattern=pattern)


def unused_seeds(runs: Sequence[PastRun], count: int) -> list[int]:
    """The first seeds from 1 on at which none of these runs ran."""
    used = {seed_of(run) for run in runs}
    return [seed for seed in range(1, count + len(used) + 1) if str(seed) not in used][:count]


def metric_source(pattern: str, metric: str) -> str | None:
    """The ``stdout:REGEX`` of a bisect for a pattern of ``contexta run``; None where it cannot be written as one.

    The group with the metric's number becomes the only group; a group ``key`` becomes the metric's name.
    """
    names = {match["name"] for match in _GROUP.finditer(pattern)}
    wanted = metric if metric in names else "value" if {"key", "value"} <= names else None
    if wanted is None or re.search(r"\(\?P=|\\[1-9]|\(\?\(", pattern):
        return None  # it refers to its own groups
    written, position = "", 0
    while position < len(pattern):
        match = _GROUP.match(pattern, position)
        if pattern[position] == "\\":
            written += pattern[position : position + 2]
            position += 2
        elif pattern[position] == "[":
            end = _end_of_class(pattern, position)
            written += pattern[position:end]
            position = end
        elif match is not None and match["name"] == "key" and wanted == "value":
            written += f"(?:{re.escape(metric)})"
            position = _end_of_group(pattern, position)
        elif match is not None:
            written += "(" if match["name"] == wanted else "(?:"
            position = match.end()
        elif pattern[position] == "(" and pattern[position + 1 : position + 2] != "?":
            written += "(?:"
            position += 1
        else:
            written += pattern[position]
            position += 1
    try:
        return f"stdout:{written}" if re.compile(written).groups == 1 else None
    except re.error:
        return None


def _end_of_class(pattern: str, start: int) -> int:
    """Behind the ] of a character class."""
    position = start + 1
    position += pattern[position : position + 1] == "^"
    position += pattern[position : position + 1] == "]"
    while position < len(pattern) and pattern[position] != "]":
        position += 2 if pattern[position] == "\\" else 1
    return position + 1


def _end_of_group(pattern: str, start: int) -> int:
    """Behind the ) of a group."""
    depth, position = 0, start
    while position < len(pattern):
        if pattern[position] == "\\":
            position += 2
            continue
        if pattern[position] == "[":
            position = _end_of_class(pattern, position)
            continue
        depth += {"(": 1, ")": -1}.get(pattern[position], 0)
        position += 1
        if depth == 0:
            break
    return position
