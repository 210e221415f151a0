"""Find everything that a contaminated file reached, and what is still clean."""

from contexta import Contexta
from contexta.config import UnifiedConfig, WorkspaceConfig

PROJECT_NAME = "search-ranking"
CONTAMINATED = f"artifact:{PROJECT_NAME}.ingest.clicks-0131"

ctx = Contexta(config=UnifiedConfig(project_name=PROJECT_NAME, workspace=WorkspaceConfig(root_path=".contexta")))
try:
    affected = ctx.traverse_lineage(CONTAMINATED, direction="downstream")
    print("Reached by the contaminated file:")
    for edge in affected.edges:
        print(f"  {'  ' * (edge.depth - 1)}{edge.target_ref} ({edge.relation_type})")

    print("\nDeployments:")
    for deployment in ctx.list_deployments(PROJECT_NAME):
        tainted = deployment.deployment_id in affected.visited_refs
        print(f"  {deployment.name}: {'ROLL BACK' if tainted else 'clean'}")

    runs = {ref.split(":")[1].split(".")[1] for ref in affected.visited_refs if ref.startswith("artifact:")}
    print(f"\nRuns to repeat: {', '.join(sorted(runs - {'ingest'}))}")
    direct = ctx.traverse_lineage(CONTAMINATED, direction="outbound", max_depth=1)
    print(f"Directly derived: {len(direct.edges)}")
    notes = [note.summary for note in affected.completeness_notes]
    print(f"Is the answer complete? {notes or 'yes'}")
finally:
    ctx.metadata_store.close()
