"""Findings of ``rebuild``, ``rerun``, ``lock`` and ``reconstruct``: environments and runs that were made again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field

from contexta.contract.fields import FrozenDict, Number, RunRef, TextMap, Timestamp
from contexta.findings.kinds.finding import Finding

LockFormat = Literal["pylock", "requirements", "uv", "conda", "dockerfile"]
MissingReason = Literal[
    "python",  # this machine has no such interpreter
    "release removed",  # the index has the project, but not the release
    "project removed",  # the index does not have the project
    "no wheel",  # the release has no wheel for the interpreter and platform
    "index unreachable",  # the index did not answer
    "hash mismatch",  # the downloaded file has another hash
    "local tag",  # a version like 2.1.0+cu118, which public indexes do not have
    "conda",  # installed by conda; uv does not install from conda
    "repository",  # the repository or its commit is not available
    "uncommitted changes",  # a working tree with changes that were not recorded
    "local directory",  # installed from a directory or file that does not exist
    "build failed",  # building from source failed
    "not installable",  # the name, version or URL is invalid
    "no hash",  # requirements with hashes cannot contain it
]
Verdict = Literal["match", "deviates", "impossible"]


class Missing(Finding):
    """A package of the recorded environment that cannot be installed."""

    name: str
    version: str
    reason: MissingReason
    detail: str
    help: str | None = None
    """How to make it available; None if unknown."""


class Deviation(Finding):
    """One difference between the rebuilt and the recorded environment; None means absent."""

    kind: Literal["platform", "python", "interpreter", "package", "build", "origin", "files"]
    key: str
    recorded: str | None
    rebuilt: str | None
    why: str | None = None

    def __str__(self) -> str:
        return f"{self.key}: {self.recorded or 'absent'} -> {self.rebuilt or 'absent'}"


class Rebuild(Finding):
    """A rebuilt environment, compared with the recorded one."""

    run_ref: RunRef
    verdict: Verdict
    """``match`` without deviations, ``deviates`` with some; ``impossible`` if it was not built."""
    into: str | None
    """The directory of the environment; None if it was not built."""
    python: str | None
    recorded_python: str
    rebuilt_python: str | None
    platform: str
    package_count: int
    build_count: int = 0
    """The number of packages whose files were compared by digest."""
    deviations: tuple[Deviation, ...] = ()
    missing: tuple[Missing, ...] = ()
    notes: tuple[str, ...] = ()
    from_cache: bool = False
    environment_key: str | None = None
    """The key of the environment in the cache: a digest of its requirements and its interpreter."""
    seconds: float


class RerunMetric(Finding):
    """One metric of a run and of its rerun."""

    stage_name: str
    metric_key: str
    slice_ref: str | None = None
    recorded: Number | None
    rerun: Number | None
    apart: float | None
    """The absolute difference; None if a side is missing or not finite."""
    within: bool
    """Whether the difference is within the tolerances."""


class Rerun(Finding):
    """A recorded run that was run again in its rebuilt environment."""

    run_ref: RunRef
    rerun_ref: RunRef | None
    verdict: Literal["reproduced", "differs", "unknown", "impossible"]
    """``reproduced`` if every metric is within the tolerances, else ``differs``. ``unknown`` if the command failed, ran
    in another environment or had no metric to compare. ``impossible`` if the environment cannot be rebuilt."""
    command: tuple[str, ...]
    directory: str | None
    exit_code: int | None
    relative_tolerance: float
    """As in ``math.isclose``; 0 for exact equality."""
    absolute_tolerance: float
    metrics: tuple[RerunMetric, ...] = ()
    confirmed: Literal["inside", "outside", "no"] | None = None
    """Whether a recorder in the command saw the rebuilt environment (``inside``), could not be in the command
    (``outside``), or saw another environment (``no``). None if nothing ran."""
    confirmed_reason: str = ""
    environment: Rebuild
    notes: tuple[str, ...] = ()


class KeptWheels(Finding):
    """The wheels of a run that were copied to a directory."""

    run_ref: RunRef
    directory: str
    kept: tuple[str, ...]
    """Names of files."""
    new_count: int
    """The number of wheels that were not there before."""
    size_bytes: int
    exact: tuple[str, ...] = ()
    """Packages whose wheel is identified by the digest of the installed RECORD. Others are known by version only."""
    missing: tuple[Missing, ...] = ()
    """Packages without a wheel that could be kept."""


class Lock(Finding):
    """A lock file of a recorded environment, and the packages that it does not contain."""

    run_ref: RunRef
    format: LockFormat
    content: str
    """The text of the file."""
    python_version: str
    package_count: int
    exact: tuple[str, ...] = ()
    """Packages whose file is identified by the digest of the installed RECORD."""
    open: TextMap = Field(default_factory=FrozenDict)
    """Package -> why its file is not identified. It is locked by its version and the hashes of the index."""
    missing: tuple[Missing, ...] = ()
    """Packages that are not in the file because they cannot be installed."""
    notes: tuple[str, ...] = ()


# ---------------------------------------------------------------------------------------------- reconstruct

Confidence = Literal["observed", "unchanged", "resolved", "unknown"]
"""How a version is known, strongest first."""

RERUN_OF = "rerun-of"
"""The tag of a rerun. Its value is the reference of the repeated run."""
RECONSTRUCTED = "reconstructed"
"""Key of the metadata of a reconstructed run, and topic of the notes of its environment. Value of the key: ``at``,
``confidence`` (package -> Confidence) and ``expect`` (metric -> remembered value)."""

UNCERTAIN: tuple[Confidence, ...] = ("resolved", "unknown")


class EvidenceItem(Finding):
    """A trace of one version of a package."""

    kind: Confidence
    version: str
    where: str
    """The file and line, the directory, or what required the package."""
    when: Timestamp | None = None
    """The date of the trace; None for a resolution."""
    used: bool = True
    """Whether the reconstruction has this version; False for a trace that contradicts a closer one."""


class ReconstructedPackage(Finding):
    """One package of the environment."""

    name: str
    version: str | None
    """None if it is unknown."""
    confidence: Confidence
    evidence: tuple[EvidenceItem, ...] = ()
    """The evidence for this version, then evidence for others."""
    help: str | None = None
    """What would help to learn the version; None unless it is unknown."""
    alternatives: tuple[str, ...] = Field(default=(), description="other versions that evidence names")


class Reconstruction(Finding):
    """The environment at a point in time, reconstructed from traces and the package index."""

    at: Timestamp
    """The moment; for a date the end of its day."""
    as_of: str
    """The moment as the user named it."""
    run_ref: RunRef | None = None
    """The run that it is stored as; None if it was not stored."""
    python_version: str | None
    python_confidence: Confidence
    python_evidence: tuple[EvidenceItem, ...] = ()
    platform: str
    packages: tuple[ReconstructedPackage, ...] = ()
    expect: dict[str, Number] = Field(default_factory=dict)
    """Metric -> the value that the user remembers."""
    notes: tuple[str, ...] = ()
    next: tuple[str, ...] = ()
    """Commands that compare it with a recorded run, and find the cause; empty if it was not stored."""

    @property
    def uncertain(self) -> tuple[str, ...]:
        """The packages whose version was not observed."""
        return tuple(package.name for package in self.packages if package.confidence in UNCERTAIN)


def expected_metrics(metadata: Mapping[str, Any]) -> dict[str, float]:
    """Metric -> the value that the user remembers of a run that was never recorded; empty for a recorded run."""
    mark = metadata.get(RECONSTRUCTED)
    values = mark.get("expect") if isinstance(mark, Mapping) else None
    return {name: float(value) for name, value in values.items()} if isinstance(values, Mapping) else {}


def uncertain_packages(metadata: Mapping[str, Any]) -> tuple[str, ...]:
    """The packages of a run whose version was only resolved; none for a recorded run."""
    mark = metadata.get(RECONSTRUCTED)
    confidence = mark.get("confidence") if isinstance(mark, Mapping) else None
    if not isinstance(confidence, Mapping):
        return ()
    return tuple(sorted(name for name, kind in confidence.items() if kind in UNCERTAIN))
