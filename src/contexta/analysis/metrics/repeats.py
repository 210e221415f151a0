"""Which runs belong together: the same thing done again with another seed."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from contexta.core.errors import InvalidInput, shown
from contexta.findings.history import PastRun

AUTO, NONE = "auto", "none"
_SEED = re.compile(r"(?:^|[._-])(?:random[._-]?)?(?:seed|random[._-]state)(?:$|[._-])", re.IGNORECASE)
_PYTHON = re.compile(r"(^|[/\\])python[0-9.]*(\.exe)?$")
SEED_OPTION = re.compile(r"--?[\w.-]*(?:seed|random[_-]state)", re.IGNORECASE)
_SEED_VARIABLES = frozenset({"SEED", "CONTEXTA_SEED", "PYTHONHASHSEED", "PL_GLOBAL_SEED"})

Key = tuple[Any, ...]


def alike(run: PastRun, runs: Sequence[PastRun], group_by: str = AUTO) -> tuple[PastRun, ...]:
    """The completed runs that repeat ``run``, itself first (whatever became of it), then the oldest first.

    group_by: ``auto`` (the tag ``group`` where the run has one; within it, code, configuration and environment but
    for the seed), ``none`` (every run stands alone), ``tag:NAME`` or ``param:NAME`` (all runs of the same value).
    Raises InvalidInput for any other.
    """
    mine = key_of(run, group_by)
    others = [
        other
        for other in runs
        if other.ref != run.ref and other.status == "completed" and mine is not None and key_of(other, group_by) == mine
    ]
    return (run, *sorted(others, key=lambda other: (other.started_at, other.ref)))


def key_of(run: PastRun, group_by: str = AUTO) -> Key | None:
    """What runs that belong together have in common; None for a run that stands alone."""
    if group_by == NONE:
        return None
    kind, colon, name = group_by.partition(":")
    if colon and name and kind in ("tag", "param"):
        table: Mapping[str, Any] = run.tags if kind == "tag" else run.params
        return (group_by, _text(table[name])) if name in table else None
    if group_by != AUTO:
        raise InvalidInput(
            f"runs cannot be grouped by {shown(group_by)}", hint="give auto, none, tag:NAME or param:NAME"
        )
    environment = run.environment
    if environment is None and not run.params and not run.metadata.get("source"):
        return None  # nothing is known that two such runs could have in common
    return (
        run.ref.components[0],
        run.tags.get("group"),
        run.code,
        tuple(sorted((name, _text(value)) for name, value in run.params.items() if not is_seed(name))),
        tuple(arguments_of(run)),
        None
        if environment is None
        else (environment.python_version, environment.platform, tuple(sorted(environment.packages.items()))),
    )


def command_of(run: PastRun) -> list[str] | None:
    """The command as a person would type it; None where it was not recorded, or cannot be told from what was."""
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
    """The command without its seed, and wherever its Python lies: what that is, the environment tells."""
    words, kept, skip = command_of(run) or [], [], False
    if words and _PYTHON.search(words[0]):
        words = ["python", *words[1:]]
    for word in words:
        option = SEED_OPTION.match(word)
        if skip or option:
            skip = bool(option) and "=" not in word and not skip
            continue
        kept.append(word)
    return kept


def is_seed(name: str) -> bool:
    """Whether a parameter or a variable is a seed by its name."""
    return name in _SEED_VARIABLES or _SEED.search(name) is not None


def seed_of(run: PastRun) -> str | None:
    """The seed a run was given, as far as it was recorded: by parameter, by option, or torch's own."""
    for name, value in run.params.items():
        if is_seed(name):
            return _text(value)
    words = command_of(run) or []
    for position, word in enumerate(words):
        if SEED_OPTION.match(word):
            _, equals, value = word.partition("=")
            return value if equals else (words[position + 1] if position + 1 < len(words) else None)
    seeds = run.metadata.get("seeds")
    return str(seeds["torch"]) if isinstance(seeds, Mapping) and "torch" in seeds else None


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True, default=str)
