"""How runs compare."""

from __future__ import annotations

from pydantic import computed_field

from contexta.contract.fields import Number, RunRef, Status
from contexta.findings.environments import Change, EnvironmentDiff
from contexta.findings.finding import Finding

SAME_RUN = "both sides are {}, and a run does not differ from itself"
"""The note of a comparison of a run with itself."""


class MetricDelta(Finding):
    """One metric on both sides. ``delta`` is right - left, ``change_ratio`` is (right - left) / |left|.

    Both are None where a side is missing; the ratio also where left is zero or either is not finite.
    """

    metric_key: str
    left_value: Number | None
    right_value: Number | None
    delta: Number | None
    change_ratio: float | None
    slice_ref: str | None = None

    @property
    def differs(self) -> bool:
        """Whether the two sides differ; NaN equals NaN here, as nothing changed."""
        left, right = self.left_value, self.right_value
        both_nan = left is not None and right is not None and left != left and right != right
        return left != right and not both_nan


class StageComparison(Finding):
    """One stage name on both sides. A status is None where the stage is missing, or for ``(run)``."""

    stage_name: str
    left_status: Status | None
    right_status: Status | None
    metric_deltas: tuple[MetricDelta, ...]


class RunComparison(Finding):
    """Two runs, stage by stage, metric by metric."""

    left_ref: RunRef
    right_ref: RunRef
    left_status: Status
    right_status: Status
    stage_comparisons: tuple[StageComparison, ...]
    completeness_notes: tuple[str, ...]

    @computed_field  # type: ignore[prop-decorator]  # as above
    @property
    def differs(self) -> bool:
        """Whether any metric or the status of any stage differs."""
        return any(
            stage.left_status != stage.right_status or any(delta.differs for delta in stage.metric_deltas)
            for stage in self.stage_comparisons
        )


class MetricRow(Finding):
    """One metric over several runs; None where a run lacks it. Values are in the order of the runs."""

    stage_name: str
    metric_key: str
    values: tuple[Number | None, ...]
    slice_ref: str | None = None


class MultiRunComparison(Finding):
    """Several runs side by side."""

    run_refs: tuple[RunRef, ...]
    rows: tuple[MetricRow, ...]
    completeness_notes: tuple[str, ...]


class InputComparison(Finding):
    """Whether two runs read the same: a change for each input whose content differs, or that only one side read."""

    changes: tuple[Change, ...] = ()
    unchanged_count: int = 0
    completeness_notes: tuple[str, ...] = ()


class RunDiff(Finding):
    """What ``contexta diff`` shows: how the metrics moved, and what moved with them."""

    metrics: RunComparison
    environment: EnvironmentDiff
    inputs: InputComparison

    @computed_field  # type: ignore[prop-decorator]  # as above
    @property
    def differs(self) -> bool:
        return self.metrics.differs or self.environment.differs or bool(self.inputs.changes)
