"""The interface of a side, and the name that it is recognised from."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

from contexta.bisect.inputs.pins import Pins
from contexta.config import UnifiedConfig
from contexta.contract.environment import EnvironmentSnapshot
from contexta.core.errors import InvalidInput
from contexta.findings import Explanation, Log, RunDetails
from contexta.findings.past_runs import Installation
from contexta.reproduce.environment_manager import current_installation
from contexta.reproduce.rebuild import RecordedEnvironment

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

KINDS_OF_SIDES = (
    "a requirements file, pylock.toml, uv.lock, poetry.lock, pdm.lock, Pipfile.lock, or the directory of a virtual "
    "environment"
)
_BYTE_ORDER_MARKS = {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}  # the encoding of `>` in PowerShell


class Records(Protocol):
    """The part of ``Contexta`` that a bisect reads recorded runs from."""

    @property
    def config(self) -> UnifiedConfig: ...
    @property
    def root(self) -> Path: ...
    @property
    def is_local(self) -> bool: ...
    def get_run(self, run: str) -> RunDetails: ...
    def get_environment(self, run: str) -> EnvironmentSnapshot: ...
    def read_log(self, run: str, stream: str = ...) -> Log: ...
    def to_rebuild(self, run: str) -> RecordedEnvironment: ...
    def explain_regression(
        self, old: str, new: str, *, metric: str | None = ..., lower_is_better: bool | None = ...
    ) -> Explanation: ...


class Side(Protocol):
    """OLD or NEW. A kind of side subclasses this and overrides its known values; None means unknown. Missing values are
    taken from the other side, so that no difference is invented.
    """

    label: str
    """The side in words, as in ``the pins of old.txt``."""
    python: str | None = None
    """A version or the path of an interpreter."""
    variables: Mapping[str, str] | None = None
    seconds: float | None = None
    """Duration of the recorded run."""
    file: Path | None = None
    """The requirements file, which may be incomplete; None for every other kind."""
    run: RunDetails | None = None
    """The recorded run; its metrics, parameters and source can be bisected."""

    def pins(self, markers: Mapping[str, str]) -> Pins:
        """Its packages on an interpreter with this PEP 508 environment. Raises InvalidInput."""
        ...

    def installation(self, command: Sequence[str]) -> Installation:
        """The environment on this machine that advice about this side is for. command: what is rerun."""
        return current_installation(command)


@dataclass(frozen=True)
class Candidate:
    """OLD or NEW as the user named it. is_path: whether it names a path and never a run."""

    name: str
    records: Records
    is_path: bool = False

    @property
    def path(self) -> Path:
        return Path(self.name)

    @property
    def is_file(self) -> bool:
        return self.path.is_file()

    @property
    def is_directory(self) -> bool:
        return self.path.is_dir()

    @property
    def has_toml_name(self) -> bool:
        return self.path.suffix in (".toml", ".lock")

    @cached_property
    def text(self) -> str:
        return read_text(self.path)

    @cached_property
    def table(self) -> Mapping[str, Any] | None:
        """The content as TOML; None if it is not TOML. Raises InvalidInput if the suffix is that of TOML."""
        try:
            return tomllib.loads(self.text)
        except tomllib.TOMLDecodeError as error:
            if self.has_toml_name:
                raise InvalidInput(f"{self.path} is no TOML: {error}", hint=f"give {KINDS_OF_SIDES}") from error
            return None


def read_text(path: Path) -> str:
    """The text of the file. Raises InvalidInput if it does not exist or is not text."""
    try:
        content = path.read_bytes()
        return content.decode(_BYTE_ORDER_MARKS.get(content[:2], "utf-8-sig"))
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(f"{path} cannot be read: {error}") from error


def toml_beside(lock: Path, name: str = "pyproject.toml") -> Mapping[str, Any] | None:
    """The project file in the directory of a lock; None without one. Raises InvalidInput if it cannot be read."""
    path = lock.with_name(name)
    if not path.is_file():
        return None
    try:
        return tomllib.loads(read_text(path))
    except tomllib.TOMLDecodeError as error:
        raise InvalidInput(f"{path} is no TOML: {error}") from error
