"""Create the run in production and two candidates that want to replace it."""

from __future__ import annotations

from pathlib import Path

from contexta import Contexta
from contexta.config import UnifiedConfig, WorkspaceConfig
from contexta.contract import (
    DegradedPayload,
    DegradedRecord,
    EnvironmentSnapshot,
    MetricPayload,
    MetricRecord,
    Project,
    RecordEnvelope,
    Run,
    StageExecution,
)

PROJECT_NAME = "fraud-detector"
RUNS = {
    "production": ("01", {"auc": 0.941, "recall": 0.88, "latency_ms": 21.0}),
    "candidate-a": ("08", {"auc": 0.948, "recall": 0.89, "latency_ms": 23.0}),
    "candidate-b": ("09", {"auc": 0.957, "recall": 0.83, "latency_ms": 22.0}),
}


def _seed_run(ctx: Contexta, name: str, day: str, metrics: dict[str, float]) -> None:
    run_ref = f"run:{PROJECT_NAME}.{name}"
    stage_ref = f"stage:{PROJECT_NAME}.{name}.evaluate"
    started_at, ended_at = f"2025-05-{day}T02:00:00Z", f"2025-05-{day}T04:00:00Z"
    store = ctx.metadata_store
    store.runs.put_run(
        Run(
            run_ref=run_ref,
            project_ref=f"project:{PROJECT_NAME}",
            name=name,
            status="completed",
            started_at=started_at,
            ended_at=ended_at,
        )
    )
    store.stages.put_stage_execution(
        StageExecution(
            stage_execution_ref=stage_ref,
            run_ref=run_ref,
            stage_name="evaluate",
            status="completed",
            started_at=started_at,
            ended_at=ended_at,
            order_index=0,
        )
    )
    store.environments.put_environment_snapshot(
        EnvironmentSnapshot(
            environment_snapshot_ref=f"environment:{PROJECT_NAME}.{name}.snapshot",
            run_ref=run_ref,
            captured_at=started_at,
            python_version="3.11.8",
            platform="linux",
            packages={"xgboost": "2.0.3", "numpy": "1.26.4"},
            environment_variables={"OMP_NUM_THREADS": "8"},
        )
    )
    ctx.record_store.append_many(
        [
            MetricRecord(
                envelope=RecordEnvelope(
                    record_ref=f"record:{PROJECT_NAME}.{name}.m{number}",
                    record_type="metric",
                    recorded_at=ended_at,
                    observed_at=ended_at,
                    producer_ref="contexta.case05",
                    run_ref=run_ref,
                    stage_execution_ref=stage_ref,
                ),
                payload=MetricPayload(metric_key=key, value=value, value_type="float64", aggregation_scope="stage"),
            )
            for number, (key, value) in enumerate(metrics.items())
        ]
    )


def run_example(workspace: Path | str) -> None:
    config = UnifiedConfig(project_name=PROJECT_NAME, workspace=WorkspaceConfig(root_path=workspace))
    with Contexta(config=config) as ctx:
        ctx.metadata_store.projects.put_project(
            Project(project_ref=f"project:{PROJECT_NAME}", name=PROJECT_NAME, created_at="2025-05-01T00:00:00Z")
        )
        for name, (day, metrics) in RUNS.items():
            _seed_run(ctx, name, day, metrics)
        ctx.record_store.append(
            DegradedRecord(
                envelope=RecordEnvelope(
                    record_ref=f"record:{PROJECT_NAME}.candidate-b.d1",
                    record_type="degraded",
                    recorded_at="2025-05-09T04:00:00Z",
                    observed_at="2025-05-09T04:00:00Z",
                    producer_ref="contexta.case05",
                    run_ref=f"run:{PROJECT_NAME}.candidate-b",
                    degradation_marker="capture_gap",
                ),
                payload=DegradedPayload(
                    issue_key="slice-missing",
                    category="evaluation",
                    severity="warning",
                    summary="the slice of new customers was not evaluated",
                ),
            )
        )


if __name__ == "__main__":
    run_example(Path(".contexta"))
    print(f"Seeded {PROJECT_NAME} data in .contexta.")
