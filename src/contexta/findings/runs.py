"""Findings about projects and runs: summaries, details, logs and artifacts."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field, computed_field

from contexta.contract.aliases import alias
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
from contexta.core.validation import to_microseconds
from contexta.findings.kinds.completeness_note import CompletenessNote
from contexta.findings.kinds.finding import Finding, Tabular
from contexta.findings.kinds.text_finding import TextFinding
from contexta.findings.snapshots import SnapshotRecord

if TYPE_CHECKING:
    pass


PRINTED = "metrics_from_output"
"""Key of the metadata of a run: the metrics that were read from the output of its command."""

UNCERTAIN_METRICS = "uncertain_metrics"
"""Key of the metadata of a run: the metrics that several of its processes printed with different values for one step.
Their printed values are not metrics of the run."""

PARAM_SOURCES = "param_sources"
"""Key of the metadata of a run: name of a parameter that the program did not log -> where the recorder read it."""

PARAM_OPTIONS = "param_options"
"""Key of the metadata of a run: name of a parameter -> the option of the program that sets it, such as ``--lr``."""

MIRRORED = "mirrored_from"
"""Key of the metadata of a run: the trackers whose values it took over while the program logged to them, each with its
runs, such as ``wandb (offline-run-20260101_120000-ab12cd34)``."""

TRACKER_RUNS = "tracker_runs"
"""Key of the metadata of a run: the identities of the runs in ``mirrored_from``, such as ``wandb RUN-DIRECTORY`` or
``mlflow RUN-ID``. ``import`` recognises them."""

IMPORTED = "imported_from"
"""Key of the metadata of a run: the tool that recorded it, as a mapping with ``tool``, ``version`` and ``path``. Only a
run that was imported has it."""

IMPORT_TOPIC = "import"
"""Topic of the notes of an imported run and of its environment."""


SETTINGS = "settings"
"""Key of the metadata of a run: its effective settings, by names such as ``KMeans.n_init``. Each is a mapping with
``value``, ``default`` (whether it is the default of the library) and ``package``."""


class MetricValue(Finding):
    """The last value of one metric, by step, then time."""

    metric_key: str
    value: Number
    step: int | None = None
    observed_at: Timestamp
    slice_ref: str | None = None
    points: int = 1
    origin: Literal["output"] | None = None
    """``output`` if it was read from the output of the command; None if the program logged it."""


class StageSummary(Finding):
    """One stage of a run with its metrics, by key."""

    stage_name: str
    status: Status | None
    """None for ``(run)``, the metrics of the run itself."""
    started_at: Timestamp | None = None
    ended_at: Timestamp | None = None
    metrics: tuple[MetricValue, ...] = ()

    name: ClassVar[str] = alias("stage_name")


class EnvironmentSummary(Finding):
    """A summary of the environment of a run."""

    environment_snapshot_ref: EnvironmentRef
    captured_at: Timestamp
    python_version: str
    platform: str
    package_count: int


class RunSummary(Run, Finding):
    """A run with the last values of its metrics."""

    stages: tuple[StageSummary, ...] = ()
    """In order, after the metrics of the run itself under the name ``(run)``."""
    params: JsonMap = Field(default_factory=FrozenDict)
    content_digest: str | None = Field(
        default=None, description="sha256 of everything recorded of the run, in canonical form; None while it is open"
    )
    recorded_name: str | None = None
    """The name before it was renamed; None if it was not."""
    note: str | None = None
    """The text that a person wrote about the run."""
    archived: bool = False
    """Whether lists leave it out."""
    pinned: bool = False
    """Whether `gc` and `delete` keep it."""

    @property
    def label(self) -> str:
        """``project.name`` of a renamed run, else its reference without ``run:``."""
        return self.run_ref.value if self.recorded_name is None else f"{self.run_ref.components[0]}.{self.name}"

    @property
    def selector(self) -> str:
        """The current name for a command line, quoted where a shell needs it."""
        return shlex.quote(self.run_ref.name if self.recorded_name is None else self.name)

    @computed_field  # type: ignore[prop-decorator]  # pydantic's documented order of the two decorators
    @property
    def metrics(self) -> dict[str, Number]:
        """Metric key -> the last value, from the stage that logged it last. Without slices."""
        last: dict[str, MetricValue] = {}
        for stage in self.stages:
            for metric in stage.metrics:
                earlier = last.get(metric.metric_key)
                if metric.slice_ref is None and (earlier is None or earlier.observed_at <= metric.observed_at):
                    last[metric.metric_key] = metric
        return {key: last[key].value for key in sorted(last)}

    @property
    def param_sources(self) -> dict[str, str]:
        """Where each parameter is from: ``program``, ``argparse``, ``click``, ``absl``, ``command line``, or a file."""
        sources = self.metadata.get(PARAM_SOURCES)
        context = sources if isinstance(sources, Mapping) else {}
        return {name: str(context.get(name, "program")) for name in self.params}

    @computed_field  # type: ignore[prop-decorator]  # as above
    @property
    def duration_seconds(self) -> float | None:
        """From the start to the end; None while the run is open."""
        if self.ended_at is None:
            return None
        return (to_microseconds(self.ended_at) - to_microseconds(self.started_at)) / 1e6


class Artifact(Finding):
    """A file or directory that a run read or wrote."""

    artifact_ref: ArtifactRef
    name: str
    kind: str
    """``input`` for a file that the run read, ``log`` for its output."""
    created_at: Timestamp
    location: str
    digest: str | None = None
    """``sha256:`` of a file, ``tree-sha256:`` of a directory, ``sampled-sha256:`` of a sample; None if not read."""
    size_bytes: int | None = None
    kept: bool = False
    """Whether the workspace has a copy. Otherwise it is only at ``location``."""
    attributes: JsonMap = Field(default_factory=FrozenDict)

    artifact_id: ClassVar[ArtifactRef] = alias("artifact_ref")
    artifact_kind: ClassVar[str] = alias("kind")
    location_ref: ClassVar[str] = alias("location")
    hash_value: ClassVar[str | None] = alias("digest")


class RecordedProcess(Finding):
    """One process that wrote to the journal of a run."""

    pid: int | None
    parent: int | None
    rank: int | None
    """Its rank in a distributed job; None outside of one."""
    first_at: Timestamp | None
    """The time of its first record."""
    last_at: Timestamp | None
    points: int
    """The number of its points of metrics."""
    ended: bool


class Log(Finding):
    """The output of a command."""

    run_ref: RunRef
    stream: str
    """``stdout``, ``stderr``, or ``output`` if both were one terminal."""
    text: str
    """The stored text, with a line that marks an omitted part."""
    bytes_written: int
    """The size of the complete output."""


class Excerpt(Finding):
    """A part of a stored text, for reading."""

    title: str
    """What the text is: ``stdout``, ``uncommitted changes``."""
    text: str
    """Without control sequences."""
    lines: int
    """The number of lines of the whole text."""
    omitted_lines: int = 0
    """The number of lines that are left out: at the start of a log, at the end of a patch."""
    is_unfinished: bool = False
    """Whether this is the latest output of a command that has not ended, or whose recorder was killed. Then ``lines``
    counts the lines of ``text`` only."""


class RunEvidence(Finding):
    """The uncommitted changes and the output of a run."""

    run_ref: RunRef
    patch: Excerpt | None = None
    patched_files: tuple[str, ...] = ()
    outputs: tuple[Excerpt, ...] = ()
    completeness_notes: tuple[CompletenessNote, ...] = ()
    """Why a stored text cannot be read."""


class RunList(Tabular, tuple[RunSummary, ...]):
    """A tuple of run summaries that converts to a table."""

    notes: tuple[str, ...] = ()
    """Names in the query that no run has, such as a misspelled metric."""

    def _repr_html_(self) -> str:
        """A table for notebooks. The reports are in a higher layer, so they are imported when they are needed."""
        return str(import_module("contexta.reports").to_html_fragment(self))

    @classmethod
    def of(cls, runs: Iterable[RunSummary], notes: Iterable[str] = ()) -> RunList:
        """The list with its notes."""
        result = cls(runs)
        result.notes = tuple(notes)
        return result

    def _table(self) -> tuple[list[str], list[Mapping[str, Any]]]:
        """A row per run: its fields, ``metrics.NAME``, ``params.NAME`` and ``tags.NAME``."""
        rows = [_flat(run) for run in self]
        return [*_COLUMNS, *sorted({name for row in rows for name in row} - set(_COLUMNS))], rows


_COLUMNS = ("run", "project", "name", "status", "started_at", "ended_at", "duration_seconds")


def _flat(run: RunSummary) -> Mapping[str, Any]:
    fields = {name: getattr(run, name) for name in _COLUMNS[2:]}
    tables = {"metrics": run.metrics, "params": run.params, "tags": run.tags}
    named = {f"{kind}.{name}": value for kind, values in tables.items() for name, value in values.items()}
    return {"run": run.run_ref.value, "project": run.project_ref.value, **fields, **named}


class GroupedMetric(Finding):
    """The last values of one metric over the runs of a group."""

    metric_key: str
    mean: float
    standard_deviation: float | None
    """None for fewer than two values, and beyond the range of floats."""
    n: int
    """The number of values that are finite floats."""


class RunGroup(Finding):
    """Runs that have something in common."""

    name: str
    """The common start of the names of the runs, or the name of the only one."""
    runs: tuple[RunSummary, ...]
    """In the order of the list."""
    seeds: tuple[str, ...] = ()
    """The different seeds of the runs that are recorded as parameters."""
    metrics: tuple[GroupedMetric, ...] = ()
    """By key; those with a finite value."""

    def metric(self, key: str) -> GroupedMetric | None:
        return next((metric for metric in self.metrics if metric.metric_key == key), None)


class RunGroups(Finding):
    """A list of runs in groups."""

    by: str
    """``repeats``, ``params``, ``environment``, ``tag:NAME`` or ``param:NAME``."""
    groups: tuple[RunGroup, ...]
    run_count: int
    """The number of runs in the groups."""
    next_after: RunRef | None = None
    """The last grouped run, after which the next page begins; None if all matching runs were grouped."""
    notes: tuple[str, ...] = ()
    """Names in the query that no run has."""


class RunDetails(RunSummary):
    """Everything about a run except the packages of its environment and the points of its series."""

    part_of: RunRef | None = None
    """The run whose process started this run."""
    parts: tuple[RunRef, ...] = ()
    """The runs that the processes of this run started."""
    environment: EnvironmentSummary | None = None
    artifacts: tuple[Artifact, ...] = ()
    events: tuple[SnapshotRecord, ...] = ()
    """The last 1 000 events and degradations, in order of arrival."""
    event_count: int = 0
    """The number of all events and degradations."""
    notes: tuple[Note, ...] = ()


def lost_records(run: Run) -> str | None:
    """A sentence about the records of a run that could not be stored; None if there are none."""
    lost = run.metadata.get("lost_records")
    if not isinstance(lost, Mapping) or not {"count", "first", "reasons"} <= set(lost):
        return None
    records = "record" if lost["count"] == 1 else "records"
    has_one_reason = len(lost["reasons"]) == 1
    reasons = ", ".join(why if has_one_reason else f"{why} ({count})" for why, count in lost["reasons"].items())
    return f"{lost['count']} {records} could not be stored: {reasons}; the first was {lost['first']}"


def imported_from(metadata: Mapping[str, Any]) -> str | None:
    """The tool that recorded an imported run, such as ``W&B 0.31.0``; None for any other run."""
    origin = metadata.get(IMPORTED)
    if not isinstance(origin, Mapping):
        return None
    return " ".join(str(part) for part in (origin.get("tool"), origin.get("version")) if part) or "another tool"


class ProjectSummary(Project, Finding):
    """A project with the number of its runs."""

    run_count: int
    last_run_at: Timestamp | None


class ListedProject(TextFinding):
    """The name of a project, with the fields of ``ProjectSummary``."""

    model = ProjectSummary

    @classmethod
    def text_of(cls, finding: ProjectSummary) -> str:
        return finding.name
