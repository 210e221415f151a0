"""Files a run produced."""

from __future__ import annotations

from pydantic import model_validator
from typing_extensions import Self

from contexta.contract.fields import (
    NO_ITEMS,
    ArtifactRef,
    BatchRef,
    Count,
    DeploymentRef,
    JsonMap,
    Location,
    Name,
    OperationRef,
    RunRef,
    SampleRef,
    StageRef,
    Timestamp,
    require_below,
)
from contexta.values import Value


class ArtifactManifest(Value):
    """What is known about one artifact; its bytes lie at ``location_ref``."""

    artifact_ref: ArtifactRef
    artifact_kind: Name
    created_at: Timestamp
    producer_ref: Location
    run_ref: RunRef
    location_ref: Location
    deployment_execution_ref: DeploymentRef | None = None
    stage_execution_ref: StageRef | None = None
    batch_execution_ref: BatchRef | None = None
    sample_observation_ref: SampleRef | None = None
    operation_context_ref: OperationRef | None = None
    hash_value: Name | None = None
    size_bytes: Count | None = None
    attributes: JsonMap = NO_ITEMS

    @model_validator(mode="after")
    def _is_of_its_run(self) -> Self:
        for field in (
            "artifact_ref",
            "stage_execution_ref",
            "batch_execution_ref",
            "sample_observation_ref",
            "operation_context_ref",
        ):
            ref = getattr(self, field)
            if ref is not None:
                require_below(ref, self.run_ref, field, "run_ref")
        if self.deployment_execution_ref is not None:
            require_below(
                self.deployment_execution_ref, self.run_ref.project, "deployment_execution_ref", "the run's project"
            )
        return self
