"""What came from what, and who says so."""

from __future__ import annotations

from pydantic import model_validator
from typing_extensions import Self

from contexta.contract.fields import (
    AnyRef,
    Location,
    Name,
    OperationRef,
    ProvenanceRef,
    RelationRef,
    Timestamp,
    require_below,
)
from contexta.core.errors import InvalidInput
from contexta.core.model import Value


class LineageEdge(Value):
    """``source_ref`` stands in ``relation_type`` to ``target_ref``. The edge belongs to the run in its reference."""

    relation_ref: RelationRef
    relation_type: Name
    source_ref: AnyRef
    target_ref: AnyRef
    recorded_at: Timestamp
    origin_marker: Name
    confidence_marker: Name
    operation_context_ref: OperationRef | None = None
    evidence_refs: tuple[Location, ...] = ()

    @model_validator(mode="after")
    def _joins_two(self) -> Self:
        if self.source_ref == self.target_ref:
            raise InvalidInput(f"{self.relation_ref} joins {self.source_ref} to itself", hint="give two references")
        return self


class ProvenanceRecord(Value):
    """Who asserts a lineage edge, how and when."""

    provenance_ref: ProvenanceRef
    relation_ref: RelationRef
    assertion_mode: Name
    asserted_at: Timestamp
    formation_context_ref: Location | None = None
    policy_ref: Location | None = None
    evidence_bundle_ref: Location | None = None

    @model_validator(mode="after")
    def _is_of_its_relation(self) -> Self:
        require_below(self.provenance_ref, self.relation_ref.run, "provenance_ref", "the relation's run")
        return self
