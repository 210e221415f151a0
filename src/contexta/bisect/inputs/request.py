"""The options of a bisect: one table for Python, the command line and their documentation."""

from __future__ import annotations

import contexta.core.check_requirements  # noqa: F401  # before pydantic, which may be too old

# isort: split
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, field_validator, model_validator
from typing_extensions import Self, TypedDict

from contexta.bisect.option_names import NEGATIVE, speaks_shell
from contexta.core.errors import InvalidInput, shown
from contexta.core.model import Value

ARGUMENTS = ("old", "new", "command")
"""Fields that are arguments of the command line."""
NOT_TYPED = ("outputs",)
"""Fields that the command line sets by itself."""


class Placeholder(str):
    """How help texts and messages write the value of an option."""


_Name = Annotated[str | None, Placeholder("NAME")]
_Text = Annotated[str | None, Placeholder("TEXT")]
_Command = Annotated[str | None, Placeholder("COMMAND")]
_Python = Annotated[str | None, Placeholder("VERSION|PATH")]
_Date = Annotated[str | None, Placeholder("DATE")]
_Variables = Annotated[Mapping[str, str], Placeholder("NAME=VALUE")]


class BisectOptions(TypedDict, total=False):
    """The types of the options of ``Contexta.bisect``, for type checkers. ``BisectRequest`` documents them."""

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
    old_exclude_newer: str | None
    new_exclude_newer: str | None
    axis: tuple[str, ...]
    include: tuple[str, ...]
    param_arg: str | None
    build_constraint: Path | None
    skip: tuple[str, ...]
    suspect: tuple[str, ...]
    max_runs: int
    max_hours: float | None
    timeout: float | None
    timeout_is_bad: bool
    memory_limit: int | None
    seed: int
    seed_arg: str | None
    in_place: bool
    study: Path | None
    jobs: int | Literal["auto"] | None
    fresh: bool
    versions: bool
    resolve: bool
    as_pinned: bool
    keep_order: bool
    offline: bool
    repeats: int
    one_seed: bool
    early: bool
    early_after: int
    dask: str | None
    executor: str | None
    outputs: tuple[Path, ...]


