"""The runs of a project as the analysis is given them: light values, for thousands of runs at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from contexta.contract.environment import EnvironmentSnapshot
from contexta.core.references import StableRef

MetricId = tuple[str, str]
"""(stage name, metric key)"""


@dataclass(frozen=True)
class PastEnvironment:
    """packages: normalised name -> version. One value is shared by all runs that ran in it."""

    digest: str
    python_version: str
    platform: str
    packages: Mapping[str, str]


@dataclass(frozen=True)
class PastRun:
    """One run: what it was given and where its metrics ended. Moments are canonical texts.

    metadata: what a live run recorded of itself (command, invocation, source, seeds). metrics: without slices; the
    last of the stages of one name.
    """

    ref: StableRef
    status: str
    started_at: str
    seconds: float | None
    tags: Mapping[str, str] = field(default_factory=dict)
    params: Mapping[str, Any] = field(default_factory=dict)
    metadata: Mapping[str, Any] = field(default_factory=dict)
    environment: PastEnvironment | None = None
    metrics: Mapping[MetricId, int | float] = field(default_factory=dict)

    @property
    def code(self) -> tuple[str, str] | None:
        """(commit, digest of the patch against it); None where no source was recorded."""
        source = self.metadata.get("source")
        if not isinstance(source, Mapping) or not source.get("commit"):
            return None
        return str(source["commit"]), str(source.get("patch") or ("dirty" if source.get("dirty") else ""))


@dataclass(frozen=True)
class Recorded:
    """One side: its run, its environment whole, the files of its uncommitted changes, and what could not be read of
    it. inputs: name -> digest."""

    run: PastRun
    snapshot: EnvironmentSnapshot | None
    inputs: Mapping[str, str]
    patched: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class SourceFiles:
    """What lies between two commits, as far as the repository is at hand; else why it cannot be told."""

    files: tuple[str, ...] = ()
    commits: int | None = None
    reason: str | None = None
