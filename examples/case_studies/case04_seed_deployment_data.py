"""Create the data, the training and the deployment of a recommender, with lineage between them."""

from __future__ import annotations

from pathlib import Path

from contexta import Contexta
from contexta.config import UnifiedConfig, WorkspaceConfig
from contexta.contract import (
    ArtifactManifest,
    DeploymentExecution,
    EnvironmentSnapshot,
    LineageEdge,
    Project,
    ProvenanceRecord,
    Run,
)

PROJECT_NAME = "recommender"
DATA_RUN = f"run:{PROJECT_NAME}.prepare-march"
TRAIN_RUN = f"run:{PROJECT_NAME}.train-march"
RAW = f"artifact:{PROJECT_NAME}.prepare-march.clicks-raw"
CLEAN = f"artifact:{PROJECT_NAME}.prepare-march.clicks-clean"
MODEL = f"artifact:{PROJECT_NAME}.train-march.model"


def _artifact(ref: str, kind: str, run_ref: str, location: str, digest: str, created_at: str) -> ArtifactManifest:
    return ArtifactManifest(
        artifact_ref=ref,
        artifact_kind=kind,
        created_at=created_at,
        producer_ref="contexta.case04",
        run_ref=run_ref,
        location_ref=location,
        hash_value=digest,
    )


def _edge(name: str, relation_type: str, source: str, target: str, at: str) -> LineageEdge:
    return LineageEdge(
        relation_ref=f"relation:{PROJECT_NAME}.train-march.{name}",
        relation_type=relation_type,
        source_ref=source,
        target_ref=target,
        recorded_at=at,
        origin_marker="pipeline",
        confidence_marker="certain",
    )


def run_example(workspace: Path | str) -> str:
    config = UnifiedConfig(project_name=PROJECT_NAME, workspace=WorkspaceConfig(root_path=workspace))
    ctx = Contexta(config=config)
    store = ctx.metadata_store
    try:
        project_ref = f"project:{PROJECT_NAME}"
        store.projects.put_project(
            Project(project_ref=project_ref, name=PROJECT_NAME, created_at="2025-03-01T00:00:00Z")
        )
        for run_ref, day in ((DATA_RUN, "02"), (TRAIN_RUN, "03")):
            store.runs.put_run(
                Run(
                    run_ref=run_ref,
                    project_ref=project_ref,
                    name=run_ref.split(".")[-1],
                    status="completed",
                    started_at=f"2025-03-{day}T06:00:00Z",
                    ended_at=f"2025-03-{day}T09:00:00Z",
                )
            )
        environment_ref = f"environment:{PROJECT_NAME}.train-march.snapshot"
        store.environments.put_environment_snapshot(
            EnvironmentSnapshot(
                environment_snapshot_ref=environment_ref,
                run_ref=TRAIN_RUN,
                captured_at="2025-03-03T06:00:00Z",
                python_version="3.11.8",
                platform="linux",
                packages={"lightgbm": "4.3.0", "numpy": "1.26.4"},
            )
        )
        data_at, model_at = "2025-03-02T09:00:00Z", "2025-03-03T09:00:00Z"
        for artifact in (
            _artifact(RAW, "dataset", DATA_RUN, "s3://lake/clicks/2025-03-01.parquet", "sha256:1a2b", data_at),
            _artifact(CLEAN, "dataset", DATA_RUN, "s3://lake/clicks-clean/2025-03.parquet", "sha256:3c4d", data_at),
            _artifact(MODEL, "model", TRAIN_RUN, "s3://models/recommender/march.txt", "sha256:5e6f", model_at),
        ):
            store.artifacts.put_artifact_manifest(artifact)
        store.relations.put_relation(_edge("clean", "cleaned_into", RAW, CLEAN, data_at))
        store.relations.put_relation(_edge("trained", "trained_into", CLEAN, MODEL, model_at))
        store.provenance.put_provenance(
            ProvenanceRecord(
                provenance_ref=f"provenance:{PROJECT_NAME}.train-march.trained",
                relation_ref=f"relation:{PROJECT_NAME}.train-march.trained",
                assertion_mode="automatic",
                asserted_at=model_at,
                policy_ref="policy://data-lineage/v2",
            )
        )
        deployment_ref = f"deployment:{PROJECT_NAME}.prod-eu-march"
        store.deployments.put_deployment_execution(
            DeploymentExecution(
                deployment_execution_ref=deployment_ref,
                project_ref=project_ref,
                deployment_name="prod-eu",
                status="completed",
                started_at="2025-03-04T08:00:00Z",
                ended_at="2025-03-04T08:10:00Z",
                order_index=0,
                run_ref=TRAIN_RUN,
                artifact_ref=MODEL,
                environment_snapshot_ref=environment_ref,
            )
        )
        return deployment_ref
    finally:
        store.close()


if __name__ == "__main__":
    print(f"Seeded {run_example(Path('.contexta'))}.")
