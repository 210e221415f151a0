"""Compare the final metrics of runs."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from contexta.analysis.metrics.formatting import some
from contexta.core.references import StableRef
from contexta.findings import (
    RUN_LEVEL,
    SAME_RUN,
    MetricDelta,
    MetricRow,
    MetricValue,
    MultiRunComparison,
    RunComparison,
    RunDifference,
    RunSummary,
    StageComparison,
    StageSummary,
)
from contexta.findings.runs import imported_from

_SlicedKey = tuple[str, str]  # metric key, slice ("" for the whole)


def compare_runs(left: RunSummary, right: RunSummary) -> RunComparison:
    """Compare two runs. Stages match by name (the second of one name with the second), metrics by key and slice."""
    lefts, rights = _stages_by_name(left), _stages_by_name(right)
    stages = []
    for name in _in_order(lefts, rights):
        left_stage, right_stage = lefts.get(name), rights.get(name)
        stages.append(
            StageComparison(
                stage_name=name,
                left_status=left_stage.status if left_stage else None,
                right_status=right_stage.status if right_stage else None,
                metric_deltas=_deltas(name, left_stage, right_stage),
            )
        )
    return RunComparison(
        left_ref=left.run_ref,
        right_ref=right.run_ref,
        left_status=left.status,
        right_status=right.status,
        stage_comparisons=tuple(stages),
        completeness_notes=tuple(_notes(left, right, stages)),
    )


def compare_many(runs: Sequence[RunSummary], differences: Sequence[RunDifference] | None = None) -> MultiRunComparison:
    """Several runs side by side, in the given order. differences: what changed besides metrics."""
    tables = [
        {
            (name, key): metric.value
            for name, stage in _stages_by_name(run).items()
            for key, metric in _by_key(stage).items()
        }
        for run in runs
    ]
    stage_names = _in_order(*(_stages_by_name(run) for run in runs))
    keys = sorted({key for table in tables for key in table}, key=lambda key: (stage_names.index(key[0]), key[1]))
    return MultiRunComparison(
        run_refs=tuple(run.run_ref for run in runs),
        run_names=tuple(run.name for run in runs),
        rows=tuple(
            MetricRow(
                stage_name=stage,
                metric_key=key,
                slice_ref=slice_ref or None,
                values=tuple(table.get((stage, (key, slice_ref))) for table in tables),
            )
            for stage, (key, slice_ref) in keys
        ),
        completeness_notes=tuple(note for run in runs for note in _run_notes(run)),
        differences=None if differences is None else tuple(differences),
    )


def delta_of(left: int | float | None, right: int | float | None) -> tuple[int | float | None, float | None]:
    """(right - left, (right - left) / |left|); None where undefined or beyond the range of floats."""
    if left is None or right is None:
        return None, None
    try:
        delta = right - left
    except OverflowError:  # an integer beyond the range of floats, and a float
        return None, None
    try:
        ratio = delta / abs(left) if left else None
    except OverflowError:
        ratio = None
    return delta, ratio if ratio is not None and math.isfinite(ratio) else None


def import_notes(run_ref: StableRef, metadata: Mapping[str, Any]) -> Iterator[str]:
    """A note about a run that was imported."""
    if (tool := imported_from(metadata)) is not None:
        yield f"{run_ref} was imported from {tool}"


def status_notes(run_ref: StableRef, status: str) -> Iterator[str]:
    """A note about the metrics of a run that did not complete."""
    if status == "open":
        yield f"{run_ref} is still open: its metrics may change"
    elif status != "completed":
        yield f"{run_ref} has status {status}: its metrics are the last values before it ended"


def _deltas(stage_name: str, left: StageSummary | None, right: StageSummary | None) -> tuple[MetricDelta, ...]:
    lefts, rights = _by_key(left), _by_key(right)
    deltas = []
    for key, slice_ref in sorted({*lefts, *rights}):
        left_metric, right_metric = lefts.get((key, slice_ref)), rights.get((key, slice_ref))
        left_value = left_metric.value if left_metric else None
        right_value = right_metric.value if right_metric else None
        delta, ratio = delta_of(left_value, right_value)
        deltas.append(
            MetricDelta(
                stage_name=stage_name,
                metric_key=key,
                slice_ref=slice_ref or None,
                left_value=left_value,
                right_value=right_value,
                delta=delta,
                change_ratio=ratio,
                left_origin=left_metric.origin if left_metric else None,
                right_origin=right_metric.origin if right_metric else None,
            )
        )
    return tuple(deltas)


def _by_key(stage: StageSummary | None) -> dict[_SlicedKey, MetricValue]:
    return {(metric.metric_key, metric.slice_ref or ""): metric for metric in stage.metrics} if stage else {}


def _stages_by_name(run: RunSummary) -> dict[str, StageSummary]:
    named: dict[str, StageSummary] = {}
    for stage in run.stages:
        name, number = stage.stage_name, 1
        while name in named:
            number += 1
            name = f"{stage.stage_name} ({number})"
        named[name] = stage
    return named


def _in_order(*tables: dict[str, StageSummary]) -> list[str]:
    """The stage names: the run's own first, then in the order of the first run, then those of later runs only."""
    names = list(dict.fromkeys(name for table in tables for name in table))
    return sorted(names, key=lambda name: name != RUN_LEVEL)


def _notes(left: RunSummary, right: RunSummary, stages: list[StageComparison]) -> list[str]:
    if left.run_ref == right.run_ref:
        return [SAME_RUN.format(left.run_ref)]
    notes = _run_notes(left) + _run_notes(right)
    for run, value_field in ((left, "left_value"), (right, "right_value")):
        labels = [
            _label(stage.stage_name, delta)
            for stage in stages
            for delta in stage.metric_deltas
            if getattr(delta, value_field) is None
        ]
        if labels:
            notes.append(f"{run.run_ref} lacks metrics of the other run: {some(labels, 10)}")
    return notes


def _label(stage_name: str, delta: MetricDelta) -> str:
    name = delta.metric_key if stage_name == RUN_LEVEL else f"{stage_name}/{delta.metric_key}"
    return f"{name} for {delta.slice_ref}" if delta.slice_ref else name


def _run_notes(run: RunSummary) -> list[str]:
    missing = [] if run.metrics else [f"{run.run_ref} has no metrics"]
    return [*import_notes(run.run_ref, run.metadata), *status_notes(run.run_ref, run.status), *missing]
