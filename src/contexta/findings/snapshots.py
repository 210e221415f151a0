"""Findings about everything that is stored of one run."""

from __future__ import annotations

from contexta.contract.artifacts import ArtifactManifest
from contexta.contract.context import (
    BatchExecution,
    DeploymentExecution,
    Run,
    SampleObservation,
    StageExecution,
)
from contexta.contract.fields import Number, RecordRef, StageRef, Timestamp
from contexta.contract.records import RecordType
from contexta.findings.completeness_note import CompletenessNote
from contexta.findings.finding import Finding


class SnapshotRecord(Finding):
    """One record of a run."""

    record_type: RecordType
    key: str
    """The key of a metric or event, the name of a span, the issue_key of a degradation."""
    value: Number | str
    """The number of a metric, the seconds of a span, the message of an event, the summary of a degradation."""
    stage_id: StageRef | None
    """None for a record of the run itself."""
    observed_at: Timestamp
    step: int | None = None
    slice_ref: str | None = None
    record_ref: RecordRef | None = None
    """None for a record of a live run, and if the run has more records than requested."""
    detail: str | None = None


class RunSnapshot(Finding):
    """One run with everything below it."""

    run: Run
    stages: tuple[StageExecution, ...]
    batches: tuple[BatchExecution, ...]
    samples: tuple[SampleObservation, ...]
    deployments: tuple[DeploymentExecution, ...]
    artifacts: tuple[ArtifactManifest, ...]
    records: tuple[SnapshotRecord, ...]
    """The last points of the metrics by stage, key and slice, then the other records in order of arrival."""
    completeness_notes: tuple[CompletenessNote, ...]
    """With the number of records beyond the limit."""
