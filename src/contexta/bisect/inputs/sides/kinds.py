"""The kinds of sides, in the order in which they are recognised."""

from __future__ import annotations

from collections.abc import Callable
from os import PathLike, fspath

from contexta.bisect.inputs.sides import (
    pdm_lock,
    pipfile_lock,
    poetry_lock,
    pylock,
    recorded_run,
    requirements_files,
    uv_lock,
    virtual_environment,
)
from contexta.bisect.inputs.sides.side import Candidate, Records, Side
from contexta.core.errors import InvalidInput, NotFound, shown

KINDS: tuple[Callable[[Candidate], Side | None], ...] = (
    pipfile_lock.recognise,  # JSON, before everything that is read as TOML
    pylock.recognise,
    poetry_lock.recognise,
    pdm_lock.recognise,
    uv_lock.recognise,
    requirements_files.recognise,  # every other file
    recorded_run.recognise,  # before a directory of the same name
    virtual_environment.recognise,  # every other directory
)


def side_of(name: str | PathLike[str], records: Records) -> Side:
    """The side that a user names: a file, a directory, or a recorded run.

    Raises InvalidInput or NotFound. Errors inside a file are raised when its pins are read.
    """
    if not isinstance(name, str | PathLike):
        raise InvalidInput(f"{shown(name)} is no side", hint="give a path or the name of a recorded run")
    candidate = Candidate(fspath(name), records, is_path=not isinstance(name, str))
    for recognise in KINDS:
        if (side := recognise(candidate)) is not None:
            return side
    raise NotFound(f"{candidate.name} does not exist", hint="OLD and NEW are files, virtual environments or runs")
