"""Create two evaluations of a support assistant: every prompt is a sample with its own scores."""

from __future__ import annotations

from pathlib import Path

from contexta import Contexta
from contexta.config import UnifiedConfig, WorkspaceConfig
from contexta.contract import (
    MetricPayload,
    MetricRecord,
    Project,
    RecordEnvelope,
    Run,
    SampleObservation,
    StageExecution,
)

PROJECT_NAME = "support-assistant"
PROMPTS = ("refund-policy", "reset-password", "cancel-order", "legal-question")
SCORES = {
    "prompt-v1": {"relevance": (0.91, 0.88, 0.86, 0.74), "toxicity": (0.01, 0.0, 0.02, 0.03)},
    "prompt-v2": {"relevance": (0.95, 0.93, 0.55, 0.81), "toxicity": (0.01, 0.0, 0.01, 0.02)},
}


def _seed_evaluation(ctx: Contexta, name: str, day: int) -> None:
    run_ref, stage_ref = f"run:{PROJECT_NAME}.{name}", f"stage:{PROJECT_NAME}.{name}.evaluate"
    at, end = f"2025-06-0{day}T10:00:00Z", f"2025-06-0{day}T10:20:00Z"
    store = ctx.metadata_store
    store.runs.put_run(
        Run(
            run_ref=run_ref,
            project_ref=f"project:{PROJECT_NAME}",
            name=name,
            status="completed",
            started_at=at,
            ended_at=end,
            tags={"template": name, "model": "llm-8b"},
        )
    )
    store.stages.put_stage_execution(
        StageExecution(
            stage_execution_ref=stage_ref,
            run_ref=run_ref,
            stage_name="evaluate",
            status="completed",
            started_at=at,
            ended_at=end,
        )
    )
    for number, prompt in enumerate(PROMPTS):
        sample_ref = f"sample:{PROJECT_NAME}.{name}.evaluate.{prompt}"
        store.samples.put_sample_observation(
            SampleObservation(
                sample_observation_ref=sample_ref,
                run_ref=run_ref,
                stage_execution_ref=stage_ref,
                sample_name=prompt,
                observed_at=at,
            )
        )
        for key, values in SCORES[name].items():
            ctx.record_store.append(
                MetricRecord(
                    envelope=RecordEnvelope(
                        record_ref=f"record:{PROJECT_NAME}.{name}.{prompt}-{key}",
                        record_type="metric",
                        recorded_at=end,
                        observed_at=end,
                        producer_ref="contexta.case09",
                        run_ref=run_ref,
                        stage_execution_ref=stage_ref,
                        sample_observation_ref=sample_ref,
                    ),
                    payload=MetricPayload(
                        metric_key=key,
                        value=values[number],
                        value_type="float64",
                        aggregation_scope="slice",
                        subject_ref=sample_ref,
                        slice_ref=prompt,
                        tags={"prompt": prompt},
                    ),
                )
            )
    for key, values in SCORES[name].items():
        ctx.record_store.append(
            MetricRecord(
                envelope=RecordEnvelope(
                    record_ref=f"record:{PROJECT_NAME}.{name}.mean-{key}",
                    record_type="metric",
                    recorded_at=end,
                    observed_at=end,
                    producer_ref="contexta.case09",
                    run_ref=run_ref,
                    stage_execution_ref=stage_ref,
                ),
                payload=MetricPayload(
                    metric_key=key,
                    value=round(sum(values) / len(values), 4),
                    value_type="float64",
                    aggregation_scope="stage",
                    summary_basis="mean of all prompts",
                ),
            )
        )


def run_example(workspace: Path | str) -> None:
    config = UnifiedConfig(project_name=PROJECT_NAME, workspace=WorkspaceConfig(root_path=workspace))
    with Contexta(config=config) as ctx:
        ctx.metadata_store.projects.put_project(
            Project(project_ref=f"project:{PROJECT_NAME}", name=PROJECT_NAME, created_at="2025-06-01T00:00:00Z")
        )
        for day, name in enumerate(SCORES, start=1):
            _seed_evaluation(ctx, name, day)


if __name__ == "__main__":
    run_example(Path(".contexta"))
    print(f"Seeded {PROJECT_NAME} data in .contexta.")