class BisectRequest(Value):
    """All options of one bisect. Raises InvalidInput for an unknown option or an invalid value."""

    model_config = ConfigDict(use_attribute_docstrings=True)  # the help texts of the command line

    old: str | Path | None = None
    """A file, the directory of a virtual environment, or a recorded run. A ``Path`` never names a run."""
    new: str | Path | None = None
    """As OLD."""
    command: tuple[str, ...] = ()
    """The command to rerun; a text is split as a shell does. Default: that of the recorded run."""
    metric: _Name = None
    """The metric that dropped. Default: for recorded runs the one that `why` explains first, else the exit code."""
    exit_code: bool = False
    """Judge by the exit code, even if recorded runs have metrics."""
    good_if: _Text = None
    """What is good, as in "accuracy >= 0.9"; replaces the name of the metric."""
    judge: _Command = None
    """A command to run after each rerun: exit code 0 is good, 125 gives no result."""
    lower_is_better: bool | None = None
    """The direction of the metric. Default: by its name."""
    metric_from: Annotated[str | None, Placeholder("SOURCE")] = None
    """Where the metric is: stdout:REGEX with a group, json:FILE:PATH, csv:FILE:COLUMN, tensorboard:DIR:TAG."""
    python: _Python = None
    """The interpreter of both sides."""
    old_python: _Python = None
    """The interpreter of OLD."""
    new_python: _Python = None
    """The interpreter of NEW."""
    old_env: _Variables = Field(default_factory=dict)
    """Environment variables of OLD."""
    new_env: _Variables = Field(default_factory=dict)
    """Environment variables of NEW."""
    old_exclude_newer: _Date = None
    """Resolve ranges of OLD as of this day."""
    new_exclude_newer: _Date = None
    """Resolve ranges of NEW as of this day."""
    axis: Annotated[tuple[str, ...], Placeholder("NAME=OLD::NEW")] = ()
    """Two values of an option, of {NAME} in COMMAND, or of a variable."""
    include: Annotated[tuple[str, ...], Placeholder("KINDS")] = ()
    """More changes of two recorded runs: source, params, or both."""
    param_arg: _Text = None
    """How to pass a parameter to the command, as in "--{name} {value}"."""
    build_constraint: Annotated[Path | None, Placeholder("FILE")] = None
    """Constraints of the tools that build source distributions, as in setuptools<58."""
    skip: Annotated[tuple[str, ...], Placeholder("PACKAGE")] = ()
    """Packages to leave out on both sides."""
    suspect: Annotated[tuple[str, ...], Placeholder("CHANGE")] = ()
    """Changes to try first, by name."""
    max_runs: Annotated[int, Placeholder("N")] = Field(60, ge=8)
    """The most reruns until the verdict."""
    max_hours: Annotated[float | None, Placeholder("HOURS")] = Field(None, ge=0.0001)
    """Hours that all reruns may take together."""
    timeout: Annotated[float | None, Placeholder("SECONDS")] = Field(None, ge=0.1)
    """Time limit of a rerun, in seconds. Default: 4 times the first duration, at least 60."""
    timeout_is_bad: bool = False
    """A rerun that exceeds the time limit is bad, any other is good."""
    memory_limit: Annotated[int | None, Placeholder("MB")] = Field(None, ge=1)
    """Memory limit of a rerun, in MB."""
    seed: Annotated[int, Placeholder("N")] = Field(0, ge=0)
    """The first seed."""
    seed_arg: _Text = None
    """How to pass the seed to the command, as in "--seed {seed}"."""
    in_place: bool = False
    """Run in the current directory instead of in a copy of it."""
    study: Annotated[Path | None, Placeholder("DIR")] = None
    """The directory of the study. Default: derived from what is compared."""
    jobs: Annotated[int | Literal["auto"] | None, Placeholder("N|auto")] = None
    """Reruns at a time; auto: one per GPU, else as many as fit. Default: 1, or as many as the cluster has workers."""
    fresh: bool = False
    """Do not reuse trials of earlier studies."""
    versions: bool = True
    """Find the first bad release of the culprit."""
    resolve: bool = False
    """Complete files that lack pins, with uv."""
    as_pinned: bool = False
    """Use files as they are, even if they lack pins."""
    keep_order: bool = False
    """Run even if NEW is better according to recorded runs."""
    offline: bool = False
    """Use packages from uv's cache only."""
    repeats: Annotated[int, Placeholder("N")] = Field(0, ge=0)
    """The fewest reruns of each side."""
    one_seed: bool = False
    """Compare at one seed only: whether the drop exceeds the variation between seeds stays open."""
    early: bool = True
    """Stop reruns that log exactly what OLD or NEW logged."""
    early_after: Annotated[int, Placeholder("N")] = Field(3, ge=1)
    """Number of equal steps before a rerun may be stopped."""
    dask: Annotated[str | None, Placeholder("ADDRESS")] = None
    """Rerun on a Dask cluster, as in tcp://10.0.0.1:8786."""
    executor: Annotated[str | None, Placeholder("MODULE:FACTORY")] = None
    """Rerun on the concurrent.futures.Executor that a function returns."""
    outputs: tuple[Path, ...] = ()
    """Files that the caller writes meanwhile; they are not part of the source."""

    @field_validator("command", mode="before")
    @classmethod
    def _split_command(cls, command: Any) -> Any:
        return split_words("the command", command) if isinstance(command, str) else command

    @field_validator("axis", "include", "skip", "suspect", mode="before")
    @classmethod
    def _listed(cls, names: Any) -> Any:
        return (names,) if isinstance(names, str) else names

    @field_validator("jobs")
    @classmethod
    def _at_least_one_job(cls, jobs: int | Literal["auto"] | None) -> int | Literal["auto"] | None:
        if isinstance(jobs, int) and jobs < 1:
            raise InvalidInput(f"cannot be {jobs}", hint='give a number from 1, or "auto"')
        return jobs

    @model_validator(mode="after")
    def _one_seed_or_several(self) -> Self:
        if self.one_seed and self.repeats > 1:
            raise InvalidInput("one_seed and repeats exclude each other", hint="leave one of them out")
        return self

    def swapped(self) -> Self:
        """The request with OLD and NEW swapped."""
        return self.model_copy(
            update={
                "old": self.new,
                "new": self.old,
                "old_python": self.new_python,
                "new_python": self.old_python,
                "old_env": self.new_env,
                "new_env": self.old_env,
                "axis": tuple(map(swapped_axis, self.axis)),
                "old_exclude_newer": self.new_exclude_newer,
                "new_exclude_newer": self.old_exclude_newer,
            }
        )

    def command_line(self, workspace: str | None) -> str:
        """The command of a shell for this request, without its study."""
        words = ["contexta", "bisect", *(str(side) for side in (self.old, self.new) if side is not None)]
        words += self._option_words()
        words += [] if workspace is None else ["--workspace", workspace]
        return shlex.join([*words, *(["--", *self.command] if self.command else [])])

    def _option_words(self) -> Iterator[str]:
        for name, field in type(self).model_fields.items():
            value, option = getattr(self, name), f"--{name.replace('_', '-')}"
            if name in (*ARGUMENTS, *NOT_TYPED, "study") or value == field.get_default(call_default_factory=True):
                continue
            if value is False:
                yield NEGATIVE[name]
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


def swapped_axis(axis: str) -> str:
    """``NAME=OLD::NEW`` with its values swapped."""
    name, _, values = axis.partition("=")
    old, _, new = values.partition("::")
    return f"{name}={new}::{old}"


def swapped_call(request: BisectRequest, workspace: str | None) -> str:
    """The call with OLD and NEW swapped."""
    if speaks_shell():
        return request.swapped().command_line(workspace)
    return f"bisect({str(request.new)!r}, {str(request.old)!r}, ...)"


def split_words(name: str, text: str) -> tuple[str, ...]:
    """A text as the words of a command. Raises InvalidInput if a shell would refuse it."""
    try:
        words = tuple(shlex.split(text))
    except ValueError as error:
        raise InvalidInput(f"{name} cannot be {shown(text)}: {error}", hint="quote it as in a shell") from error
    if not words:
        raise InvalidInput(f"{name} is empty", hint='as in "python check.py"')
    return words
