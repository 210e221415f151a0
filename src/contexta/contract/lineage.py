"""Lineage edges between references, and their provenance."""

from __future__ import annotations

from typing import ClassVar

from pydantic import model_validator
from typing_extensions import Self

from contexta.contract.aliases import alias
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
    """An edge from ``source_ref`` to ``target_ref``. It belongs to the run in its own reference."""

    relation_ref: RelationRef
    relation_type: Name
    source_ref: AnyRef
    target_ref: AnyRef
    recorded_at: Timestamp
    origin_marker: Name
    confidence_marker: Name
    operation_context_ref: OperationRef | None = None
    evidence_refs: tuple[Location, ...] = ()

    relation_id: ClassVar[RelationRef] = alias("relation_ref")
    run_id: ClassVar[str] = alias("relation_ref.run")

    @model_validator(mode="after")
    def _connects_two_references(self) -> Self:
        if self.source_ref == self.target_ref:
            raise InvalidInput(
                f"{self.relation_ref} connects {self.source_ref} with itself", hint="give two references"
            )
        return self


class ProvenanceRecord(Value):
    """The origin of a lineage edge: how and when it was asserted."""

    provenance_ref: ProvenanceRef
    relation_ref: RelationRef
    assertion_mode: Name
    asserted_at: Timestamp
    formation_context_ref: Location | None = None
    policy_ref: Location | None = None
    evidence_bundle_ref: Location | None = None

    provenance_id: ClassVar[ProvenanceRef] = alias("provenance_ref")
    relation_id: ClassVar[RelationRef] = alias("relation_ref")
    run_id: ClassVar[str] = alias("relation_ref.run")

    @model_validator(mode="after")
    def _is_of_its_relation(self) -> Self:
        require_below(self.provenance_ref, self.relation_ref.run, "provenance_ref", "the relation's run")
        return self
