"""Findings about the differences between two environments, and about parts of a record that are unknown."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from contexta.contract.aliases import alias
from contexta.contract.fields import EnvironmentRef, FrozenDict, RunRef, TextMap
from contexta.findings.kinds.completeness_note import CompletenessNote
from contexta.findings.kinds.finding import Finding, FindingAboutRuns

Side = Literal["old", "new", "both"]
Kind = Literal[
    "package",
    "build",
    "origin",
    "python",
    "interpreter",
    "machine",
    "native",
    "variable",
    "source",
    "parameter",
    "input",
    "command",
    "seed",
]


def name_of(kind: Kind, key: str) -> str:
    """``torch``, ``parameter lr``: the key of a difference, with its kind unless it is a package."""
    return key if kind in ("package", "python", key) else f"{kind} {key}"


class UnknownAspect(Finding):
    """Something that a side did not record, so that it may have changed."""

    what: str
    side: Side
    """``old`` is the left side."""
    reason: str


class Change(Finding):
    """One difference between two environments; None means absent."""

    key: str
    left_value: str | None
    right_value: str | None

    def __str__(self) -> str:
        left = "absent" if self.left_value is None else self.left_value
        right = "absent" if self.right_value is None else self.right_value
        return f"{self.key}: {left} -> {right}"


class PackageChange(Change):
    """A package whose version differs, or that only one side has."""

    direction: Literal["upgrade", "downgrade"] | None = None
    """None if a side is absent or a version does not follow PEP 440."""
    size: Literal["major", "minor", "patch", "pre-release", "post-release", "local"] | None = None
    """The first part of the version that differs."""
    imported: bool | None = None
    """Whether a run imported the package; None if unknown."""
    requested: bool | None = None
    """Whether the package was installed by name, not as a dependency; None if unknown."""


class EnvironmentDiff(FindingAboutRuns):
    """The differences between the environments of two runs, by key.

    What a side did not record has an empty list and is named in ``unknowns``: unknown is not a change.
    """

    left_ref: RunRef
    right_ref: RunRef
    left_environment_ref: EnvironmentRef | None = None
    """None without a snapshot."""
    right_environment_ref: EnvironmentRef | None = None
    left_python_version: str | None
    right_python_version: str | None
    python_version_changed: bool
    left_platform: str | None
    right_platform: str | None
    platform_changed: bool
    added_packages: tuple[PackageChange, ...] = ()
    removed_packages: tuple[PackageChange, ...] = ()
    changed_packages: tuple[PackageChange, ...] = ()
    unchanged_package_count: int = 0
    unchanged_packages: TextMap = Field(default_factory=FrozenDict)
    """Name -> version."""
    build_changes: tuple[Change, ...] = ()
    """The same version with other bytes, by the digests of RECORD."""
    origin_changes: tuple[Change, ...] = ()
    """The same version from another source."""
    interpreter_changes: tuple[Change, ...] = ()
    machine_changes: tuple[Change, ...] = ()
    """Includes accelerators."""
    native_changes: tuple[Change, ...] = ()
    """Numeric libraries, and facts that frameworks report."""
    added_variables: tuple[Change, ...] = ()
    removed_variables: tuple[Change, ...] = ()
    changed_variables: tuple[Change, ...] = ()
    completeness_notes: tuple[CompletenessNote, ...] = ()
    unknowns: tuple[UnknownAspect, ...] = ()
    """What one side or both did not record, so that it may have changed."""

    left_run_id: ClassVar[RunRef] = alias("left_ref")
    right_run_id: ClassVar[RunRef] = alias("right_ref")

    @property
    def differs(self) -> bool:
        return (
            self.python_version_changed
            or self.platform_changed
            or bool(
                self.package_changes
                or self.variable_changes
                or any(changes for _, changes in self.changes_beside_versions)
            )
        )

    @property
    def changes_beside_versions(self) -> tuple[tuple[str, tuple[Change, ...]], ...]:
        """(title, changes) of everything except versions and variables, in display order."""
        return (
            ("Other build of the same version", self.build_changes),
            ("Same version from another source", self.origin_changes),
            ("Interpreter", self.interpreter_changes),
            ("Machine", self.machine_changes),
            ("Native libraries", self.native_changes),
        )

    @property
    def package_changes(self) -> tuple[PackageChange, ...]:
        """Changed, added and removed packages."""
        return self.changed_packages + self.added_packages + self.removed_packages

    @property
    def variable_changes(self) -> tuple[Change, ...]:
        """Changed, added and removed variables."""
        return self.changed_variables + self.added_variables + self.removed_variables
