"""What is known of projects and runs."""

from __future__ import annotations

from pydantic import Field, computed_field

from contexta.contract.context import Project, Run
from contexta.contract.environment import Note
from contexta.contract.fields import (
    ArtifactRef,
    EnvironmentRef,
    FrozenDict,
    JsonMap,
    Number,
    RunRef,
    Status,
    Timestamp,
)
from contexta.findings.finding import Finding
from contexta.scalars import to_microseconds


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


class RunSummary(Run, Finding):
    """A run and where its metrics ended.

    stages: in order; the run's own metrics come first, under the name ``(run)``.
    """

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


class Artifact(Finding):
    """A file or directory that a run read (kind ``input``), made, or wrote as its output (kind ``log``).

    digest: of what it holds: ``sha256:`` of a file, ``tree-sha256:`` of a directory, ``sampled-sha256:`` where only a
    sample was read; None where nothing was. kept: whether the workspace holds its bytes; else it lies at ``location``.
    """

    artifact_ref: ArtifactRef
    name: str
    kind: str
    created_at: Timestamp
    location: str
    digest: str | None = None
    size_bytes: int | None = None
    kept: bool = False
    attributes: JsonMap = Field(default_factory=FrozenDict)


class Log(Finding):
    """What a command wrote to one of its outputs; ``output`` is both, where both were a terminal.

    text: what was kept, with a line in it that says what was left out. bytes_written: how much there was.
    """

    run_ref: RunRef
    stream: str
    text: str
    bytes_written: int


class RunDetails(RunSummary):
    """Everything stored about a run but its environment's body and its single points."""

    params: JsonMap = Field(default_factory=FrozenDict)
    environment: EnvironmentSummary | None = None
    artifacts: tuple[Artifact, ...] = ()
    notes: tuple[Note, ...] = ()


class ProjectSummary(Project, Finding):
    """A project and how much is in it."""

    run_count: int
    last_run_at: Timestamp | None
