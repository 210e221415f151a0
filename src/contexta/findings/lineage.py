"""What came from what."""

from __future__ import annotations

from typing import Literal

from contexta.contract.fields import AnyRef, RelationRef
from contexta.findings.finding import Finding

Direction = Literal["downstream", "upstream", "both"]


class LineageStep(Finding):
    """One edge that was followed, from source to target.

    depth: how many edges lie between the start and the nearer end, plus one. relation_ref: of an edge that somebody
    recorded; None for one that follows from what was put: a run's environment, artifacts and deployments. confidence,
    origin: as its author marked it.
    """

    source_ref: AnyRef
    target_ref: AnyRef
    relation_type: str
    depth: int
    relation_ref: RelationRef | None = None
    confidence: str | None = None
    origin: str | None = None


class Lineage(Finding):
    """What can be reached from one reference along edges.

    direction: ``downstream`` follows edges from source to target (what became of it), ``upstream`` against them (what
    it came from). visited_refs: everything reached, the start first, the nearest next. edges: each once, the nearest
    first, however many ways lead to it.
    """

    root_ref: AnyRef
    direction: Direction
    max_depth: int | None
    edges: tuple[LineageStep, ...]
    visited_refs: tuple[AnyRef, ...]
    completeness_notes: tuple[str, ...]
