"""Lineage and deployments."""

from __future__ import annotations

from collections.abc import Sequence

from contexta.contract import DeploymentExecution
from contexta.findings import Lineage, LineageStep
from contexta.reports.document.blocks import Paragraph, Report, Row, Section, Table
from contexta.reports.document.formatting import count, moment
from contexta.reports.pages.common import notes, tone_of

_DIRECTIONS = {"both": "upstream and downstream", "upstream": "upstream", "downstream": "downstream"}


def lineage(finding: Lineage) -> Report:
    def name(ref: str) -> str:
        """A reference; for a renamed run with its latest name."""
        return f"{ref} ({finding.renamed[ref]})" if ref in finding.renamed else ref

    rows = tuple(
        Row(cells=(str(edge.depth), name(edge.source_ref), edge.relation_type, name(edge.target_ref), _origin(edge)))
        for edge in finding.edges
    )
    entities = count(len(finding.visited_refs), "entity", "entities")
    summary = f"{count(len(finding.edges), 'edge')} {_DIRECTIONS[finding.direction]}, {entities}"
    table = Table(columns=(">Depth", "From", "Relation", "To", "Recorded by"), rows=rows)
    blocks = (Paragraph(text=summary), *((table,) if rows else ()))
    sections = (Section(title="", blocks=blocks), *notes(finding.completeness_notes))
    return Report(title=f"Lineage of {name(finding.root_ref)}", sections=sections)


def deployments(findings: Sequence[DeploymentExecution]) -> Report:
    rows = tuple(
        Row(
            cells=(
                deployment.deployment_execution_ref.value,
                deployment.deployment_name,
                deployment.status,
                moment(deployment.started_at),
                deployment.artifact_ref or deployment.run_ref or deployment.environment_snapshot_ref or "",
            ),
            tone=tone_of(deployment.status),
        )
        for deployment in findings
    )
    table = Table(columns=("Deployment", "Name", "Status", "Since (UTC)", "Runs"), rows=rows)
    blocks = (table,) if rows else (Paragraph(text="none"),)
    return Report(title="Deployments", sections=(Section(title="", blocks=blocks),))


def _origin(edge: LineageStep) -> str:
    """Who recorded an edge; the client derives the others from stored entities."""
    return f"{edge.origin}, {edge.confidence}" if edge.relation_ref else "derived"
