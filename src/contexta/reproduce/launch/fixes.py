"""What to change in a command that ran in another environment than the one meant for it. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from contexta.reproduce.launch.launchers import ACTIVE, SHELLS, name_of, program_at

_PROJECT_ENVIRONMENTS = (".venv", "venv")


def fixes(command: Sequence[str], location: str) -> Iterator[str]:
    """One line for each way to have the command run where it should. location: the environment it ran in instead."""
    at = program_at(command)
    name = name_of(command[at]) if at is not None else ""
    if Path(location).name in _PROJECT_ENVIRONMENTS:
        yield f"a launcher that has an environment in the project ran: `{ACTIVE}` takes the active one"
    if name in {*SHELLS, "make", "gmake", "just"}:
        yield f"what {name} runs starts a Python of {location}: write python there, without a path"
    elif name not in ("python", ""):
        yield f"{name} starts a Python of {location}: install it on both sides, or give the command that it runs"
    yield "give the command itself, so that the Python of each environment runs it: -- python train.py"
