"""Findings of ``compare`` and ``diff``: metrics, stages and inputs of runs side by side."""

from __future__ import annotations

from typing import ClassVar

from pydantic import computed_field

from contexta.contract.aliases import alias
from contexta.contract.context import RUN_LEVEL
from contexta.contract.fields import Number, RunRef, Status
from contexta.findings.completeness_note import CompletenessNote
from contexta.findings.environments import Change, EnvironmentDiff
from contexta.findings.finding import Finding

SAME_RUN = "both sides are {}, so there is no difference"
"""The note of a comparison of a run with itself."""


class MetricDelta(Finding):
    """One metric on both sides."""

    metric_key: str
    left_value: Number | None
    right_value: Number | None
    delta: Number | None
    """right - left; None if a side is missing."""
    change_ratio: float | None
    """(right - left) / |left|; None if a side is missing or not finite, or if left is zero."""
    slice_ref: str | None = None
    stage_name: str = RUN_LEVEL

    @property
    def differs(self) -> bool:
        """Whether the sides differ. NaN equals NaN here."""
        left, right = self.left_value, self.right_value
        both_nan = left is not None and right is not None and left != left and right != right
        return left != right and not both_nan


class StageComparison(Finding):
    """One stage on both sides."""

    stage_name: str
    left_status: Status | None
    """None if the stage is missing, and for ``(run)``."""
    right_status: Status | None
    metric_deltas: tuple[MetricDelta, ...]


class RunComparison(Finding):
    """Two runs compared by stage and metric."""

    left_ref: RunRef
    right_ref: RunRef
    left_status: Status
    right_status: Status
    stage_comparisons: tuple[StageComparison, ...]
    artifact_changes: tuple[Change, ...] = ()
    """Artifacts that differ or that only one run has, by name: their digests, or their locations without digests."""
    completeness_notes: tuple[CompletenessNote, ...]

    left_run_id: ClassVar[RunRef] = alias("left_ref")
    right_run_id: ClassVar[RunRef] = alias("right_ref")

    @property
    def summary(self) -> str:
        """One sentence: how many metrics and artifacts differ."""
        deltas = [delta for stage in self.stage_comparisons for delta in stage.metric_deltas]
        differing = sum(delta.differs for delta in deltas)
        artifacts = len(self.artifact_changes)
        return (
            f"{self.left_ref.value} -> {self.right_ref.value}: {differing} of {len(deltas)} metrics differ, "
            f"{artifacts} artifact{'s differ' if artifacts != 1 else ' differs'}"
        )

    @computed_field  # type: ignore[prop-decorator]  # pydantic's documented order of the two decorators
    @property
    def differs(self) -> bool:
        """Whether any metric or the status of any stage differs."""
        return any(
            stage.left_status != stage.right_status or any(delta.differs for delta in stage.metric_deltas)
            for stage in self.stage_comparisons
        )


class MetricRow(Finding):
    """One metric over several runs."""

    stage_name: str
    metric_key: str
    values: tuple[Number | None, ...]
    """In the order of the runs; None for a run without the metric."""
    slice_ref: str | None = None


class MultiRunComparison(Finding):
    """Several runs side by side."""

    run_refs: tuple[RunRef, ...]
    run_names: tuple[str, ...]
    rows: tuple[MetricRow, ...]
    completeness_notes: tuple[CompletenessNote, ...]

    run_ids: ClassVar[tuple[RunRef, ...]] = alias("run_refs")

    @property
    def metric_table(self) -> dict[str, dict[str, Number | None]]:
        """Metric -> reference of the run -> value; None for a run without the metric.

        A metric of several stages appears as ``stage/metric``, and one of a slice as ``metric[slice]``.
        """
        stages: dict[str, set[str]] = {}
        for row in self.rows:
            stages.setdefault(row.metric_key, set()).add(row.stage_name)
        table = {}
        for row in self.rows:
            key = f"{row.metric_key}[{row.slice_ref}]" if row.slice_ref else row.metric_key
            name = key if len(stages[row.metric_key]) == 1 else f"{row.stage_name}/{key}"
            table[name] = dict(zip(map(str, self.run_refs), row.values, strict=True))
        return table


class InputComparison(Finding):
    """The inputs of two runs whose digests differ, or that only one run has."""

    changes: tuple[Change, ...] = ()
    unchanged_count: int = 0
    completeness_notes: tuple[CompletenessNote, ...] = ()


class RunDiff(Finding):
    """The result of ``contexta diff``: metrics, environments and inputs."""

    metrics: RunComparison
    environment: EnvironmentDiff
    inputs: InputComparison

    @computed_field  # type: ignore[prop-decorator]  # pydantic's documented order of the two decorators
    @property
    def differs(self) -> bool:
        return self.metrics.differs or self.environment.differs or bool(self.inputs.changes)
