"""Artifacts: files that a run read or wrote."""

from __future__ import annotations

from pydantic import Field, model_validator
from typing_extensions import Self

from contexta.contract.fields import (
    ArtifactRef,
    Count,
    FrozenDict,
    JsonMap,
    Location,
    Name,
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

    @model_validator(mode="after")
    def _is_of_its_run(self) -> Self:
        require_below(self.artifact_ref, self.run_ref, "artifact_ref", "run_ref")
        return self
