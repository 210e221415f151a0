"""Findings of the maintenance commands: backup, verify, gc, doctor, export, sync, upgrade."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, computed_field

from contexta.contract.fields import FrozenDict, JsonMap, RunRef, Timestamp
from contexta.findings.checks import Check
from contexta.findings.finding import Finding

DamageKind = Literal["database", "run", "row", "points", "records", "object", "journal", "salt", "cache", "study"]


class Damage(Finding):
    """One thing that does not read back as it was written.

    name: the table and row, the metric, the object's digest, the file. run_refs: whose it is, as far as that
    can still be told.
    """

    kind: DamageKind
    name: str
    detail: str
    run_refs: tuple[str, ...] = ()


class Verification(Finding):
    """Whether everything in a workspace reads back as it was written. checked: what was looked at -> how many."""

    checked: JsonMap = Field(default_factory=FrozenDict)
    damage: tuple[Damage, ...] = ()
    notes: tuple[str, ...] = ()

    @computed_field  # type: ignore[prop-decorator]  # pydantic's documented order of the two decorators
    @property
    def sound(self) -> bool:
        return not self.damage


class Backup(Finding):
    """What a backup file holds, or what was restored from one.

    damaged: what could not be taken along because it did not read back as it was written. notes: what else it lacks.
    """

    path: Path
    created_at: Timestamp
    schema_version: str
    size_bytes: int = Field(description="of everything in it, unpacked")
    runs: int
    journals: int
    objects: int
    damaged: tuple[Damage, ...] = ()
    notes: tuple[str, ...] = ()


class Cleanup(Finding):
    """What `gc` removes, or would remove.

    objects: that nothing refers to. journals: of ended runs, taken in whole. leftovers: files that a process left when
    it died. kept: what was spared although it was asked for, and why.
    """

    dry_run: bool
    runs: tuple[RunRef, ...] = ()
    objects: int = 0
    journals: int = 0
    leftovers: int = 0
    size_bytes: int = 0
    kept: tuple[str, ...] = ()


class Diagnosis(Finding):
    """What `doctor` found out about a workspace and the machine it is used on."""

    workspace: str
    checks: tuple[Check, ...]


class Export(Finding):
    """What was written where. ``path`` is None for stdout."""

    path: Path | None
    format: Literal["jsonl", "csv", "parquet", "canonical"]
    rows: int
    columns: tuple[str, ...] = ()


class Upgrade(Finding):
    """From which schema to which a workspace was brought; equal when there was nothing to do.

    copy_kept: the copy of the database before, beside it; None where none was made.
    """

    before: str
    after: str
    copy_kept: str | None = None


class Delivery(Finding):
    """What this machine has still to say to a workspace. finished: journals that were taken in whole, now.

    waiting: journals of which something may follow. bytes_waiting: what of them is not taken in yet.
    """

    workspace: str
    finished: int
    waiting: int
    bytes_waiting: int
    content_digests: JsonMap = Field(
        default_factory=FrozenDict, description="run -> digest of its content, of the ended runs delivered now"
    )
