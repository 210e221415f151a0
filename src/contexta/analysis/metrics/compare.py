"""Runs side by side: what each metric ended at, and by how much it moved."""

from __future__ import annotations

import math
from collections.abc import Sequence

from contexta.analysis.metrics.formatting import some
from contexta.findings import (
    RUN_LEVEL,
    SAME_RUN,
    MetricDelta,
    MetricRow,
    MetricValue,
    MultiRunComparison,
    RunComparison,
    RunSummary,
    StageComparison,
    StageSummary,
)

_MetricId = tuple[str, str]  # metric key, slice ("" for the whole)


def compare_runs(left: RunSummary, right: RunSummary) -> RunComparison:
    """Compare two runs. Stages match by name (the second of one name with the second), metrics by key and slice."""
    lefts, rights = _stages_by_name(left), _stages_by_name(right)
    stages = []
    for name in _in_order(lefts, rights):
        one, two = lefts.get(name), rights.get(name)
        stages.append(
            StageComparison(
                stage_name=name,
                left_status=one.status if one else None,
                right_status=two.status if two else None,
                metric_deltas=_deltas(one, two),
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


def compare_many(runs: Sequence[RunSummary]) -> MultiRunComparison:
    """Several runs side by side, in the order given."""
    tables = [
        {
            (name, metric_id): metric.value
            for name, stage in _stages_by_name(run).items()
            for metric_id, metric in _by_id(stage).items()
        }
        for run in runs
    ]
    stage_names = _in_order(*(_stages_by_name(run) for run in runs))
    keys = sorted({key for table in tables for key in table}, key=lambda key: (stage_names.index(key[0]), key[1]))
    return MultiRunComparison(
        run_refs=tuple(run.run_ref for run in runs),
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
    )


def delta_of(left: int | float | None, right: int | float | None) -> tuple[int | float | None, float | None]:
    """(right - left, (right - left) / |left|); None where undefined or beyond what a float can hold."""
    if left is None or right is None:
        return None, None
    try:
        delta = right - left
    except OverflowError:  # an integer beyond the range of floats beside a float
        return None, None
    try:
        ratio = delta / abs(left) if left else None
    except OverflowError:
        ratio = None
    return delta, ratio if ratio is not None and math.isfinite(ratio) else None


def _deltas(left: StageSummary | None, right: StageSummary | None) -> tuple[MetricDelta, ...]:
    lefts, rights = _by_id(left), _by_id(right)
    deltas = []
    for key, slice_ref in sorted({*lefts, *rights}):
        one, two = lefts.get((key, slice_ref)), rights.get((key, slice_ref))
        left_value, right_value = one.value if one else None, two.value if two else None
        delta, ratio = delta_of(left_value, right_value)
        deltas.append(
            MetricDelta(
                metric_key=key,
                slice_ref=slice_ref or None,
                left_value=left_value,
                right_value=right_value,
                delta=delta,
                change_ratio=ratio,
            )
        )
    return tuple(deltas)


def _by_id(stage: StageSummary | None) -> dict[_MetricId, MetricValue]:
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
    """Stage names, the run's own first, then as the first run has them, then what only later runs have."""
    names = list(dict.fromkeys(name for table in tables for name in table))
    return sorted(names, key=lambda name: name != RUN_LEVEL)


def _notes(left: RunSummary, right: RunSummary, stages: list[StageComparison]) -> list[str]:
    if left.run_ref == right.run_ref:
        return [SAME_RUN.format(left.run_ref)]
    notes = _run_notes(left) + _run_notes(right)
    for run, has in ((left, "left_value"), (right, "right_value")):
        labels = [
            _label(stage.stage_name, delta)
            for stage in stages
            for delta in stage.metric_deltas
            if getattr(delta, has) is None
        ]
        if labels:
            notes.append(f"{run.run_ref} lacks what the other run has: {some(labels, 10)}")
    return notes


def _label(stage_name: str, delta: MetricDelta) -> str:
    name = delta.metric_key if stage_name == RUN_LEVEL else f"{stage_name}/{delta.metric_key}"
    return f"{name} for {delta.slice_ref}" if delta.slice_ref else name


def _run_notes(run: RunSummary) -> list[str]:
    notes = []
    if run.status == "open":
        notes.append(f"{run.run_ref} is still open: its metrics may change")
    elif run.status != "completed":
        notes.append(f"{run.run_ref} {run.status}: its metrics are what it reached before that")
    if not run.metrics:
        notes.append(f"{run.run_ref} has no metrics")
    return notes
