"""The public contract: frozen values that users may write by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

import contexta.core.check_requirements  # noqa: F401  # checks the version of pydantic before it is imported
from contexta.contract.lazy_names import lazy_names

if TYPE_CHECKING:
    from contexta.contract.artifacts import *
    from contexta.contract.context import *
    from contexta.contract.environment import *
    from contexta.contract.lineage import *
    from contexta.contract.records import *
    from contexta.core.references import *
else:
    __all__, __getattr__, __dir__ = lazy_names(
        __name__,
        {
            "contexta.core.references": "StableRef",
            "contexta.contract.artifacts": "ArtifactManifest",
            "contexta.contract.context": (
                "BatchExecution DeploymentExecution OperationContext Project Run SampleObservation StageExecution"
            ),
            "contexta.contract.environment": "Distribution EnvironmentSnapshot Note Origin",
            "contexta.contract.lineage": "LineageEdge ProvenanceRecord",
            "contexta.contract.records": (
                "DegradedPayload DegradedRecord MetricPayload MetricRecord Record RecordEnvelope "
                "StructuredEventPayload StructuredEventRecord TraceSpanPayload TraceSpanRecord"
            ),
        },
    )
