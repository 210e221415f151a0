"""Findings about everything that is stored of one run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from pydantic import Field

from contexta.contract.aliases import alias
from contexta.contract.artifacts import ArtifactManifest
from contexta.contract.context import (
    BatchExecution,
    DeploymentExecution,
    OperationContext,
    Run,
    SampleObservation,
    StageExecution,
)
from contexta.contract.fields import (
    BatchRef,
    Completeness,
    Degradation,
    DeploymentRef,
    FrozenDict,
    JsonMap,
    Number,
    OperationRef,
    RecordRef,
    RecordType,
    RunRef,
    SampleRef,
    StageRef,
    Timestamp,
)
from contexta.contract.lineage import LineageEdge, ProvenanceRecord
from contexta.findings.kinds.completeness_note import CompletenessNote
from contexta.findings.kinds.finding import Finding, FindingAboutRuns


class SnapshotRecord(Finding):
    """One record of a run."""

    record_type: RecordType
    key: str
    """The key of a metric or event, the name of a span, the issue_key of a degradation."""
    value: Number | str
    """The number of a metric, the seconds of a span, the message of an event, the summary of a degradation."""
    run_ref: RunRef
    stage_id: StageRef | None
    """None for a record of the run itself."""
    batch_id: BatchRef | None = None
    sample_id: SampleRef | None = None
    operation_id: OperationRef | None = None
    deployment_id: DeploymentRef | None = None
    observed_at: Timestamp
    step: int | None = None
    slice_ref: str | None = None
    record_ref: RecordRef | None = None
    """None for a metric of a live run without unit and batch: such points are stored without names."""
    producer_ref: str
    completeness_marker: Completeness = "complete"
    degradation_marker: Degradation = "none"
    payload: JsonMap = Field(default_factory=FrozenDict)
    """All fields of its payload in the contract."""

    record_id: ClassVar[RecordRef | None] = alias("record_ref")
    run_id: ClassVar[RunRef] = alias("run_ref")

    @property
    def message(self) -> str | None:
        """The message of an event, the summary of a degradation; None for other records."""
        return self.value if isinstance(self.value, str) else None

    @property
    def unit(self) -> str | None:
        """The unit of a metric; None if unknown."""
        unit: str | None = self.payload.get("unit")
        return unit

    @property
    def tags(self) -> Mapping[str, str]:
        """The tags of a metric."""
        tags: Mapping[str, str] = self.payload.get("tags", FrozenDict())
        return tags


class RunSnapshot(FindingAboutRuns):
    """One run with everything below it."""

    run: Run
    stages: tuple[StageExecution, ...]
    batches: tuple[BatchExecution, ...]
    samples: tuple[SampleObservation, ...]
    operations: tuple[OperationContext, ...] = ()
    deployments: tuple[DeploymentExecution, ...]
    artifacts: tuple[ArtifactManifest, ...]
    relations: tuple[LineageEdge, ...] = ()
    """Edges of this run, in order of arrival."""
    provenance: tuple[ProvenanceRecord, ...] = ()
    """The origins of these edges."""
    records: tuple[SnapshotRecord, ...]
    """Metrics by stage, key and slice, each in order of arrival; then all other records in order of arrival."""
    completeness_notes: tuple[CompletenessNote, ...]
    """With the numbers of what is stored beyond ``max_records``."""
