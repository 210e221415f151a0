"""Findings of ``compare`` and ``diff``: the metrics of runs side by side, and everything else that differs."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import computed_field

from contexta.contract.aliases import alias
from contexta.contract.context import RUN_LEVEL
from contexta.contract.fields import Number, RunRef, Status, TextMap, Timestamp
from contexta.findings.environments import Change, EnvironmentDiff, Kind, UnknownAspect, name_of
from contexta.findings.kinds.completeness_note import CompletenessNote
from contexta.findings.kinds.finding import Finding, FindingAboutRuns

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
    left_origin: Literal["output"] | None = None
    """``output`` if the left value was read from the output of the command."""
    right_origin: Literal["output"] | None = None
    """As ``left_origin``, of the right value."""

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


class RunDifference(Finding):
    """One difference between runs besides their metrics, with the value of each run."""

    kind: Kind
    key: str
    values: tuple[str | None, ...]
    """In the order of the runs; None for a run without it, and for a run that did not record it."""
    recorded: tuple[bool, ...]
    """In the order of the runs: whether the run recorded it. Otherwise its value is unknown."""

    @property
    def name(self) -> str:
        """``torch``, ``parameter lr``."""
        return name_of(self.kind, self.key)


class RunComparison(FindingAboutRuns):
    """Two runs compared by stage and metric, and what changed between them."""

    left_ref: RunRef
    right_ref: RunRef
    left_status: Status
    right_status: Status
    stage_comparisons: tuple[StageComparison, ...]
    artifact_changes: tuple[Change, ...] = ()
    """Artifacts that differ or that only one run has, by name: their digests, or their locations without digests."""
    completeness_notes: tuple[CompletenessNote, ...]
    differences: tuple[RunDifference, ...] | None = None
    """What changed besides metrics. None where only metrics were compared, as inside a ``RunDiff``."""
    unknowns: tuple[UnknownAspect, ...] = ()
    """What one side or both did not record, so that it may have changed."""

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


class MultiRunComparison(FindingAboutRuns):
    """Several runs side by side."""

    run_refs: tuple[RunRef, ...]
    run_names: tuple[str, ...]
    rows: tuple[MetricRow, ...]
    completeness_notes: tuple[CompletenessNote, ...]
    differences: tuple[RunDifference, ...] | None = None
    """What changed besides metrics. None where only metrics were compared."""

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


class ValueComparison(Finding):
    """One part of the records of two runs, by name: parameters, command, inputs."""

    changes: tuple[Change, ...] = ()
    unchanged_count: int = 0
    unknown: str | None = None
    """Why the part cannot be compared; None if it was compared."""
    completeness_notes: tuple[CompletenessNote, ...] = ()


class SettingChange(Change):
    """An effective setting of a library that differs, such as ``KMeans.n_init``."""

    package: str | None = None
    """The distribution whose class has the setting; None if unknown."""
    is_default: bool = False
    """Whether both runs used the default of their release."""


class CommitSummary(Finding):
    """One commit between two runs."""

    commit: str
    committed_at: Timestamp
    subject: str


class ChangedFile(Finding):
    """One file of the source that differs."""

    path: str
    committed: bool
    """Whether it differs between the two commits."""
    added: int | None = None
    """The number of added lines between the commits; None for a binary file, and if no commit changed it."""
    deleted: int | None = None
    uncommitted_left: bool = False
    """Whether the left run had uncommitted changes in it."""
    uncommitted_right: bool = False


class CodeComparison(Finding):
    """The source of two runs: commits, files and uncommitted changes."""

    left_commit: str | None = None
    right_commit: str | None = None
    left_uncommitted: bool | None = None
    """Whether the left run had uncommitted changes; None if it has no commit."""
    right_uncommitted: bool | None = None
    differs: bool | None = None
    """None if unknown."""
    unknown: str | None = None
    """Why the source, or the uncommitted changes, cannot be compared; None if they were."""
    commits: tuple[CommitSummary, ...] = ()
    """The commits that only the right side has, the latest first; at most 200."""
    commits_ahead: int | None = None
    """The number of commits that only the right side has; None if unknown."""
    commits_behind: int | None = None
    """The number of commits that only the left side has; None if unknown."""
    files: tuple[ChangedFile, ...] = ()
    unknown_commits: str | None = None
    """Why the commits and the files between them are unknown; None if they are known."""


class RunDiff(Finding):
    """The result of ``contexta diff``: every difference between two runs."""

    metrics: RunComparison
    environment: EnvironmentDiff
    inputs: ValueComparison
    params: ValueComparison
    command: ValueComparison
    code: CodeComparison
    settings: tuple[SettingChange, ...] = ()
    """Effective settings of libraries that both sides recorded, with different values."""
    unknowns: tuple[UnknownAspect, ...] = ()
    """What one side or both did not record, so that it may have changed."""
    completeness_notes: tuple[CompletenessNote, ...] = ()

    @computed_field  # type: ignore[prop-decorator]  # pydantic's documented order of the two decorators
    @property
    def differs(self) -> bool:
        """Whether anything that both sides recorded differs."""
        values = (self.params, self.command, self.inputs)
        return (
            self.metrics.differs
            or self.environment.differs
            or self.code.differs is True
            or bool(self.settings)
            or any(part.changes for part in values)
        )


NOT_INSTALLED = "not installed here"
"""The reason of a package whose metadata only the index may have."""


class ChangedRelease(Change):
    """A package whose version differs, with the address of its release notes."""

    url: str | None = None
    label: str | None = None
    """What the address shows: ``release notes``, ``releases``, ``source`` or ``home page``."""
    source: Literal["installed", "index"] | None = None
    """Where the metadata with the address was read."""
    reason: str | None = None
    """Why there is no address."""


class SideVersions(Finding):
    """The versions of one side of a comparison."""

    run_ref: RunRef
    versions: TextMap
    """Python, the platform, and the packages that a run imported or that differ, by name."""
    others: int
    """The number of other packages."""


class IssueDraft(FindingAboutRuns):
    """A text for the issue tracker of a package: what changed, and the versions of both sides."""

    old: SideVersions
    new: SideVersions
    metrics: tuple[MetricDelta, ...] = ()
    """The metrics that differ."""
    changes: tuple[ChangedRelease, ...] = ()
    completeness_notes: tuple[CompletenessNote, ...] = ()
