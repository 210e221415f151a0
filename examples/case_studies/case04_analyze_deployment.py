"""Answer an auditor: which data is behind the model in production?"""

from contexta import Contexta
from contexta.config import UnifiedConfig

PROJECT_NAME = "recommender"

ctx = Contexta(config=UnifiedConfig(project_name=PROJECT_NAME))
try:
    deployments = ctx.list_deployments(PROJECT_NAME)
    current = deployments[-1]
    print(f"In production: {current.name} ({current.status}) since {current.ended_at}")
    print(f"Run: {current.run_id}")

    lineage = ctx.traverse_lineage(current.deployment_id, direction="upstream")
    print(f"\n{len(lineage.visited_refs) - 1} things lead to it:")
    for edge in lineage.edges:
        print(f"  {edge.relation_type}: {edge.source_ref} -> {edge.target_ref}")

    datasets = []
    for ref in lineage.visited_refs:
        if ref.startswith("artifact:"):
            artifact = ctx.metadata_store.artifacts.get_artifact_manifest(ref)
            if artifact.kind == "dataset":
                datasets.append(artifact)
    print("\nData:")
    for dataset in datasets:
        print(f"  {dataset.location} ({dataset.digest}) by {dataset.run_id}")

    assert current.run_id is not None
    snapshot = ctx.get_run_snapshot(current.run_id)
    for provenance in snapshot.provenance:
        print(f"\nAsserted {provenance.assertion_mode} under {provenance.policy_ref}")
    assert current.environment_snapshot_ref is not None
    environment = ctx.metadata_store.environments.get_environment_snapshot(current.environment_snapshot_ref)
    print(f"Environment: Python {environment.python_version}, {dict(environment.packages)}")
finally:
    ctx.metadata_store.close()
