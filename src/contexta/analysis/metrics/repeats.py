"""Find the runs that repeat each other with another seed."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from contexta.core.errors import InvalidInput, shown
from contexta.core.processes.interpreters import is_python
from contexta.findings.past_runs import PastRun

AUTO, NONE = "auto", "none"
_SEED = re.compile(r"(?:^|[._-])(?:random[._-]?)?(?:seed|random[._-]state)(?:$|[._-])", re.IGNORECASE)
SEED_OPTION = re.compile(r"--?[\w.-]*(?:seed|random[_-]state)", re.IGNORECASE)
_SEED_VARIABLES = frozenset({"SEED", "CONTEXTA_SEED", "PYTHONHASHSEED", "PL_GLOBAL_SEED"})

Key = tuple[Any, ...]


def repeats_of(run: PastRun, runs: Sequence[PastRun], group_by: str = AUTO) -> tuple[PastRun, ...]:
    """The run itself, whatever its status, and the completed runs that repeat it, the oldest first.

    group_by: ``auto`` (equal tag ``group``, code, configuration and environment), ``none`` (no run repeats another),
    ``tag:NAME`` or ``param:NAME`` (equal values). Raises InvalidInput for any other.
    """
    key = key_of(run, group_by)
    others = [
        other
        for other in runs
        if other.ref != run.ref and other.status == "completed" and key is not None and key_of(other, group_by) == key
    ]
    return (run, *sorted(others, key=lambda other: (other.started_at, other.ref)))


def key_of(run: PastRun, group_by: str = AUTO) -> Key | None:
    """A key that is equal for runs that repeat each other; None for a run without repeats."""
    if group_by == NONE:
        return None
    kind, colon, name = group_by.partition(":")
    if colon and name and kind in ("tag", "param"):
        table: Mapping[str, Any] = run.tags if kind == "tag" else run.params
        return (group_by, as_text(table[name])) if name in table else None
    if group_by != AUTO:
        raise InvalidInput(
            f"runs cannot be grouped by {shown(group_by)}", hint="give auto, none, tag:NAME or param:NAME"
        )
    environment = run.environment
    if environment is None and not run.params and not run.metadata.get("source"):
        return None  # nothing is recorded that two such runs could have in common
    return (
        run.ref.components[0],
        run.tags.get("group"),
        run.code,
        params_without_seed(run.params),
        tuple(arguments_of(run)),
        None if environment is None else environment.identity,
    )


def command_of(run: PastRun) -> list[str] | None:
    """The command line of a run; None if it was not recorded and cannot be derived."""
    command = run.metadata.get("command")
    if isinstance(command, Sequence) and not isinstance(command, str) and command:
        return [str(word) for word in command]
    invocation = run.metadata.get("invocation")
    if not isinstance(invocation, Mapping):
        return None
    argv = invocation.get("argv")
    if not isinstance(argv, Sequence) or isinstance(argv, str) or not argv:
        return None
    entry = str(invocation.get("entry_point") or argv[0])
    rest = [str(word) for word in argv[1:]]
    if entry.startswith("-m "):
        return ["python", "-m", entry[3:], *rest]
    return ["python", entry, *rest] if entry not in ("", "-c", "interactive", "notebook") else None


def arguments_of(run: PastRun) -> list[str]:
    """The command line without the seed and without the path of the interpreter, which the environment describes."""
    words, arguments, skip = command_of(run) or [], [], False
    if words and is_python(words[0]):
        words = ["python", *words[1:]]
    for word in words:
        option = SEED_OPTION.match(word)
        if skip or option:
            skip = bool(option) and "=" not in word and not skip
            continue
        arguments.append(word)
    return arguments


def params_without_seed(params: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """The parameters in an order and a form that compares."""
    return tuple((name, as_text(params[name])) for name in sorted(params) if not is_seed(name))


@lru_cache(maxsize=4_096)
def is_seed(name: str) -> bool:
    """Whether a parameter or an environment variable is a seed, by its name."""
    return name in _SEED_VARIABLES or _SEED.search(name) is not None


def seed_of(run: PastRun) -> str | None:
    """The recorded seed of a run: a parameter, an option, or the seed of torch; None without one."""
    for name, value in run.params.items():
        if is_seed(name):
            return as_text(value)
    words = command_of(run) or []
    for position, word in enumerate(words):
        if SEED_OPTION.match(word):
            _, equals, value = word.partition("=")
            return value if equals else (words[position + 1] if position + 1 < len(words) else None)
    seeds = run.metadata.get("seeds")
    return str(seeds["torch"]) if isinstance(seeds, Mapping) and "torch" in seeds else None


def as_text(value: Any) -> str:
    """A recorded value as a text that is equal for equal values."""
    if type(value) in (int, float):
        return repr(value)  # as JSON has it, and faster
    return json.dumps(value, sort_keys=True, default=str)
