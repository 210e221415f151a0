"""Detect that a training ignores its seed, from its command and its record. Pure.

One fixed seed shows two environments at that seed only. A change that draws other random numbers then moves the metric
like a real cause.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from contexta.analysis.metrics.repeats import is_seed

ASK = 'if the training takes a seed, pass it: --seed-arg "--seed {seed}", or read the variable SEED'

_PLACE = re.compile(r"(.*=)?\{seed\}", re.DOTALL)
_NUMBER = re.compile(r"[+-]?\d+")
_ASSIGNED = re.compile(r"(?P<name>(?:--?|\+{1,2})?[A-Za-z_][\w.-]*)=(?P<value>[+-]?\d+)")
_OF_HASHING = "PYTHONHASHSEED"  # orders sets; no training draws from it
_COUNTS = re.compile(r"(?:^|[._-])(?:n|num|number)[._-]", re.IGNORECASE)


@dataclass(frozen=True)
class FixedSeed:
    """A fixed seed in a command. written: its text. way: how to pass a seed instead."""

    written: str
    value: int
    way: str


def with_seed(words: Sequence[str], seed: int) -> list[str]:
    """A command with the seed in place of each word ``{seed}`` and ``NAME={seed}``; ``${seed}`` is a shell's."""
    return [
        word.replace("{seed}", str(seed)) if _PLACE.fullmatch(word) and "${seed}" not in word else word
        for word in words
    ]


def fixed_in(words: Sequence[str]) -> Iterator[FixedSeed]:
    """The fixed seeds of a command.

    Options (``--seed 1``, ``--random-state=1``), assignments (``seed=1``, ``SEED=1``), and those inside a word that is
    a command line itself, as ``sh -c`` has it.
    """
    for word, following in pairwise([*words, ""]):
        assigned = _ASSIGNED.fullmatch(word)
        if word.startswith("-") and _is_of_training(word) and _NUMBER.fullmatch(following):
            yield FixedSeed(f"{word} {following}", int(following), f'--seed-arg "{word} {{seed}}"')
        elif assigned and _is_of_training(assigned["name"]):
            name = assigned["name"]
            way = f"leave out {name}, which bisect sets" if name.isupper() else f'--seed-arg "{name}={{seed}}"'
            yield FixedSeed(word, int(assigned["value"]), way)
        elif any(space in word for space in " \n\t"):
            for inside in fixed_in(_split(word)):
                yield FixedSeed(inside.written, inside.value, 'write "$SEED" in its place, which bisect sets')


def passes_seed(command: Sequence[str]) -> bool:
    """Whether a command has a seed: a fixed one, or a place for that of the trial."""
    return any(_PLACE.fullmatch(word) for word in command) or next(fixed_in(command), None) is not None


def note_on_seed(command: Sequence[str], seed_argument: str | None) -> str | None:
    """A note that a command has a fixed seed; None if it has none or takes the seed of a trial."""
    takes_one = seed_argument is not None or any(_PLACE.fullmatch(word) for word in command)
    fixed = next(fixed_in(command), None)
    if fixed is None or takes_one:
        return None
    return (
        f"the command has the fixed seed {fixed.written}: what holds at this one seed need not hold at another, and "
        f"one seed cannot show a regression; {fixed.way}"
    )


def other_seed(parameters: Mapping[str, object], command: Sequence[str], seed: int) -> str | None:
    """The recorded seed of a program as ``NAME=VALUE``; None where it is the seed that the program was given."""
    seeds = {
        f"{name}={value}": value
        for name, value in parameters.items()
        if _is_of_training(name) and isinstance(value, int) and not isinstance(value, bool)
    }
    seeds.update({fixed.written: fixed.value for fixed in fixed_in(command)})
    return next(iter(seeds), None) if seed not in seeds.values() else None


def _is_of_training(name: str) -> bool:
    name = name.lstrip("-+")
    return is_seed(name) and name != _OF_HASHING and not _COUNTS.search(name)


def _split(line: str) -> list[str]:
    try:
        return shlex.split(line)
    except ValueError:
        return line.split()
