"""Create two months of derived data, models and deployments; one raw file turns out to be contaminated."""

from __future__ import annotations

from pathlib import Path

from contexta import Contexta
from contexta.config import UnifiedConfig, WorkspaceConfig
from contexta.contract import ArtifactManifest, DeploymentExecution, LineageEdge, Project, Run

PROJECT_NAME = "search-ranking"


def _put_run(ctx: Contexta, name: str, day: str) -> str:
    run_ref = f"run:{PROJECT_NAME}.{name}"
    ctx.metadata_store.runs.put_run(
        Run(
            run_ref=run_ref,
            project_ref=f"project:{PROJECT_NAME}",
            name=name,
            status="completed",
            started_at=f"{day}T01:00:00Z",
            ended_at=f"{day}T02:00:00Z",
        )
    )
    return run_ref


def _put_artifact(ctx: Contexta, run: str, name: str, kind: str, day: str, sources: list[str]) -> str:
    ref = f"artifact:{PROJECT_NAME}.{run}.{name}"
    ctx.metadata_store.artifacts.put_artifact_manifest(
        ArtifactManifest(
            artifact_ref=ref,
            artifact_kind=kind,
            created_at=f"{day}T02:00:00Z",
            producer_ref="contexta.case08",
            run_ref=f"run:{PROJECT_NAME}.{run}",
            location_ref=f"s3://search/{name}",
        )
    )
    for number, source in enumerate(sources):
        ctx.metadata_store.relations.put_relation(
            LineageEdge(
                relation_ref=f"relation:{PROJECT_NAME}.{run}.{name}-{number}",
                relation_type="input_of",
                source_ref=source,
                target_ref=ref,
                recorded_at=f"{day}T02:00:00Z",
                origin_marker="pipeline",
                confidence_marker="certain",
            )
        )
    return ref


def run_example(workspace: Path | str) -> str:
    config = UnifiedConfig(project_name=PROJECT_NAME, workspace=WorkspaceConfig(root_path=workspace))
    with Contexta(config=config) as ctx:
        store = ctx.metadata_store
        store.projects.put_project(
            Project(project_ref=f"project:{PROJECT_NAME}", name=PROJECT_NAME, created_at="2025-01-01T00:00:00Z")
        )
        _put_run(ctx, "ingest", "2025-02-01")
        bad = _put_artifact(ctx, "ingest", "clicks-0131", "dataset", "2025-02-01", [])
        good = _put_artifact(ctx, "ingest", "clicks-0201", "dataset", "2025-02-01", [])
        _put_run(ctx, "features", "2025-02-02")
        tainted = _put_artifact(ctx, "features", "features-a", "dataset", "2025-02-02", [bad, good])
        clean = _put_artifact(ctx, "features", "features-b", "dataset", "2025-02-02", [good])
        for name, features in (("train-a", tainted), ("train-b", clean)):
            run_ref = _put_run(ctx, name, "2025-02-03")
            model = _put_artifact(ctx, name, "model", "model", "2025-02-03", [features])
            store.deployments.put_deployment_execution(
                DeploymentExecution(
                    deployment_execution_ref=f"deployment:{PROJECT_NAME}.{name}-live",
                    project_ref=f"project:{PROJECT_NAME}",
                    deployment_name=f"{name}-live",
                    status="completed",
                    started_at="2025-02-04T00:00:00Z",
                    ended_at="2025-02-04T00:10:00Z",
                    run_ref=run_ref,
                    artifact_ref=model,
                )
            )
        return bad


if __name__ == "__main__":
    print(f"Seeded; {run_example(Path('.contexta'))} is contaminated.")
