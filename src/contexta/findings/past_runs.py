"""Inputs of ``why``, ``check`` and ``timeline``: light records of thousands of runs, and the environment of NEW."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256
from typing import Any, Literal

from contexta.contract.environment import EnvironmentSnapshot
from contexta.core.references import StableRef

MetricId = tuple[str, str]
"""(stage name, metric key)"""
Tool = Literal["pip", "uv", "uv project", "poetry", "pdm", "pipenv", "conda", "pixi"]


@dataclass(frozen=True)
class PastEnvironment:
    """An environment, shared by all runs that used it."""

    digest: str
    python_version: str
    platform: str
    packages: Mapping[str, str]
    """Normalised name -> version."""

    @cached_property
    def identity(self) -> str:
        """Equal for environments of equal Python, platform and packages."""
        parts = (self.python_version, self.platform, sorted(self.packages.items()))
        return sha256(repr(parts).encode()).hexdigest()


@dataclass(frozen=True)
class PastRun:
    """A run with its settings and the last values of its metrics. Times are canonical texts."""

    ref: StableRef
    status: str
    started_at: str
    seconds: float | None
    tags: Mapping[str, str] = field(default_factory=dict)
    params: Mapping[str, Any] = field(default_factory=dict)
    metadata: Mapping[str, Any] = field(default_factory=dict)
    """The facts of a live run: command, invocation, source, seeds."""
    environment: PastEnvironment | None = None
    metrics: Mapping[MetricId, int | float] = field(default_factory=dict)
    """Without slices. Of several stages with one name the last counts."""

    @property
    def code(self) -> tuple[str, str] | None:
        """(commit, digest of the patch of uncommitted changes); None without a recorded commit."""
        source = self.metadata.get("source")
        if not isinstance(source, Mapping) or not source.get("commit"):
            return None
        return str(source["commit"]), str(source.get("patch") or ("dirty" if source.get("dirty") else ""))


@dataclass(frozen=True)
class RunRecord:
    """The complete record of one side of a comparison."""

    run: PastRun
    snapshot: EnvironmentSnapshot | None
    inputs: Mapping[str, str | None]
    """Name -> digest; None if the content was not read."""
    patched: Mapping[str, str] = field(default_factory=dict)
    """Files with uncommitted changes -> digest of these changes."""
    notes: tuple[str, ...] = ()
    """Parts of the record that could not be read."""


@dataclass(frozen=True)
class CommitRange:
    """The commits and files between the commits of two runs."""

    files: Mapping[str, tuple[int | None, int | None]] = field(default_factory=dict)
    """Path of a file that differs -> (lines added, lines deleted); None for a binary file."""
    commits: tuple[tuple[str, ...], ...] = ()
    """(commit, time, subject) of the commits that only NEW has, the latest first; at most 200."""
    ahead: int = 0
    """The number of commits that only NEW has."""
    behind: int = 0
    """The number of commits that only OLD has."""
    reason: str | None = None
    """Why the commits and files are unknown; None if they are known."""


@dataclass(frozen=True)
class CondaPackage:
    """A package under its name in conda."""

    name: str
    channel: str | None = None


@dataclass(frozen=True)
class Installation:
    """An environment on this machine, as commands name it."""

    tool: Tool = "pip"
    """The tool that created the environment."""
    python: str = "python"
    """The interpreter of ``pip`` and of the training."""
    prefix: str | None = None
    """The directory of the environment; None if it is unknown on this machine."""
    project: str | None = None
    """The directory of the tool's project; None for the current directory."""
    direct: frozenset[str] = frozenset()
    """The packages that the project requires by name."""
    conda: Mapping[str, CondaPackage] = field(default_factory=dict)
    """The packages that conda installed, by normalised name."""
    conda_program: str = "conda"
    """``mamba`` if PATH has no ``conda``."""
    uv_program: str = "uv"
    """The path of uv if PATH has no ``uv``."""
