"""What is known of projects and runs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

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
from contexta.core.errors import ContextaError
from contexta.core.validation import to_microseconds
from contexta.findings.finding import Finding

if TYPE_CHECKING:
    import pandas

if TYPE_CHECKING:
    pass


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
    params: JsonMap = Field(default_factory=FrozenDict)

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


class RunList(tuple[RunSummary, ...]):
    """Runs in the order that was asked for; a tuple of RunSummary that also becomes a table.

    notes: what was asked for and no run knows, such as a misspelt metric.
    """

    notes: tuple[str, ...] = ()

    @classmethod
    def of(cls, runs: Iterable[RunSummary], notes: Iterable[str] = ()) -> RunList:
        made = cls(runs)
        made.notes = tuple(notes)
        return made

    def to_pandas(self) -> pandas.DataFrame:
        """One row a run, indexed by its reference without ``run:``; columns ``metrics.NAME``, ``params.NAME`` and
        ``tags.NAME`` beside its fields. Moments are in UTC. Raises ContextaError where pandas is not installed."""
        try:
            import pandas
        except ImportError:
            raise ContextaError(
                "to_pandas needs pandas, which is not installed", hint="uv pip install pandas"
            ) from None
        rows = [_flat(run) for run in self]
        columns = list(_PLAIN) + sorted({name for row in rows for name in row} - set(_PLAIN))
        table = pandas.DataFrame(rows, columns=columns, index=[run.run_ref.value for run in self])
        for moment in ("started_at", "ended_at"):
            table[moment] = pandas.to_datetime([_as_datetime(getattr(run, moment)) for run in self], utc=True)
        table.index.name = "run"
        return table


_PLAIN = ("project", "name", "status", "started_at", "ended_at", "duration_seconds")


def _as_datetime(text: str | None) -> datetime | None:
    """A timestamp as every pandas reads it: before 2.0 none knew ISO 8601 with and without fractions in one column."""
    return None if text is None else datetime.fromisoformat(text.replace("Z", "+00:00"))


def _flat(run: RunSummary) -> dict[str, Any]:
    fields = {name: getattr(run, name) for name in _PLAIN[1:]}
    of_names = {"metrics": run.metrics, "params": run.params, "tags": run.tags}
    named = {f"{kind}.{name}": value for kind, values in of_names.items() for name, value in values.items()}
    return {"project": run.project_ref.value, **fields, **named}


class RunDetails(RunSummary):
    """Everything stored about a run but its environment's body and its single points."""

    part_of: RunRef | None = Field(default=None, description="the run in whose process this one began")
    parts: tuple[RunRef, ...] = Field(default=(), description="the runs that began in processes of this one")
    environment: EnvironmentSummary | None = None
    artifacts: tuple[Artifact, ...] = ()
    notes: tuple[Note, ...] = ()


def lost_records(run: Run) -> str | None:
    """How many records of a run could not be kept, and why, in words; None where all were."""
    lost = run.metadata.get("lost_records")
    if not isinstance(lost, Mapping) or not {"count", "first", "reasons"} <= set(lost):
        return None
    were = "record was" if lost["count"] == 1 else "records were"
    one = len(lost["reasons"]) == 1
    why = ", ".join(why if one else f"{why} ({count})" for why, count in lost["reasons"].items())
    return f"{lost['count']} {were} not kept: {why}; the first was {lost['first']}"


class ProjectSummary(Project, Finding):
    """A project and how much is in it."""

    run_count: int
    last_run_at: Timestamp | None
