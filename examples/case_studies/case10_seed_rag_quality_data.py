"""Create two weeks of a retrieval-augmented assistant, with traces of its queries."""

from __future__ import annotations

from pathlib import Path

from contexta import Contexta
from contexta.config import UnifiedConfig, WorkspaceConfig
from contexta.contract import (
    EnvironmentSnapshot,
    MetricPayload,
    MetricRecord,
    OperationContext,
    Project,
    RecordEnvelope,
    Run,
    StageExecution,
    TraceSpanPayload,
    TraceSpanRecord,
)

PROJECT_NAME = "docs-assistant"
WEEKS = {
    "week-20": {
        "retrieve": {"recall_at_5": 0.92, "documents": 5.0},
        "generate": {"faithfulness": 0.90, "answer_length": 180.0},
        "milliseconds": (40, 900),
        "embedder": "1.4.0",
    },
    "week-21": {
        "retrieve": {"recall_at_5": 0.61, "documents": 5.0},
        "generate": {"faithfulness": 0.88, "answer_length": 176.0},
        "milliseconds": (210, 910),
        "embedder": "2.0.0",
    },
}


def _envelope(
    name: str, stage: str, record: str, record_type: str, at: str, operation: str | None = None
) -> RecordEnvelope:
    return RecordEnvelope(
        record_ref=f"record:{PROJECT_NAME}.{name}.{record}",
        record_type=record_type,
        recorded_at=at,
        observed_at=at,
        producer_ref="contexta.case10",
        run_ref=f"run:{PROJECT_NAME}.{name}",
        stage_execution_ref=f"stage:{PROJECT_NAME}.{name}.{stage}",
        operation_context_ref=operation,
    )


def _seed_week(ctx: Contexta, name: str, day: str) -> None:
    week = WEEKS[name]
    run_ref = f"run:{PROJECT_NAME}.{name}"
    at, end = f"2025-05-{day}T00:00:00Z", f"2025-05-{day}T00:10:00Z"
    store = ctx.metadata_store
    store.runs.put_run(
        Run(
            run_ref=run_ref,
            project_ref=f"project:{PROJECT_NAME}",
            name=name,
            status="completed",
            started_at=at,
            ended_at=end,
        )
    )
    store.environments.put_environment_snapshot(
        EnvironmentSnapshot(
            environment_snapshot_ref=f"environment:{PROJECT_NAME}.{name}.snapshot",
            run_ref=run_ref,
            captured_at=at,
            python_version="3.12.3",
            platform="linux",
            packages={"embedder": str(week["embedder"]), "faiss-cpu": "1.8.0"},
        )
    )
    for index, stage in enumerate(("retrieve", "generate")):
        stage_ref = f"stage:{PROJECT_NAME}.{name}.{stage}"
        store.stages.put_stage_execution(
            StageExecution(
                stage_execution_ref=stage_ref,
                run_ref=run_ref,
                stage_name=stage,
                status="completed",
                started_at=at,
                ended_at=end,
                order_index=index,
            )
        )
        metrics = week[stage]
        assert isinstance(metrics, dict)
        ctx.record_store.append_many(
            MetricRecord(
                envelope=_envelope(name, stage, f"{stage}-m{number}", "metric", end),
                payload=MetricPayload(metric_key=key, value=value, value_type="float64", aggregation_scope="stage"),
            )
            for number, (key, value) in enumerate(metrics.items())
        )
        operation_ref = f"op:{PROJECT_NAME}.{name}.{stage}.query-1"
        store.operations.put_operation_context(
            OperationContext(
                operation_context_ref=operation_ref,
                run_ref=run_ref,
                stage_execution_ref=stage_ref,
                operation_name="query-1",
                observed_at=at,
            )
        )
        milliseconds = week["milliseconds"]
        assert isinstance(milliseconds, tuple)
        ctx.record_store.append(
            TraceSpanRecord(
                envelope=_envelope(name, stage, f"{stage}-span", "span", end, operation_ref),
                payload=TraceSpanPayload(
                    span_id=f"{name}-{stage}",
                    trace_id=f"{name}-query-1",
                    parent_span_id=None,
                    span_name=stage,
                    started_at=f"2025-05-{day}T00:00:01Z",
                    ended_at=f"2025-05-{day}T00:00:01.{milliseconds[index]:03}000Z",
                    status="ok",
                    span_kind="retriever" if stage == "retrieve" else "llm",
                    attributes={"top_k": 5},
                ),
            )
        )


def run_example(workspace: Path | str) -> None:
    config = UnifiedConfig(project_name=PROJECT_NAME, workspace=WorkspaceConfig(root_path=workspace))
    with Contexta(config=config) as ctx:
        ctx.metadata_store.projects.put_project(
            Project(project_ref=f"project:{PROJECT_NAME}", name=PROJECT_NAME, created_at="2025-05-01T00:00:00Z")
        )
        _seed_week(ctx, "week-20", "12")
        _seed_week(ctx, "week-21", "19")


if __name__ == "__main__":
    run_example(Path(".contexta"))
    print(f"Seeded {PROJECT_NAME} data in .contexta.")
