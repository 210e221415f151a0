"""What a user asks of a bisect: OLD, NEW, a command, and options."""

from __future__ import annotations

import contexta.core.check_requirements  # noqa: F401  # before pydantic, which may be too old

# isort: split
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, field_validator
from typing_extensions import Self, TypedDict

from contexta.core.errors import InvalidInput, shown
from contexta.core.model import Value

_Words = tuple[str, ...]
_NOT_OPTIONS = ("old", "new", "command", "study", "outputs")
_NEGATIVE = {"lower_is_better": "--higher-is-better", "versions": "--no-versions"}


class BisectOptions(TypedDict, total=False):
    """Options of ``Contexta.bisect``: those of `contexta bisect`, with underscores. Fields: see ``BisectRequest``."""

    exit_code: bool
    good_if: str | None
    judge: str | None
    lower_is_better: bool | None
    metric_from: str | None
    python: str | None
    old_python: str | None
    new_python: str | None
    old_env: Mapping[str, str]
    new_env: Mapping[str, str]
    include: _Words
    param_arg: str | None
    build_constraint: Path | None
    skip: _Words
    max_runs: int
    timeout: float | None
    timeout_is_bad: bool
    memory_limit: int | None
    seed: int
    seed_arg: str | None
    in_place: bool
    study: Path | None
    jobs: int | None
    fresh: bool
    versions: bool
    resolve: bool
    as_pinned: bool
    keep_order: bool
    offline: bool
    repeats: int
    dask: str | None
    outputs: tuple[Path, ...]


class BisectRequest(Value):
    """One bisect. Raises InvalidInput for an unknown option, or a value that an option cannot have."""

    old: str | Path | None = None
    """A file, the directory of a virtual environment, or a recorded run. A ``Path`` never names a run."""
    new: str | Path | None = None
    command: _Words = ()
    """What is rerun; a text is split as a shell does."""
    metric: str | None = None
    """The metric that dropped; default: of recorded runs the one that `why` explains first, else the exit code."""
    exit_code: bool = False
    """Judge by the exit code, also where recorded runs have metrics."""
    good_if: str | None = None
    """What is good, as in ``accuracy >= 0.9``; names the metric too."""
    judge: str | None = None
    """A command that runs after each rerun: exit code 0 is good, 125 means unknown."""
    lower_is_better: bool | None = None
    """Direction of the metric, where its name does not say."""
    metric_from: str | None = None
    """``stdout:REGEX`` with one group, or ``json:FILE:PATH``."""
    python: str | None = None
    """The interpreter of both sides, by version or path."""
    old_python: str | None = None
    new_python: str | None = None
    old_env: Mapping[str, str] = Field(default_factory=dict)
    """Variables of OLD."""
    new_env: Mapping[str, str] = Field(default_factory=dict)
    include: _Words = ()
    """``source`` and ``params`` of two recorded runs become changes."""
    param_arg: str | None = None
    """How a parameter is set, as in ``--{name} {value}``."""
    build_constraint: Path | None = None
    """A file that limits the tools that build source distributions."""
    skip: _Words = ()
    """Packages to leave out on both sides."""
    max_runs: Annotated[int, Field(ge=8)] = 60
    """Reruns until the verdict, at most."""
    timeout: Annotated[float, Field(ge=0.1)] | None = None
    """Seconds per rerun; default: 4 times the first duration, at least 60."""
    timeout_is_bad: bool = False
    """A rerun that exceeds the time limit is bad, any other is good."""
    memory_limit: Annotated[int, Field(ge=1)] | None = None
    """Memory of a rerun, in MB."""
    seed: Annotated[int, Field(ge=0)] = 0
    """The first seed."""
    seed_arg: str | None = None
    """Appended to the command, as in ``--seed {seed}``."""
    in_place: bool = False
    """Run in the current directory instead of a copy of it."""
    study: Path | None = None
    """Directory of the study; default: derived from what is compared."""
    jobs: Annotated[int, Field(ge=1)] | None = None
    """Reruns at a time; default 1, on a cluster all its threads."""
    fresh: bool = False
    """Rerun what earlier studies ran, too."""
    versions: bool = True
    """Search the releases of the culprit for the first bad one."""
    resolve: bool = False
    """Complete requirements files with uv."""
    as_pinned: bool = False
    """Take requirements files as they are, complete or not."""
    keep_order: bool = False
    """Run although recorded runs say that NEW is the better side."""
    offline: bool = False
    """Take packages from uv's cache only."""
    repeats: Annotated[int, Field(ge=0)] = 0
    """Reruns of each side, at least."""
    dask: str | None = None
    """Address of a Dask scheduler."""
    outputs: tuple[Path, ...] = ()
    """Files that the caller writes meanwhile, which are not part of the source."""

    @field_validator("command", mode="before")
    @classmethod
    def _split_command(cls, command: Any) -> Any:
        return split_words("the command", command) if isinstance(command, str) else command

    @field_validator("include", "skip", mode="before")
    @classmethod
    def _one_name(cls, names: Any) -> Any:
        return (names,) if isinstance(names, str) else names

    def swapped(self) -> Self:
        """The same with OLD and NEW swapped."""
        return self.model_copy(
            update={
                "old": self.new,
                "new": self.old,
                "old_python": self.new_python,
                "new_python": self.old_python,
                "old_env": self.new_env,
                "new_env": self.old_env,
            }
        )

    def command_line(self, workspace: str | None) -> str:
        """The same as a command for a shell, without its study."""
        words = ["contexta", "bisect", *(str(side) for side in (self.old, self.new) if side is not None)]
        words += self._option_words()
        words += [] if workspace is None else ["--workspace", workspace]
        return shlex.join([*words, *(["--", *self.command] if self.command else [])])

    def _option_words(self) -> Iterator[str]:
        for name, field in type(self).model_fields.items():
            value, option = getattr(self, name), f"--{name.replace('_', '-')}"
            if name in _NOT_OPTIONS or value == field.get_default(call_default_factory=True):
                continue
            if value is False:
                yield _NEGATIVE[name]
            elif value is True:
                yield option
            elif name == "include":
                yield from (option, ",".join(value))
            elif isinstance(value, Mapping):
                for variable, content in value.items():
                    yield from (option, f"{variable}={content}")
            elif isinstance(value, tuple):
                for word in value:
                    yield from (option, word)
            else:
                yield from (option, str(value))


def split_words(option: str, text: str) -> tuple[str, ...]:
    """A text as the words of a command. Raises InvalidInput where a shell would not take it."""
    try:
        words = tuple(shlex.split(text))
    except ValueError as error:
        raise InvalidInput(f"{option} cannot be {shown(text)}: {error}", hint="quote it as in a shell") from error
    if not words:
        raise InvalidInput(f"{option} is empty", hint='as in "python check.py"')
    return words
