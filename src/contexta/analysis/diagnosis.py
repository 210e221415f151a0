"""Find the problems of a run in its records."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence

from contexta.contract import BatchExecution, DegradedRecord, DeploymentExecution, StageExecution
from contexta.core.references import StableRef
from contexta.findings import RUN_LEVEL, Issue, RunDetails, RunDiagnosis
from contexta.findings.runs import lost_records

_ORDER: dict[str, int] = {"error": 0, "warning": 1, "info": 2}


def diagnose(
    details: RunDetails,
    *,
    stages: Sequence[StageExecution] = (),
    batches: Sequence[BatchExecution] = (),
    deployments: Sequence[DeploymentExecution] = (),
    degraded: Sequence[DegradedRecord] = (),
    incomplete: Iterable[tuple[str, StableRef | None]] = (),
    notes: Sequence[str] = (),
) -> RunDiagnosis:
    """The problems of a run: errors first, then warnings, then remarks.

    batches: those that did not complete. incomplete: records that are marked as incomplete, with their stages.
    """
    issues = [
        *_of_run(details),
        *_of_stages(details, stages),
        *_of_batches(details, batches),
        *_of_deployments(deployments),
        *(_degraded(record) for record in degraded),
        *(
            Issue(severity="warning", code="incomplete_metric", summary=text, subject_ref=stage)
            for text, stage in incomplete
        ),
        *_of_metrics(details),
        *(Issue(severity="info", code="note", summary=f"{note.topic}: {note.text}") for note in details.notes),
    ]
    return RunDiagnosis(
        run_ref=details.run_ref,
        issues=tuple(sorted(issues, key=lambda issue: _ORDER[issue.severity])),
        completeness_notes=tuple(notes),
    )


def _of_run(details: RunDetails) -> Iterator[Issue]:
    failure = details.metadata.get("failure")
    why = f" with {failure['type']}: {failure['message']}" if isinstance(failure, dict) and "type" in failure else ""
    if details.status == "failed":
        yield Issue(severity="error", code="run_failed", summary=f"the run failed{why}")
    elif details.status == "crashed":
        yield Issue(
            severity="error", code="run_crashed", summary=f"the process of the run ended without a final status{why}"
        )
    elif details.status == "cancelled":
        yield Issue(severity="warning", code="run_cancelled", summary="the run was cancelled")
    elif details.status == "open":
        yield Issue(severity="info", code="run_open", summary="the run is still open: it may record more")
    if (lost := lost_records(details)) is not None:
        yield Issue(severity="warning", code="records_lost", summary=lost)
    if details.environment is None:
        yield Issue(
            severity="warning",
            code="environment_missing",
            summary="no environment was recorded",
            fix="record the next run with `contexta run` or `with ctx.run(...)`",
        )
    if not any(stage.metrics for stage in details.stages):
        yield Issue(severity="warning", code="run_without_metrics", summary="no metric was recorded")


def _of_stages(details: RunDetails, stages: Sequence[StageExecution]) -> Iterator[Issue]:
    recorded = [stage for stage in details.stages if stage.stage_name != RUN_LEVEL]
    for stage, stage_summary in zip(stages, recorded, strict=True):
        subject = {"subject_ref": stage.stage_execution_ref}
        if stage.status in ("failed", "crashed"):
            summary = f"stage {stage.stage_name} {stage.status}"
            yield Issue(severity="error", code="stage_failed", summary=summary, **subject)
        elif stage.status == "open" and details.status != "open":
            summary = f"stage {stage.stage_name} is open, but the run is {details.status}"
            yield Issue(severity="warning", code="stage_left_open", summary=summary, **subject)
        if not stage_summary.metrics:
            summary = f"stage {stage.stage_name} has no metrics"
            yield Issue(severity="info", code="stage_without_metrics", summary=summary, **subject)


def _of_batches(details: RunDetails, batches: Sequence[BatchExecution]) -> Iterator[Issue]:
    for batch in batches:
        subject = {"subject_ref": batch.batch_execution_ref}
        if batch.status in ("failed", "crashed"):
            summary = f"batch {batch.batch_name} of stage {batch.stage_execution_ref.name} {batch.status}"
            yield Issue(severity="error", code="batch_failed", summary=summary, **subject)
        elif batch.status == "cancelled":
            yield Issue(
                severity="warning", code="batch_cancelled", summary=f"batch {batch.batch_name} was cancelled", **subject
            )
        elif batch.status == "open" and details.status != "open":
            summary = f"batch {batch.batch_name} is open, but the run is {details.status}"
            yield Issue(severity="warning", code="batch_left_open", summary=summary, **subject)


def _of_deployments(deployments: Sequence[DeploymentExecution]) -> Iterator[Issue]:
    for deployment in deployments:
        if deployment.status in ("failed", "crashed"):
            summary = f"deployment {deployment.deployment_name} {deployment.status}"
            ref = deployment.deployment_execution_ref
            yield Issue(severity="error", code="deployment_failed", summary=summary, subject_ref=ref)


def _degraded(record: DegradedRecord) -> Issue:
    payload, envelope = record.payload, record.envelope
    return Issue(
        severity=payload.severity,
        code="degraded_record",
        summary=f"{payload.issue_key} ({payload.category}, {envelope.degradation_marker}): {payload.summary}",
        subject_ref=payload.subject_ref or envelope.stage_execution_ref or envelope.record_ref,
    )


def _of_metrics(details: RunDetails) -> Iterator[Issue]:
    for stage in details.stages:
        for metric in stage.metrics:
            if isinstance(metric.value, float) and not math.isfinite(metric.value):
                name = metric.metric_key if stage.stage_name == RUN_LEVEL else f"{stage.stage_name}/{metric.metric_key}"
                yield Issue(
                    severity="warning", code="metric_not_finite", summary=f"the last value of {name} is {metric.value}"
                )
