"""Create the runs of a pipeline that completed although one of its stages lost most of its rows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from contexta import Contexta
from contexta.config import UnifiedConfig, WorkspaceConfig
from contexta.contract import (
    BatchExecution,
    DegradedPayload,
    DegradedRecord,
    MetricPayload,
    MetricRecord,
    Project,
    RecordEnvelope,
    Run,
    StageExecution,
    StructuredEventPayload,
    StructuredEventRecord,
)

PROJECT_NAME = "churn-pipeline"
STAGES = ("ingest", "join", "train")
ROWS = {"monday": (50_000, 49_800, 49_800), "tuesday": (50_400, 3_100, 3_100)}


def _envelope(run_name: str, name: str, record_type: str, at: str, stage: str, **fields: Any) -> RecordEnvelope:
    return RecordEnvelope(
        record_ref=f"record:{PROJECT_NAME}.{run_name}.{name}",
        record_type=record_type,
        recorded_at=at,
        observed_at=at,
        producer_ref="contexta.case03",
        run_ref=f"run:{PROJECT_NAME}.{run_name}",
        stage_execution_ref=f"stage:{PROJECT_NAME}.{run_name}.{stage}",
        **fields,
    )


def _seed_run(ctx: Contexta, name: str, day: str) -> str:
    run_ref = f"run:{PROJECT_NAME}.{name}"
    at = [f"2025-04-{day}T0{hour}:00:00Z" for hour in range(4)]
    ctx.metadata_store.runs.put_run(
        Run(
            run_ref=run_ref,
            project_ref=f"project:{PROJECT_NAME}",
            name=name,
            status="completed",
            started_at=at[0],
            ended_at=at[3],
        )
    )
    for index, stage in enumerate(STAGES):
        ctx.metadata_store.stages.put_stage_execution(
            StageExecution(
                stage_execution_ref=f"stage:{PROJECT_NAME}.{name}.{stage}",
                run_ref=run_ref,
                stage_name=stage,
                status="completed",
                started_at=at[index],
                ended_at=at[index + 1],
                order_index=index,
            )
        )
        ctx.record_store.append(
            MetricRecord(
                envelope=_envelope(name, f"rows-{stage}", "metric", at[index + 1], stage),
                payload=MetricPayload(
                    metric_key="rows_out",
                    value=ROWS[name][index],
                    value_type="int64",
                    unit="rows",
                    aggregation_scope="stage",
                ),
            )
        )
    return run_ref


def _seed_failure(ctx: Contexta, name: str, day: str) -> None:
    at = f"2025-04-{day}T01:30:00Z"
    ctx.metadata_store.batches.put_batch_execution(
        BatchExecution(
            batch_execution_ref=f"batch:{PROJECT_NAME}.{name}.join.region-eu",
            run_ref=f"run:{PROJECT_NAME}.{name}",
            stage_execution_ref=f"stage:{PROJECT_NAME}.{name}.join",
            batch_name="region-eu",
            status="failed",
            started_at=f"2025-04-{day}T01:00:00Z",
            ended_at=at,
            order_index=0,
        )
    )
    ctx.record_store.append_many(
        [
            StructuredEventRecord(
                envelope=_envelope(name, "e1", "event", at, "join"),
                payload=StructuredEventPayload(
                    event_key="join.key-missing",
                    level="warning",
                    message="customer_id is null in 94 % of the rows of region-eu",
                    attributes={"null_rows": 47_300, "total_rows": 50_400, "table": "crm_export"},
                ),
            ),
            DegradedRecord(
                envelope=_envelope(
                    name,
                    "d1",
                    "degraded",
                    at,
                    "join",
                    completeness_marker="partial",
                    degradation_marker="partial_failure",
                ),
                payload=DegradedPayload(
                    issue_key="rows-dropped",
                    category="data",
                    severity="error",
                    summary="the inner join dropped 47300 of 50400 rows",
                    attributes={"dropped": 47_300},
                ),
            ),
        ]
    )


def run_example(workspace: Path | str) -> list[str]:
    config = UnifiedConfig(project_name=PROJECT_NAME, workspace=WorkspaceConfig(root_path=workspace))
    with Contexta(config=config) as ctx:
        ctx.metadata_store.projects.put_project(
            Project(project_ref=f"project:{PROJECT_NAME}", name=PROJECT_NAME, created_at="2025-04-01T00:00:00Z")
        )
        refs = [_seed_run(ctx, "monday", "07"), _seed_run(ctx, "tuesday", "08")]
        _seed_failure(ctx, "tuesday", "08")
        return refs


if __name__ == "__main__":
    run_example(Path(".contexta"))
    print(f"Seeded {PROJECT_NAME} data in .contexta.")
