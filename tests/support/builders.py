"""Runs written by hand, as a test needs them."""

from __future__ import annotations

import sqlite3
import subprocess
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from contexta import Contexta
from contexta.contract import (
    EnvironmentSnapshot,
    MetricPayload,
    MetricRecord,
    Project,
    RecordEnvelope,
    Run,
    StageExecution,
)

Cli = Callable[..., "subprocess.CompletedProcess[str]"]
"""The fixture that runs the command line."""

START, END = "2025-02-15T08:00:00Z", "2025-02-15T10:30:00Z"


def a_project(project: str = "p") -> Project:
    return Project(project_ref=f"project:{project}", name=project, created_at=START)


def a_run(project: str = "p", name: str = "r", **changes: Any) -> Run:
    fields: dict[str, Any] = {
        "run_ref": f"run:{project}.{name}",
        "project_ref": f"project:{project}",
        "name": name,
        "status": "completed",
        "started_at": START,
        "ended_at": END,
    }
    return Run(**{**fields, **changes})


def a_stage(project: str = "p", run: str = "r", stage: str = "train", **changes: Any) -> StageExecution:
    fields: dict[str, Any] = {
        "stage_execution_ref": f"stage:{project}.{run}.{stage}",
        "run_ref": f"run:{project}.{run}",
        "stage_name": stage,
        "status": "completed",
        "started_at": START,
        "ended_at": END,
        "order_index": 0,
    }
    return StageExecution(**{**fields, **changes})


def an_envelope(project: str = "p", run: str = "r", name: str = "m1", **changes: Any) -> RecordEnvelope:
    fields: dict[str, Any] = {
        "record_ref": f"record:{project}.{run}.{name}",
        "record_type": "metric",
        "recorded_at": END,
        "observed_at": END,
        "producer_ref": "tests",
        "run_ref": f"run:{project}.{run}",
    }
    return RecordEnvelope(**{**fields, **changes})


def a_metric(
    key: str = "accuracy",
    value: Any = 0.9,
    *,
    project: str = "p",
    run: str = "r",
    name: str = "m1",
    stage: str | None = None,
    envelope: Mapping[str, Any] | None = None,
    **payload: Any,
) -> MetricRecord:
    scope = {"stage_execution_ref": f"stage:{project}.{run}.{stage}"} if stage else {}
    return MetricRecord(
        envelope=an_envelope(project, run, name, **{**scope, **(envelope or {})}),
        payload=MetricPayload(metric_key=key, value=value, value_type="float64", **payload),
    )


def a_snapshot(project: str = "p", run: str = "r", **changes: Any) -> EnvironmentSnapshot:
    fields: dict[str, Any] = {
        "environment_snapshot_ref": f"environment:{project}.{run}.snapshot",
        "run_ref": f"run:{project}.{run}",
        "captured_at": START,
        "python_version": "3.11.0",
        "platform": "linux",
        "packages": {"numpy": "1.24.0", "torch": "2.0.0"},
    }
    return EnvironmentSnapshot(**{**fields, **changes})


def put_run(
    ctx: Contexta,
    name: str = "r",
    *,
    project: str = "p",
    metrics: Mapping[str, Any] | None = None,
    stage: str | None = None,
    environment: Mapping[str, Any] | None = None,
    display_name: str | None = None,
    **changes: Any,
) -> str:
    """Store a run with its project and, when given, a stage, metrics and an environment. Returns its reference."""
    store = ctx.metadata_store
    store.projects.put_project(a_project(project))
    run = a_run(project, name, **changes)
    store.runs.put_run(run.model_copy(update={"name": display_name or name}))
    if stage is not None:
        store.stages.put_stage_execution(a_stage(project, name, stage))
    for number, (key, value) in enumerate((metrics or {}).items()):
        ctx.record_store.append(a_metric(key, value, project=project, run=name, name=f"m{number}", stage=stage))
    if environment is not None:
        store.environments.put_environment_snapshot(a_snapshot(project, name, **environment))
    return f"run:{project}.{name}"


def change_unseen(root: Path, statement: str) -> None:
    """Change the database without its digests, as damage does."""
    with closing(sqlite3.connect(root / "contexta.db")) as raw:
        raw.execute(statement)
        raw.commit()
