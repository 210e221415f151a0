"""Everything that is stored of one run, side by side."""

from __future__ import annotations

from contexta.contract import (
    ArtifactManifest,
    BatchExecution,
    DeploymentExecution,
    Run,
    SampleObservation,
    StageExecution,
)
from contexta.contract.fields import Number, RecordRef, StageRef, Timestamp
from contexta.contract.records import RecordType
from contexta.findings.finding import Finding


class SnapshotRecord(Finding):
    """Something that was measured or said.

    key: of a metric or event its key, of a span its name, of a degradation its issue_key. value: of a metric the
    number, of a span its seconds, of an event its message, of a degradation its summary. stage_id: the reference of its
    stage; None for what belongs to the run itself. record_ref: None for what a live run measured, which has no name of
    its own, and where a run has more records than were asked for. detail: what else there is to it, in words.
    """

    record_type: RecordType
    key: str
    value: Number | str
    stage_id: StageRef | None
    observed_at: Timestamp
    step: int | None = None
    slice_ref: str | None = None
    record_ref: RecordRef | None = None
    detail: str | None = None


class RunSnapshot(Finding):
    """One run and what lies below it; nothing is computed.

    stages: in order. records: the metrics by stage, key and slice, of each its last points in order of arrival; behind
    them everything else in order of arrival. What there was no room for is counted in completeness_notes.
    """

    run: Run
    stages: tuple[StageExecution, ...]
    batches: tuple[BatchExecution, ...]
    samples: tuple[SampleObservation, ...]
    deployments: tuple[DeploymentExecution, ...]
    artifacts: tuple[ArtifactManifest, ...]
    records: tuple[SnapshotRecord, ...]
    completeness_notes: tuple[str, ...]
