"""Turn recorded commands into commands that repeat them: with other seeds, and with the source of their metric."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from contexta.analysis.metrics.repeats import SEED_OPTION, command_of, is_seed, seed_of
from contexta.findings.past_runs import PastRun
from contexta.findings.runs import PARAM_OPTIONS

_MARK = "CONTEXTA-SEED-HERE"  # no character of it is quoted in a shell
_GROUP = re.compile(r"\(\?P<(?P<name>\w+)>")


@dataclass(frozen=True)
class Training:
    """The command of a recorded run, with a mark instead of its seed."""

    words: tuple[str, ...]
    seed_words: tuple[int, ...] = ()
    """The places of the option that passes the seed; empty without one."""
    seed: str = ""
    pattern: str | None = None
    """The pattern of --metrics-from-stdout; None without one."""
    complete: bool = True
    """Whether the command was recorded."""

    def at_seed(self, seed: str) -> str:
        """The shell command. seed: in shell syntax, ``"$s"`` or a number."""
        return shlex.join(self.words).replace(_MARK, seed)

    @property
    def line(self) -> str:
        """The shell command without the option for the seed."""
        return shlex.join(word for position, word in enumerate(self.words) if position not in self.seed_words)

    @property
    def seed_option(self) -> str:
        """The value of a bisect's ``--seed-arg`` for this command; "" without a seed."""
        return " ".join(self.words[position] for position in self.seed_words).replace(_MARK, "{seed}")


def training_of(run: PastRun, placeholder: Sequence[str]) -> Training:
    """The command of a run; ``placeholder`` if none was recorded."""
    words = command_of(run)
    value = run.metadata.get("metrics_from_stdout")
    pattern = value if isinstance(value, str) else None
    if words is None:
        return Training(tuple(placeholder), pattern=pattern, complete=False)
    for position, word in enumerate(words):
        option, equals, seed = word.partition("=")
        if not SEED_OPTION.match(word):
            continue
        if equals:
            marked = [*words[:position], f"{option}={_MARK}", *words[position + 1 :]]
            return Training(tuple(marked), (position,), seed, pattern)
        if position + 1 < len(words) and re.fullmatch(r"-?\d+", words[position + 1]):
            marked = [*words[: position + 1], _MARK, *words[position + 2 :]]
            return Training(tuple(marked), (position, position + 1), words[position + 1], pattern)
    unused_option = seed_option(run.params, run.metadata)
    if unused_option is not None:
        places = (len(words), len(words) + 1)
        return Training((*words, unused_option, _MARK), places, seed_of(run) or "0", pattern)
    return Training(tuple(words), pattern=pattern)


def seed_option(parameters: Mapping[str, Any], metadata: Mapping[str, Any]) -> str | None:
    """The option by which the program takes its seed, as its argparse has it; None if that was not recorded."""
    options = metadata.get(PARAM_OPTIONS)
    if not isinstance(options, Mapping):
        return None
    for name, value in parameters.items():
        if name in options and is_seed(name) and isinstance(value, int) and not isinstance(value, bool):
            return str(options[name])
    return None


def unused_seeds(runs: Sequence[PastRun], count: int) -> list[int]:
    """The first positive seeds that none of these runs used."""
    used = {seed_of(run) for run in runs}
    return [seed for seed in range(1, count + len(used) + 1) if str(seed) not in used][:count]


def metric_source(pattern: str, metric: str) -> str | None:
    """The ``stdout:REGEX`` of a bisect for a pattern of ``contexta run``; None if there is no equivalent.

    The group of the metric's value becomes the only group. A group ``key`` becomes the metric's name.
    """
    names = {match["name"] for match in _GROUP.finditer(pattern)}
    group = metric if metric in names else "value" if {"key", "value"} <= names else None
    if group is None or re.search(r"\(\?P=|\\[1-9]|\(\?\(", pattern):
        return None  # the pattern refers to its own groups
    result, position = "", 0
    while position < len(pattern):
        match = _GROUP.match(pattern, position)
        if pattern[position] == "\\":
            result += pattern[position : position + 2]
            position += 2
        elif pattern[position] == "[":
            end = _end_of_class(pattern, position)
            result += pattern[position:end]
            position = end
        elif match is not None and match["name"] == "key" and group == "value":
            result += f"(?:{re.escape(metric)})"
            position = _end_of_group(pattern, position)
        elif match is not None:
            result += "(" if match["name"] == group else "(?:"
            position = match.end()
        elif pattern[position] == "(" and pattern[position + 1 : position + 2] != "?":
            result += "(?:"
            position += 1
        else:
            result += pattern[position]
            position += 1
    try:
        return f"stdout:{result}" if re.compile(result).groups == 1 else None
    except re.error:
        return None


def _end_of_class(pattern: str, start: int) -> int:
    """The position after a character class."""
    position = start + 1
    position += pattern[position : position + 1] == "^"
    position += pattern[position : position + 1] == "]"
    while position < len(pattern) and pattern[position] != "]":
        position += 2 if pattern[position] == "\\" else 1
    return position + 1


def _end_of_group(pattern: str, start: int) -> int:
    """The position after a group."""
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
