"""Every answer Contexta gives, as frozen values.

The same value is what a method returns, what a screen renders, and what ``--json`` prints; faces compute nothing.
"""

from __future__ import annotations

from typing import Literal

from pydantic import ConfigDict, Field, computed_field

from contexta.contract.context import RUN_LEVEL, Project, Run
from contexta.contract.environment import Note
from contexta.contract.fields import (
    EnvironmentRef,
    FrozenDict,
    JsonMap,
    Number,
    RunRef,
    Status,
    Timestamp,
)
from contexta.scalars import to_microseconds
from contexta.values import Value

SAME_RUN = "both sides are {}, and a run does not differ from itself"
"""The note of a comparison of a run with itself."""


class Finding(Value):
    """An answer. Its JSON reads back, also when it holds fields that only a newer Contexta knows."""

    model_config = ConfigDict(extra="ignore")


# ---------------------------------------------------------------------------------------------- runs


class MetricValue(Finding):
    """The last value of one metric, by step, then time. ``slice_ref`` is set for a value of one slice of the data."""

    metric_key: str
    value: Number
    step: int | None = None
    observed_at: Timestamp
    slice_ref: str | None = None
    points: int = 1


class StageSummary(Finding):
    """One stage of a run with its metrics, by key. ``status`` is None for what belongs to the run itself."""

    stage_name: str
    status: Status | None
    started_at: Timestamp | None = None
    ended_at: Timestamp | None = None
    metrics: tuple[MetricValue, ...] = ()


class EnvironmentSummary(Finding):
    """What a run's environment is, in one line."""

    environment_snapshot_ref: EnvironmentRef
    captured_at: Timestamp
    python_version: str
    platform: str
    package_count: int


class RunSummary(Run):
    """A run and where its metrics ended.

    stages: in order; the run's own metrics come first, under the name ``(run)``.
    """

    model_config = ConfigDict(extra="ignore")  # as every finding

    stages: tuple[StageSummary, ...] = ()

    @computed_field  # type: ignore[prop-decorator]  # pydantic's documented order of the two decorators
    @property
    def metrics(self) -> dict[str, Number]:
        """Metric name -> its last value in whichever stage logged it last; slices are left out."""
        last: dict[str, MetricValue] = {}
        for stage in self.stages:
            for metric in stage.metrics:
                known = last.get(metric.metric_key)
                if metric.slice_ref is None and (known is None or known.observed_at <= metric.observed_at):
                    last[metric.metric_key] = metric
        return {key: last[key].value for key in sorted(last)}

    @computed_field  # type: ignore[prop-decorator]  # as above
    @property
    def duration_seconds(self) -> float | None:
        """From start to end; None while the run is open."""
        if self.ended_at is None:
            return None
        return (to_microseconds(self.ended_at) - to_microseconds(self.started_at)) / 1e6


class RunDetails(RunSummary):
    """Everything stored about a run but its environment's body and its single points."""

    params: JsonMap = Field(default_factory=FrozenDict)
    environment: EnvironmentSummary | None = None
    notes: tuple[Note, ...] = ()


class ProjectSummary(Project):
    """A project and how much is in it."""

    model_config = ConfigDict(extra="ignore")  # as every finding

    run_count: int
    last_run_at: Timestamp | None


# ---------------------------------------------------------------------------------------------- comparisons


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


class Change(Finding):
    """One thing that differs between two environments; None stands for absent."""

    key: str
    left_value: str | None
    right_value: str | None

    def __str__(self) -> str:
        left = "absent" if self.left_value is None else self.left_value
        right = "absent" if self.right_value is None else self.right_value
        return f"{self.key}: {left} -> {right}"


class PackageChange(Change):
    """A package whose version differs, or that only one side has.

    direction: None where a side is absent or a version is not PEP 440. size: the first part of the version that
    differs. imported: whether either run imported it; None where that was not recorded. requested: whether it was asked
    for by name when it was installed, rather than pulled in by another package; None where that was not recorded.
    """

    direction: Literal["upgrade", "downgrade"] | None = None
    size: Literal["major", "minor", "patch", "pre-release", "post-release", "local"] | None = None
    imported: bool | None = None
    requested: bool | None = None


