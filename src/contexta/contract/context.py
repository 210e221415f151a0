"""Projects, runs and their parts: stages, batches, samples, operations and deployments."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field, model_validator
from typing_extensions import Self

from contexta.contract.aliases import alias
from contexta.contract.fields import (
    ArtifactRef,
    BatchRef,
    Count,
    DeploymentRef,
    EnvironmentRef,
    FrozenDict,
    JsonMap,
    Name,
    OperationRef,
    ProjectRef,
    RunRef,
    SampleRef,
    StageRef,
    Status,
    Tags,
    Text,
    Timestamp,
    require_below,
    require_order,
)
from contexta.core.errors import InvalidInput
from contexta.core.model import Value

RUN_LEVEL = "(run)"
"""The stage name of metrics that belong to no stage. No stage may have this name."""


class Project(Value):
    """A group of runs, for example of one model."""

    project_ref: ProjectRef
    name: Name
    created_at: Timestamp
    description: Text | None = None
    tags: Tags = Field(default_factory=FrozenDict)


class _Execution(Value):
    """An execution with a start, a status and an end."""

    status: Status
    started_at: Timestamp
    ended_at: Timestamp | None = None

    @model_validator(mode="after")
    def _ends_after_start(self) -> Self:
        if self.ended_at is not None:
            require_order(self.started_at, self.ended_at, "started_at", "ended_at")
            if self.status == "open":
                raise InvalidInput(
                    f'status "open" with ended_at {self.ended_at}', hint="omit ended_at, or give the final status"
                )
        return self


class Run(_Execution):
    """One execution of a training or evaluation. Every status except ``open`` has an end."""

    run_ref: RunRef
    project_ref: ProjectRef
    name: Name
    description: Text | None = None
    tags: Tags = Field(default_factory=FrozenDict)
    metadata: JsonMap = Field(default_factory=FrozenDict)

    run_id: ClassVar[RunRef] = alias("run_ref")
    project_name: ClassVar[str] = alias("project_ref.value")

    @model_validator(mode="after")
    def _has_an_end(self) -> Self:
        require_below(self.run_ref, self.project_ref, "run_ref", "project_ref")
        if self.status != "open" and self.ended_at is None:
            raise InvalidInput(f'status "{self.status}" without ended_at', hint='give ended_at, or status "open"')
        return self


class StageExecution(_Execution):
    """A named part of a run, such as prepare, train or evaluate."""

    stage_execution_ref: StageRef
    run_ref: RunRef
    stage_name: Name
    order_index: Count | None = None

    name: ClassVar[str] = alias("stage_name")
    stage_id: ClassVar[StageRef] = alias("stage_execution_ref")
    run_id: ClassVar[RunRef] = alias("run_ref")
    order: ClassVar[int | None] = alias("order_index")

    @model_validator(mode="after")
    def _is_of_its_run(self) -> Self:
        require_below(self.stage_execution_ref, self.run_ref, "stage_execution_ref", "run_ref")
        if self.stage_name == RUN_LEVEL:
            raise InvalidInput(
                f'stage_name "{RUN_LEVEL}" is reserved for the run itself', hint="give the stage another name"
            )
        return self


class BatchExecution(_Execution):
    """A batch inside a stage."""

    batch_execution_ref: BatchRef
    run_ref: RunRef
    stage_execution_ref: StageRef
    batch_name: Name
    order_index: Count | None = None

    name: ClassVar[str] = alias("batch_name")
    batch_id: ClassVar[BatchRef] = alias("batch_execution_ref")
    stage_id: ClassVar[StageRef] = alias("stage_execution_ref")
    run_id: ClassVar[RunRef] = alias("run_ref")
    order: ClassVar[int | None] = alias("order_index")

    @model_validator(mode="after")
    def _is_of_its_stage(self) -> Self:
        require_below(self.stage_execution_ref, self.run_ref, "stage_execution_ref", "run_ref")
        require_below(self.batch_execution_ref, self.stage_execution_ref, "batch_execution_ref", "stage_execution_ref")
        return self


class SampleObservation(Value):
    """The observation of one sample. It takes no time: it starts, ends and is complete when it is observed."""

    sample_observation_ref: SampleRef
    run_ref: RunRef
    stage_execution_ref: StageRef
    sample_name: Name
    observed_at: Timestamp
    batch_execution_ref: BatchRef | None = None
    retention_class: Name | None = None
    redaction_profile: Name | None = None

    name: ClassVar[str] = alias("sample_name")
    sample_id: ClassVar[SampleRef] = alias("sample_observation_ref")
    batch_id: ClassVar[BatchRef | None] = alias("batch_execution_ref")
    stage_id: ClassVar[StageRef] = alias("stage_execution_ref")
    run_id: ClassVar[RunRef] = alias("run_ref")
    started_at: ClassVar[str] = alias("observed_at")
    ended_at: ClassVar[str] = alias("observed_at")

    @property
    def status(self) -> Status:
        return "completed"

    @property
    def order(self) -> None:
        """Samples have no order of their own: lists have them by arrival."""

    @model_validator(mode="after")
    def _is_of_its_stage(self) -> Self:
        require_below(self.stage_execution_ref, self.run_ref, "stage_execution_ref", "run_ref")
        _require_parents(self.sample_observation_ref, self.stage_execution_ref, self.batch_execution_ref)
        return self


class OperationContext(Value):
    """One operation inside a stage, such as a call, a query or the use of a tool."""

    operation_context_ref: OperationRef
    run_ref: RunRef
    stage_execution_ref: StageRef
    operation_name: Name
    observed_at: Timestamp
    batch_execution_ref: BatchRef | None = None

    name: ClassVar[str] = alias("operation_name")
    operation_id: ClassVar[OperationRef] = alias("operation_context_ref")
    batch_id: ClassVar[BatchRef | None] = alias("batch_execution_ref")
    stage_id: ClassVar[StageRef] = alias("stage_execution_ref")
    run_id: ClassVar[RunRef] = alias("run_ref")

    @model_validator(mode="after")
    def _is_of_its_stage(self) -> Self:
        require_below(self.stage_execution_ref, self.run_ref, "stage_execution_ref", "run_ref")
        _require_parents(self.operation_context_ref, self.stage_execution_ref, self.batch_execution_ref)
        return self


def _require_parents(ref: SampleRef | OperationRef, stage: StageRef, batch: BatchRef | None) -> None:
    """Refuse a reference outside of its stage, or outside of its batch if it names a batch itself."""
    field = {"sample": "sample_observation_ref", "op": "operation_context_ref"}[ref.kind]
    require_below(ref, stage, field, "stage_execution_ref")
    if batch is not None:
        require_below(batch, stage, "batch_execution_ref", "stage_execution_ref")
        if len(ref.components) == 5:
            require_below(ref, batch, field, "batch_execution_ref")


class DeploymentExecution(_Execution):
    """The deployment of a model, with references to its origin."""

    deployment_execution_ref: DeploymentRef
    project_ref: ProjectRef
    deployment_name: Name
    order_index: Count | None = None
    run_ref: RunRef | None = None
    artifact_ref: ArtifactRef | None = None
    environment_snapshot_ref: EnvironmentRef | None = None

    name: ClassVar[str] = alias("deployment_name")
    deployment_id: ClassVar[DeploymentRef] = alias("deployment_execution_ref")
    run_id: ClassVar[RunRef | None] = alias("run_ref")
    order: ClassVar[int | None] = alias("order_index")

    @model_validator(mode="after")
    def _is_of_its_project(self) -> Self:
        require_below(self.deployment_execution_ref, self.project_ref, "deployment_execution_ref", "project_ref")
        for field, ref in (
            ("run_ref", self.run_ref),
            ("artifact_ref", self.artifact_ref),
            ("environment_snapshot_ref", self.environment_snapshot_ref),
        ):
            if ref is not None:
                require_below(ref, self.project_ref, field, "project_ref")
        return self
