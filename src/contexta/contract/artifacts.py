"""Artifacts: files that a run read or wrote."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field, model_validator
from typing_extensions import Self

from contexta.contract.aliases import alias
from contexta.contract.fields import (
    ArtifactRef,
    Count,
    FrozenDict,
    JsonMap,
    Location,
    Name,
    RunRef,
    StageRef,
    Timestamp,
    require_below,
)
from contexta.contract.scope import Scoped


class ArtifactManifest(Scoped):
    """The description of an artifact. Its content is at ``location_ref``."""

    artifact_ref: ArtifactRef
    artifact_kind: Name
    created_at: Timestamp
    producer_ref: Location
    location_ref: Location
    hash_value: Name | None = None
    size_bytes: Count | None = None
    attributes: JsonMap = Field(default_factory=FrozenDict)

    artifact_id: ClassVar[ArtifactRef] = alias("artifact_ref")
    stage_id: ClassVar[StageRef | None] = alias("stage_execution_ref")
    run_id: ClassVar[RunRef] = alias("run_ref")
    kind: ClassVar[str] = alias("artifact_kind")
    location: ClassVar[str] = alias("location_ref")
    digest: ClassVar[str | None] = alias("hash_value")

    @property
    def name(self) -> str:
        """The name that a live run gave it, else the last component of its reference."""
        return str(self.attributes.get("name") or self.artifact_ref.name)

    @model_validator(mode="after")
    def _is_of_its_run(self) -> Self:
        require_below(self.artifact_ref, self.run_ref, "artifact_ref", "run_ref")
        return self