class EnvironmentDiff(Finding):
    """What differs between the environments of two runs. Changes are ordered by key.

    With a snapshot missing on either side every list is empty and a note says so: unknown is not a change. So it is
    with what a hand-written snapshot lacks: builds, origins, interpreter, machine and native libraries are compared
    where both sides recorded them.

    build_changes: the same version from other bytes (digests of RECORD). origin_changes: the same from elsewhere.
    machine_changes: accelerators among them. native_changes: numeric libraries and what frameworks say of themselves.
    """

    left_ref: RunRef
    right_ref: RunRef
    left_python_version: str | None
    right_python_version: str | None
    python_version_changed: bool
    left_platform: str | None
    right_platform: str | None
    platform_changed: bool
    added_packages: tuple[PackageChange, ...] = ()
    removed_packages: tuple[PackageChange, ...] = ()
    changed_packages: tuple[PackageChange, ...] = ()
    unchanged_package_count: int = 0
    build_changes: tuple[Change, ...] = ()
    origin_changes: tuple[Change, ...] = ()
    interpreter_changes: tuple[Change, ...] = ()
    machine_changes: tuple[Change, ...] = ()
    native_changes: tuple[Change, ...] = ()
    added_variables: tuple[Change, ...] = ()
    removed_variables: tuple[Change, ...] = ()
    changed_variables: tuple[Change, ...] = ()
    completeness_notes: tuple[str, ...] = ()

    @property
    def differs(self) -> bool:
        return (
            self.python_version_changed
            or self.platform_changed
            or bool(
                self.package_changes
                or self.variable_changes
                or self.build_changes
                or self.origin_changes
                or self.interpreter_changes
                or self.machine_changes
                or self.native_changes
            )
        )

    @property
    def package_changes(self) -> tuple[PackageChange, ...]:
        """Changed, added and removed packages."""
        return self.changed_packages + self.added_packages + self.removed_packages

    @property
    def variable_changes(self) -> tuple[Change, ...]:
        """Changed, added and removed variables."""
        return self.changed_variables + self.added_variables + self.removed_variables


class RunDiff(Finding):
    """What ``contexta diff`` shows: how the metrics moved, and what moved with them."""

    metrics: RunComparison
    environment: EnvironmentDiff

    @computed_field  # type: ignore[prop-decorator]  # as above
    @property
    def differs(self) -> bool:
        return self.metrics.differs or self.environment.differs


# ---------------------------------------------------------------------------------------------- audit

CheckStatus = Literal["pass", "warn", "fail", "unknown"]


class Check(Finding):
    """One thing that reproducing a run needs. ``fix`` says how to get it; None where nothing is to be done."""

    name: str
    status: CheckStatus
    detail: str
    fix: str | None = None


class Audit(Finding):
    """How far a run's environment could be rebuilt from what was recorded.

    reproducibility_status: ``missing`` without a snapshot; ``complete`` when every check that matters for rebuilding
    passes; else ``partial``.
    """

    run_ref: RunRef
    python_version: str | None
    platform: str | None
    package_count: int
    environment_variable_count: int
    reproducibility_status: Literal["complete", "partial", "missing"]
    checks: tuple[Check, ...]
    completeness_notes: tuple[str, ...]


__all__ = [
    "RUN_LEVEL",
    "Audit",
    "Change",
    "Check",
    "CheckStatus",
    "EnvironmentDiff",
    "EnvironmentSummary",
    "MetricDelta",
    "MetricRow",
    "MetricValue",
    "MultiRunComparison",
    "PackageChange",
    "ProjectSummary",
    "RunComparison",
    "RunDetails",
    "RunDiff",
    "RunSummary",
    "StageComparison",
    "StageSummary",
]
