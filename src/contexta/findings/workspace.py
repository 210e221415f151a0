"""Findings of the maintenance commands: backup, verify, gc, cache, doctor, export, import, sync, upgrade."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, computed_field

from contexta.contract.fields import FrozenDict, JsonMap, RunRef, Status, Timestamp
from contexta.findings.checks import Check
from contexta.findings.kinds.completeness_note import CompletenessNote
from contexta.findings.kinds.finding import Finding

DamageKind = Literal["database", "run", "row", "points", "records", "object", "journal", "salt", "cache", "study"]


class Damage(Finding):
    """One damaged part of a workspace."""

    kind: DamageKind
    name: str
    """The table and row, the metric, the digest of the object, or the file."""
    detail: str
    run_refs: tuple[str, ...] = ()
    """The affected runs, if they can be identified."""


class Verification(Finding):
    """The result of reading a complete workspace."""

    checked: JsonMap = Field(default_factory=FrozenDict)
    """Kind of part -> the number of checked parts."""
    damage: tuple[Damage, ...] = ()
    notes: tuple[str, ...] = ()

    @computed_field  # type: ignore[prop-decorator]  # pydantic's documented order of the two decorators
    @property
    def sound(self) -> bool:
        """Whether there is no damage."""
        return not self.damage


class Backup(Finding):
    """The content of a backup file."""

    path: Path
    created_at: Timestamp
    schema_version: str
    size_bytes: int
    """Uncompressed."""
    runs: int
    trials: int = 0
    """Recorded trials of `bisect`."""
    journals: int
    """Without those of the trials."""
    objects: int
    """Without those of the trials."""
    damaged: tuple[Damage, ...] = ()
    """Damaged parts that the backup does not contain."""
    notes: tuple[str, ...] = ()
    """Other parts that the backup does not contain."""


class Cleanup(Finding):
    """What `gc` or `delete` deleted, or would delete."""

    dry_run: bool
    command: str = "contexta gc --yes"
    """The command that deletes these parts, with all options of the call."""
    runs: tuple[RunRef, ...] = ()
    objects: int = 0
    """Unreferenced objects."""
    journals: int = 0
    """Ingested journals of ended runs."""
    leftovers: int = 0
    """Files of dead processes."""
    size_bytes: int = 0
    young_bytes: int = 0
    """The size of unreferenced objects that a later `gc` deletes, because they are younger than a day."""
    kept: tuple[str, ...] = ()
    """Requested parts that were not deleted, with the reason."""


class Diagnosis(Finding):
    """The checks of a workspace and of the machine."""

    workspace: str
    checks: tuple[Check, ...]


class Export(Finding):
    """An export of runs or points."""

    path: Path | None
    """None for stdout."""
    format: Literal["jsonl", "csv", "parquet", "canonical"]
    rows: int
    columns: tuple[str, ...] = ()


class SentRun(Finding):
    """A run that was sent to another tool."""

    run_ref: RunRef
    remote_id: str
    """The id of the run in MLflow, or of its trace in OpenTelemetry."""
    action: Literal["created", "updated", "unchanged", "sent"]
    """``updated`` replaces what was sent of an earlier content of the run."""
    notes: tuple[str, ...] = ()


class SentRuns(Finding):
    """The runs that were sent to another tool, in the order of their sending."""

    target: str
    """The address, without its password."""
    runs: tuple[SentRun, ...] = ()


class Upgrade(Finding):
    """The upgrade of the schema of a workspace."""

    before: str
    after: str
    """Equal to ``before`` if the schema was current."""
    copy_kept: str | None = None
    """The copy of the database before the upgrade; None without one."""


class Delivery(Finding):
    """The delivery of the records of this machine to a workspace."""

    workspace: str
    finished: int
    """Journals that were delivered completely."""
    waiting: int
    """Journals that are not complete."""
    bytes_waiting: int
    """The undelivered part of these journals."""
    content_digests: JsonMap = Field(default_factory=FrozenDict)
    """Ended run -> the digest of its content, for the runs of this delivery."""


class ImportedRun(Finding):
    """One run of another tool."""

    name: str
    kind: str
    """The format, as ``--from`` takes it."""
    path: str
    outcome: Literal["imported", "present", "changed", "recorded", "found"]
    """``present``: it was imported before. ``changed``: also, but its files have other content now. ``recorded``: a run
    that Contexta recorded contains what its program logged to the tool. ``found``: a dry run wrote nothing."""
    run_ref: RunRef | None = None
    """None in a dry run that found a new run."""
    project: str
    status: Status
    started_at: Timestamp
    metrics: int
    points: int
    params: int
    python_version: str | None = None
    packages: int | None = None
    """The number of packages; None if the tool recorded no environment."""
    notes: tuple[str, ...] = ()


class ImportedRuns(Finding):
    """All runs that an import found."""

    runs: tuple[ImportedRun, ...] = ()
    dry_run: bool = False
    notes: tuple[str, ...] = ()
    """Files that could not be read."""


class Site(Finding):
    """What ``report --site`` did to a directory."""

    path: Path
    runs: int
    written: int
    """The number of pages that are new or changed."""
    unchanged: int
    removed: int
    """The number of pages of runs that no longer exist."""
    completeness_notes: tuple[CompletenessNote, ...] = ()
    """The pages that only say which stored data is damaged."""


class CacheEntry(Finding):
    """One built environment."""

    key: str
    size_bytes: int
    last_used_at: Timestamp
    python_version: str | None = None
    """None if the environment does not say it."""
    packages: JsonMap = Field(default_factory=FrozenDict)
    """Package -> version."""
    in_use: bool = False
    """Whether a live process uses it."""


class CacheContents(Finding):
    """The cache of built environments, after what `prune` or `clear` deleted."""

    path: Path
    size_bytes: int
    limit_bytes: int
    limit_reason: str
    free_bytes: int
    """Free space on the disk of the cache."""
    environments: tuple[CacheEntry, ...] = ()
    """The most recently used first."""
    removed: tuple[CacheEntry, ...] = ()
    kept: tuple[CacheEntry, ...] = ()
    """Environments that were to be deleted, and are in use."""
