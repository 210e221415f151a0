"""Create a year of a credit model: trainings, approvals and deployments that an auditor asks about."""

from __future__ import annotations

from pathlib import Path

from contexta import Contexta
from contexta.config import UnifiedConfig, WorkspaceConfig
from contexta.contract import (
    ArtifactManifest,
    DeploymentExecution,
    EnvironmentSnapshot,
    LineageEdge,
    MetricPayload,
    MetricRecord,
    Project,
    ProvenanceRecord,
    RecordEnvelope,
    Run,
    StableRef,
    StructuredEventPayload,
    StructuredEventRecord,
)

PROJECT_NAME = "credit-scoring"
VERSIONS = [
    ("v1", "2024-02-10", 0.812, "internal-audit"),
    ("v2", "2024-07-15", 0.829, "internal-audit"),
    ("v3", "2024-11-20", 0.834, None),
]


def _seed_version(ctx: Contexta, name: str, day: str, gini: float, approver: str | None) -> None:
    store = ctx.metadata_store
    project = StableRef("project", PROJECT_NAME)
    run = StableRef("run", f"{PROJECT_NAME}.{name}")
    at, end = f"{day}T08:00:00Z", f"{day}T12:00:00Z"
    store.runs.put_run(
        Run(run_ref=run, project_ref=project, name=name, status="completed", started_at=at, ended_at=end)
    )
    if approver is not None:  # v3 was trained on a laptop, and nobody recorded what was installed there
        store.environments.put_environment_snapshot(
            EnvironmentSnapshot(
                environment_snapshot_ref=f"environment:{PROJECT_NAME}.{name}.snapshot",
                run_ref=run,
                captured_at=at,
                python_version="3.10.13",
                platform="linux",
                packages={"scikit-learn": "1.4.0", "pandas": "2.2.0"},
            )
        )
    envelope = {
        "recorded_at": end,
        "observed_at": end,
        "producer_ref": "contexta.case06",
        "run_ref": run,
    }
    ctx.record_store.append(
        MetricRecord(
            envelope=RecordEnvelope(record_ref=f"record:{PROJECT_NAME}.{name}.gini", record_type="metric", **envelope),
            payload=MetricPayload(metric_key="gini", value=gini, value_type="float64", aggregation_scope="run"),
        )
    )
    if approver is not None:
        ctx.record_store.append(
            StructuredEventRecord(
                envelope=RecordEnvelope(
                    record_ref=f"record:{PROJECT_NAME}.{name}.approval", record_type="event", **envelope
                ),
                payload=StructuredEventPayload(
                    event_key="model.approved",
                    level="info",
                    message=f"{name} was approved for production",
                    subject_ref=f"artifact:{PROJECT_NAME}.{name}.model",
                    attributes={"approver": approver, "ticket": f"RISK-{len(name) * 100 + int(day[5:7])}"},
                ),
            )
        )
    model, data = f"artifact:{PROJECT_NAME}.{name}.model", f"artifact:{PROJECT_NAME}.{name}.applications"
    for ref, kind, location in (
        (data, "dataset", f"s3://bank/applications/{day}.parquet"),
        (model, "model", f"s3://bank/models/{name}.pkl"),
    ):
        store.artifacts.put_artifact_manifest(
            ArtifactManifest(
                artifact_ref=ref,
                artifact_kind=kind,
                created_at=end,
                producer_ref="contexta.case06",
                run_ref=run,
                location_ref=location,
                hash_value=f"sha256:{name}-{kind}",
            )
        )
    store.relations.put_relation(
        LineageEdge(
            relation_ref=f"relation:{PROJECT_NAME}.{name}.trained",
            relation_type="trained_into",
            source_ref=data,
            target_ref=model,
            recorded_at=end,
            origin_marker="pipeline",
            confidence_marker="certain",
        )
    )
    store.provenance.put_provenance(
        ProvenanceRecord(
            provenance_ref=f"provenance:{PROJECT_NAME}.{name}.trained",
            relation_ref=f"relation:{PROJECT_NAME}.{name}.trained",
            assertion_mode="automatic",
            asserted_at=end,
            policy_ref="policy://model-risk/2024",
        )
    )
    store.deployments.put_deployment_execution(
        DeploymentExecution(
            deployment_execution_ref=f"deployment:{PROJECT_NAME}.prod-{name}",
            project_ref=project,
            deployment_name=f"prod-{name}",
            status="completed",
            started_at=end,
            ended_at=end,
            run_ref=run,
            artifact_ref=model,
        )
    )


def run_example(workspace: Path | str) -> None:
    config = UnifiedConfig(project_name=PROJECT_NAME, workspace=WorkspaceConfig(root_path=workspace))
    with Contexta(config=config) as ctx:
        ctx.metadata_store.projects.put_project(
            Project(
                project_ref=f"project:{PROJECT_NAME}",
                name=PROJECT_NAME,
                created_at="2024-01-02T00:00:00Z",
                description="Decides on consumer credit; subject to model risk management",
                tags={"risk-class": "high"},
            )
        )
        for version in VERSIONS:
            _seed_version(ctx, *version)


if __name__ == "__main__":
    run_example(Path(".contexta"))
    print(f"Seeded {PROJECT_NAME} data in .contexta.")
