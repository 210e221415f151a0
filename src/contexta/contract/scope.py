"""The scope of a record or an artifact inside its run."""

from __future__ import annotations

from pydantic import model_validator
from typing_extensions import Self

from contexta.contract.fields import (
    BatchRef,
    DeploymentRef,
    OperationRef,
    RunRef,
    SampleRef,
    StageRef,
    require_below,
)
from contexta.core.model import Value

_IN_STAGE = ("batch_execution_ref", "sample_observation_ref", "operation_context_ref")


class Scoped(Value):
    """A value of a run, optionally of a stage, batch, sample or operation in it. All references are below the run."""

    run_ref: RunRef
    deployment_execution_ref: DeploymentRef | None = None
    stage_execution_ref: StageRef | None = None
    batch_execution_ref: BatchRef | None = None
    sample_observation_ref: SampleRef | None = None
    operation_context_ref: OperationRef | None = None

    @model_validator(mode="after")
    def _nests(self) -> Self:
        for field in ("stage_execution_ref", *_IN_STAGE):
            if (ref := getattr(self, field)) is not None:
                require_below(ref, self.run_ref, field, "run_ref")
        if self.deployment_execution_ref is not None:
            require_below(
                self.deployment_execution_ref, self.run_ref.project, "deployment_execution_ref", "the run's project"
            )
        for field in _IN_STAGE:
            ref = getattr(self, field)
            if ref is not None and self.stage_execution_ref is not None:
                require_below(ref, self.stage_execution_ref, field, "stage_execution_ref")
            if ref is not None and self.batch_execution_ref is not None and len(ref.components) == 5:
                require_below(ref, self.batch_execution_ref, field, "batch_execution_ref")
        return self
