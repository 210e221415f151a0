"""Create the history that a new engineer finds: attempts, failures, decisions and upgrades."""

from __future__ import annotations

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
    StructuredEventPayload,
    StructuredEventRecord,
)

PROJECT_NAME = "demand-forecast"
HISTORY = [
    ("arima", "2024-03-01", "completed", 18.2, "1.24.4", "The first baseline", None),
    ("prophet", "2024-04-12", "completed", 16.9, "1.24.4", "Seasonality helps", None),
    ("lstm", "2024-06-03", "failed", None, "1.24.4", "Too little data for a network", None),
    ("lgbm", "2024-09-20", "completed", 13.1, "1.26.4", "Gradient boosting on lags", "We stay with lgbm"),
    ("lgbm-holidays", "2025-01-15", "completed", 12.4, "1.26.4", "Holidays of all countries", "In production"),
]


def run_example(workspace: Path | str) -> None:
    config = UnifiedConfig(project_name=PROJECT_NAME, workspace=WorkspaceConfig(root_path=workspace))
    with Contexta(config=config) as ctx:
        store = ctx.metadata_store
        project_ref = f"project:{PROJECT_NAME}"
        store.projects.put_project(
            Project(
                project_ref=project_ref,
                name=PROJECT_NAME,
                created_at="2024-02-20T00:00:00Z",
                description="Weekly demand of 4 000 articles",
            )
        )
        for name, day, status, mape, numpy, description, decision in HISTORY:
            run_ref, end = f"run:{PROJECT_NAME}.{name}", f"{day}T18:00:00Z"
            store.runs.put_run(
                Run(
                    run_ref=run_ref,
                    project_ref=project_ref,
                    name=name,
                    status=status,
                    started_at=f"{day}T12:00:00Z",
                    ended_at=end,
                    description=description,
                )
            )
            store.environments.put_environment_snapshot(
                EnvironmentSnapshot(
                    environment_snapshot_ref=f"environment:{PROJECT_NAME}.{name}.snapshot",
                    run_ref=run_ref,
                    captured_at=f"{day}T12:00:00Z",
                    python_version="3.11.8",
                    platform="linux",
                    packages={"numpy": numpy},
                )
            )

            def envelope(record: str, record_type: str, run_ref: str = run_ref, end: str = end) -> RecordEnvelope:
                return RecordEnvelope(
                    record_ref=f"record:{run_ref.removeprefix('run:')}.{record}",
                    record_type=record_type,
                    recorded_at=end,
                    observed_at=end,
                    producer_ref="contexta.case11",
                    run_ref=run_ref,
                )

            if mape is not None:
                ctx.record_store.append(
                    MetricRecord(
                        envelope=envelope("mape", "metric"),
                        payload=MetricPayload(
                            metric_key="mape", value=mape, value_type="float64", unit="%", aggregation_scope="run"
                        ),
                    )
                )
            if decision is not None:
                ctx.record_store.append(
                    StructuredEventRecord(
                        envelope=envelope("decision", "event"),
                        payload=StructuredEventPayload(event_key="decision", level="info", message=decision),
                    )
                )


if __name__ == "__main__":
    run_example(Path(".contexta"))
    print(f"Seeded {PROJECT_NAME} data in .contexta.")
