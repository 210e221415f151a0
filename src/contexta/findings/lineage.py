"""Findings of ``lineage``: the edges that lead to or from a reference."""

from __future__ import annotations

from typing import Literal

from contexta.contract.fields import AnyRef, RelationRef
from contexta.findings.kinds.completeness_note import CompletenessNote
from contexta.findings.kinds.finding import Finding, FindingAboutRuns

LineageDirection = Literal["downstream", "upstream", "both"]


class LineageStep(Finding):
    """One edge, from source to target."""

    source_ref: AnyRef
    target_ref: AnyRef
    relation_type: str
    depth: int
    """The number of edges from the start, including this one."""
    relation_ref: RelationRef | None = None
    """None for an edge that follows from other records: the environment, artifacts and deployments of a run."""
    confidence: str | None = None
    origin: str | None = None


class Lineage(FindingAboutRuns):
    """Everything reachable from one reference."""

    root_ref: AnyRef
    direction: LineageDirection
    """``downstream`` follows edges from source to target, ``upstream`` from target to source."""
    max_depth: int | None
    edges: tuple[LineageStep, ...]
    """Each edge once, the nearest first."""
    visited_refs: tuple[AnyRef, ...]
    """The start, then the reached references, the nearest first."""
    completeness_notes: tuple[CompletenessNote, ...]
