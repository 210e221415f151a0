"""The public contract: frozen values that people may write by hand and that every answer is computed from."""

import contexta.asking  # noqa: F401  # the gate: before what may be too old
from contexta.contract.artifacts import ArtifactManifest
from contexta.contract.context import (
    BatchExecution,
    DeploymentExecution,
    OperationContext,
    Project,
    Run,
    SampleObservation,
    StageExecution,
)
from contexta.contract.environment import Distribution, EnvironmentSnapshot, Note, Origin
from contexta.contract.lineage import LineageEdge, ProvenanceRecord
from contexta.contract.records import (
    DegradedPayload,
    DegradedRecord,
    MetricPayload,
    MetricRecord,
    Record,
    RecordEnvelope,
    StructuredEventPayload,
    StructuredEventRecord,
    TraceSpanPayload,
    TraceSpanRecord,
)
from contexta.refs import StableRef

__all__ = [
    "StableRef",
    "Project",
    "Run",
    "StageExecution",
    "BatchExecution",
    "SampleObservation",
    "OperationContext",
    "DeploymentExecution",
    "EnvironmentSnapshot",
    "Distribution",
    "Origin",
    "Note",
    "Record",
    "RecordEnvelope",
    "MetricRecord",
    "MetricPayload",
    "StructuredEventRecord",
    "StructuredEventPayload",
    "TraceSpanRecord",
    "TraceSpanPayload",
    "DegradedRecord",
    "DegradedPayload",
    "ArtifactManifest",
    "LineageEdge",
    "ProvenanceRecord",
]
