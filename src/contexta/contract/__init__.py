"""The public contract: frozen values that people may write by hand and that every answer is computed from."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

import contexta.core.check_requirements  # noqa: F401  # the gate: before what may be too old

if TYPE_CHECKING:
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
    from contexta.core.references import StableRef

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

_HOMES = {
    "contexta.contract.artifacts": ("ArtifactManifest",),
    "contexta.contract.context": (
        "BatchExecution",
        "DeploymentExecution",
        "OperationContext",
        "Project",
        "Run",
        "SampleObservation",
        "StageExecution",
    ),
    "contexta.contract.environment": (
        "Distribution",
        "EnvironmentSnapshot",
        "Note",
        "Origin",
    ),
    "contexta.contract.lineage": (
        "LineageEdge",
        "ProvenanceRecord",
    ),
    "contexta.contract.records": (
        "DegradedPayload",
        "DegradedRecord",
        "MetricPayload",
        "MetricRecord",
        "Record",
        "RecordEnvelope",
        "StructuredEventPayload",
        "StructuredEventRecord",
        "TraceSpanPayload",
        "TraceSpanRecord",
    ),
    "contexta.core.references": ("StableRef",),
}
_HOME = {name: home for home, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    """Names are handed out lazily (PEP 562): who asks one question does not wait for the models of all others."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = globals()[name] = getattr(import_module(_HOME[name]), name)
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
