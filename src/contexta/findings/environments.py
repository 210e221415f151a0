"""What differs between environments."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from contexta.contract.fields import FrozenDict, RunRef, TextMap
from contexta.findings.finding import Finding


class Change(Finding):
    """One thing that differs between two environments; None stands for absent."""

    key: str
    left_value: str | None
    right_value: str | None

    def __str__(self) -> str:
        left = "absent" if self.left_value is None else self.left_value
        right = "absent" if self.right_value is None else self.right_value
        return f"{self.key}: {left} -> {right}"


class PackageChange(Change):
    """A package whose version differs, or that only one side has.

    direction: None where a side is absent or a version is not PEP 440. size: the first part of the version that
    differs. imported: whether either run imported it; None where that was not recorded. requested: whether it was asked
    for by name when it was installed, rather than pulled in by another package; None where that was not recorded.
    """

    direction: Literal["upgrade", "downgrade"] | None = None
    size: Literal["major", "minor", "patch", "pre-release", "post-release", "local"] | None = None
    imported: bool | None = None
    requested: bool | None = None


class EnvironmentDiff(Finding):
    """What differs between the environments of two runs. Changes are ordered by key.

    With a snapshot missing on either side every list is empty and a note says so: unknown is not a change. So it is
    with what a hand-written snapshot lacks: builds, origins, interpreter, machine and native libraries are compared
    where both sides recorded them.

    build_changes: the same version from other bytes (digests of RECORD). origin_changes: the same from elsewhere.
    unchanged_packages: name -> version, which is the same on both sides by PEP 440.
    machine_changes: accelerators among them. native_changes: numeric libraries and what frameworks say of themselves.
    """

    left_ref: RunRef
    right_ref: RunRef
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
    build_changes: tuple[Change, ...] = ()
    origin_changes: tuple[Change, ...] = ()
    interpreter_changes: tuple[Change, ...] = ()
    machine_changes: tuple[Change, ...] = ()
    native_changes: tuple[Change, ...] = ()
    added_variables: tuple[Change, ...] = ()
    removed_variables: tuple[Change, ...] = ()
    changed_variables: tuple[Change, ...] = ()
    completeness_notes: tuple[str, ...] = ()

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
        """What differs besides versions and variables: (what it is called, the changes), in the order to show it."""
        return (
            ("Other build of the same version", self.build_changes),
            ("Same version from elsewhere", self.origin_changes),
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
