"""Create the runs of a sentiment classifier that used to live in notebooks and spreadsheets."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from contexta import Contexta
from contexta.config import UnifiedConfig, WorkspaceConfig
from contexta.contract import MetricPayload, MetricRecord, Project, RecordEnvelope, Run, StageExecution

PROJECT_NAME = "sentiment-classifier"

EXPERIMENTS: list[dict[str, Any]] = [
    {"name": "logreg-baseline", "model": "logreg", "lr": "0.1", "f1": 0.781, "loss": 0.52, "day": "03"},
    {"name": "bert-lr-1e-5", "model": "bert", "lr": "0.00001", "f1": 0.874, "loss": 0.31, "day": "05"},
    {"name": "bert-lr-5e-5", "model": "bert", "lr": "0.00005", "f1": 0.902, "loss": 0.27, "day": "06"},
    {"name": "bert-lr-1e-3", "model": "bert", "lr": "0.001", "f1": 0.412, "loss": 1.94, "day": "07"},
    {"name": "roberta-lr-5e-5", "model": "roberta", "lr": "0.00005", "f1": 0.897, "loss": 0.28, "day": "10"},
]


def _seed_experiment(ctx: Contexta, experiment: dict[str, Any]) -> str:
    name = experiment["name"]
    run_ref = f"run:{PROJECT_NAME}.{name}"
    started_at = f"2025-03-{experiment['day']}T09:00:00Z"
    ended_at = f"2025-03-{experiment['day']}T11:00:00Z"
    ctx.metadata_store.runs.put_run(
        Run(
            run_ref=run_ref,
            project_ref=f"project:{PROJECT_NAME}",
            name=name,
            status="completed",
            started_at=started_at,
            ended_at=ended_at,
            description=f"{experiment['model']} with learning rate {experiment['lr']}",
            tags={"model": experiment["model"], "lr": experiment["lr"], "owner": "sarah"},
        )
    )
    stage_ref = f"stage:{PROJECT_NAME}.{name}.evaluate"
    ctx.metadata_store.stages.put_stage_execution(
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
    for key in ("f1", "loss"):
        ctx.record_store.append(
            MetricRecord(
                envelope=RecordEnvelope(
                    record_ref=f"record:{PROJECT_NAME}.{name}.{key}",
                    record_type="metric",
                    recorded_at=ended_at,
                    observed_at=ended_at,
                    producer_ref="contexta.case01",
                    run_ref=run_ref,
                    stage_execution_ref=stage_ref,
                ),
                payload=MetricPayload(
                    metric_key=key, value=experiment[key], value_type="float64", aggregation_scope="stage"
                ),
            )
        )
    return run_ref


def run_example(workspace: Path | str) -> list[str]:
    config = UnifiedConfig(project_name=PROJECT_NAME, workspace=WorkspaceConfig(root_path=workspace))
    with Contexta(config=config) as ctx:
        ctx.metadata_store.projects.put_project(
            Project(project_ref=f"project:{PROJECT_NAME}", name=PROJECT_NAME, created_at="2025-03-01T00:00:00Z")
        )
        return [_seed_experiment(ctx, experiment) for experiment in EXPERIMENTS]


if __name__ == "__main__":
    print(f"Seeded {len(run_example(Path('.contexta')))} experiments of {PROJECT_NAME}.")
