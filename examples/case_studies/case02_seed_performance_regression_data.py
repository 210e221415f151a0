"""Record two training runs of a product classifier: last month's, and this month's after an upgrade.

    uv run examples/case_studies/case02_seed_performance_regression_data.py

Everything here is written by hand, so that the example needs no training: projects, runs, stages, metrics and
environments are put through the same interface that importers use. Putting them again changes nothing.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

from contexta import Contexta
from contexta.config import UnifiedConfig, WorkspaceConfig
from contexta.contract import (
    EnvironmentSnapshot,
    MetricPayload,
    MetricRecord,
    Project,
    RecordEnvelope,
    Run,
    StageExecution,
)

PROJECT = "product-categorization"


@dataclass(frozen=True)
class Training:
    """One training as it happened."""

    name: str
    day: str
    ended: str
    metrics: dict[str, float]
    packages: dict[str, str]

    @property
    def started_at(self) -> str:
        return f"{self.day}T08:00:00Z"

    @property
    def captured_at(self) -> str:
        return f"{self.day}T08:01:00Z"

    @property
    def ended_at(self) -> str:
        return f"{self.day}T{self.ended}Z"


UNCHANGED = {"scikit-learn": "1.2.2", "transformers": "4.28.0", "pandas": "1.5.3"}
TRAININGS = (
    Training(
        name="last-month",
        day="2025-02-15",
        ended="10:30:00",
        metrics={"accuracy": 0.91, "precision": 0.893, "recall": 0.908},
        packages={"torch": "2.0.0", "numpy": "1.24.0", **UNCHANGED},
    ),
    Training(
        name="this-month",
        day="2025-03-15",
        ended="10:45:00",
        metrics={"accuracy": 0.87, "precision": 0.851, "recall": 0.872},
        packages={"torch": "2.1.0", "numpy": "1.26.4", **UNCHANGED},
    ),
)


def record(ctx: Contexta, training: Training) -> None:
    """Put one training with its stage, its environment and its metrics."""
    store = ctx.metadata_store
    run_ref = f"run:{PROJECT}.{training.name}"
    stage_ref = f"stage:{PROJECT}.{training.name}.train"
    store.runs.put_run(
        Run(
            run_ref=run_ref,
            project_ref=f"project:{PROJECT}",
            name=training.name,
            status="completed",
            started_at=training.started_at,
            ended_at=training.ended_at,
        )
    )
    store.stages.put_stage_execution(
        StageExecution(
            stage_execution_ref=stage_ref,
            run_ref=run_ref,
            stage_name="train",
            status="completed",
            started_at=training.started_at,
            ended_at=training.ended_at,
            order_index=0,
        )
    )
    store.environments.put_environment_snapshot(
        EnvironmentSnapshot(
            environment_snapshot_ref=f"environment:{PROJECT}.{training.name}.snapshot",
            run_ref=run_ref,
            captured_at=training.captured_at,
            python_version="3.11.0",
            platform="linux",
            packages=training.packages,
            environment_variables={},
        )
    )
    ctx.record_store.append_many(
        MetricRecord(
            envelope=RecordEnvelope(
                record_ref=f"record:{PROJECT}.{training.name}.{key}",
                record_type="metric",
                recorded_at=training.ended_at,
                observed_at=training.ended_at,
                producer_ref="contexta.case02",
                run_ref=run_ref,
                stage_execution_ref=stage_ref,
            ),
            payload=MetricPayload(metric_key=key, value=value, value_type="float64", aggregation_scope="run"),
        )
        for key, value in training.metrics.items()
    )


def main(workspace: Path = Path(".contexta")) -> None:
    config = UnifiedConfig(project_name=PROJECT, workspace=WorkspaceConfig(root_path=workspace))
    with Contexta(config=config) as ctx:
        ctx.metadata_store.projects.put_project(
            Project(
                project_ref=f"project:{PROJECT}",
                name=PROJECT,
                created_at="2025-02-01T00:00:00Z",
                description="E-commerce product categorization model",
            )
        )
        for training in TRAININGS:
            record(ctx, training)
    print(f"Seeded {PROJECT} data in {workspace}.")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:2]))
