"""Findings of ``why``: whether a metric moved, what changed, the suspects, and the next steps."""

from __future__ import annotations

from typing import Literal

from contexta.contract.fields import Number, RunRef, Timestamp
from contexta.findings.environments import EnvironmentDiff, Kind, UnknownAspect, name_of
from contexta.findings.kinds.completeness_note import CompletenessNote
from contexta.findings.kinds.finding import Finding, FindingAboutRuns

Better = Literal["higher", "lower"]


class Repeats(Finding):
    """The run of one side and its repeats with other seeds."""

    run_refs: tuple[RunRef, ...]
    """The run that the user named comes first."""
    values: tuple[Number, ...]
    mean: float | None
    """Of the finite values; None if the named run has no finite value."""
    spread: float | None
    """The standard deviation of the finite values; None for fewer than two."""


class MetricShift(Finding):
    """One metric on both sides, and whether the difference is significant."""

    stage_name: str
    metric_key: str
    better: Better | None
    better_from: Literal["name", "configuration", "argument"] | None
    """The origin of ``better``: the table of well-known names, the configuration or an argument."""
    old: Repeats
    new: Repeats
    change: float | None
    change_ratio: float | None
    worse: bool | None
    """None if the direction of the metric or the change is unknown."""
    verdict: Literal["real", "not_shown", "unknown", "same"]
    """``real``: significant. ``not_shown``: not significant. ``unknown``: too few runs for a test. ``same``: equal."""
    why: str
    """The reason of the verdict."""
    test: Literal["permutation", "welch", "one_more", "repeats"] | None = None
    """``one_more`` compares one run with repeats. ``repeats`` compares two sides that do not vary."""
    p_value: float | None = None
    p_adjusted: float | None = None
    """Corrected for the number of tested metrics (Holm)."""
    low: float | None = None
    """The lower limit of the 95 % confidence interval of the change."""
    high: float | None = None
    effect_size: float | None = None
    """Hedges' g."""
    smallest_seen: float | None = None
    """The smallest true change that these repeats detect with a power of 80 %."""
    usual_spread: float | None = None
    """The run-to-run standard deviation, from all repeats in the project."""
    usual_runs: int = 0
    """The number of these repeats."""
    repeats_needed: int | None = None
    """The number of runs per side that would detect a change of this size."""


class Evidence(Finding):
    """One factor in the score of a suspect."""

    name: str
    text: str
    weight: float
    reason: str


class Difference(Finding):
    """One difference between two runs; None means absent."""

    kind: Kind
    key: str
    left_value: str | None
    right_value: str | None
    imported: bool | None = None
    """Whether a run imported the package; None if unknown."""
    reached: tuple[str, ...] | None = None
    """The chain of requirements from a package that the program imports; None if unknown."""
    requested: bool | None = None
    """Whether the package was installed by name, not as a dependency; None if unknown."""
    jump: str | None = None
    """The step between the versions: ``major upgrade``."""
    numeric: bool | None = None
    """Whether the package computes results; None for other kinds."""
    changed_defaults: tuple[str, ...] = ()
    """Settings of the package whose default both runs used, with different values: ``KMeans.n_init 10 -> auto``."""
    defaults_without_effect: tuple[str, ...] = ()
    """Such settings that cannot change a result, with the reason: renamed, deprecated, or switched off by another."""
    moved_with: tuple[str, ...] = ()
    """The differences that changed together with this one in every recorded run."""

    @property
    def name(self) -> str:
        """``torch``, ``parameter lr``: the key, with the kind unless it is a package."""
        return name_of(self.kind, self.key)

    def __str__(self) -> str:
        left = "absent" if self.left_value is None else self.left_value
        right = "absent" if self.right_value is None else self.right_value
        return f"{self.name}: {left} -> {right}"


class Suspect(Finding):
    """A difference that may be the cause. A ranking of suspects is a hypothesis."""

    rank: int
    """1 is the first; equal scores share a rank."""
    kind: Kind
    key: str
    left_value: str | None
    right_value: str | None
    score: float
    """The product of the weights of the evidence, as a share of the sum over all suspects."""
    evidence: tuple[Evidence, ...]
    moved_with: tuple[str, ...] = ()
    """As in ``Difference``."""

    @property
    def name(self) -> str:
        """As in ``Difference``."""
        return name_of(self.kind, self.key)


class HistoryPoint(Finding):
    """The metric in one run of the project."""

    run_ref: RunRef
    started_at: Timestamp
    value: Number
    level: float
    """The mean of the segment of runs."""
    changed: tuple[str, ...] = ()
    """The recorded differences from the previous run."""


class LevelChange(Finding):
    """A change of the metric's level between two consecutive runs."""

    last_before: RunRef
    first_after: RunRef
    change: float
    low: float | None
    """The lower limit of the 95 % confidence interval; None with fewer than two runs on a side."""
    high: float | None
    before: int
    """The number of runs on the level before."""
    after: int
    worse: bool | None
    differences: tuple[str, ...] = ()
    """The recorded differences between the two runs."""


class Effect(Finding):
    """The metric with the new state of a difference against the old one, over all runs. A correlation, no proof."""

    name: str
    old_runs: int
    new_runs: int
    change: float | None
    low: float | None
    """The lower limit of the 95 % confidence interval; None with fewer than two runs on a side."""
    high: float | None
    moved_with: tuple[str, ...] = ()
    """The differences with the same figures."""


class Confound(Finding):
    """Differences that changed together in all runs that recorded them."""

    names: tuple[str, ...]
    runs: int
    text: str


class History(Finding):
    """The metric over the runs of the project, the oldest first."""

    points: tuple[HistoryPoint, ...]
    noise: float
    """The standard deviation of the noise, from the differences of neighbours."""
    steps: tuple[LevelChange, ...]
    change_point: LevelChange | None = None
    """The change between OLD and NEW, in either order."""
    first_bad: LevelChange | None
    """The change point, if NEW is the later run and its level is worse."""
    effects: tuple[Effect, ...]
    confounds: tuple[Confound, ...]
    left_out: int
    """The number of runs that have no metric or did not complete."""
    notes: tuple[str, ...] = ()


class NextStep(Finding):
    """A command to paste."""

    purpose: str
    command: str
    runs: int | None = None
    """The expected number of runs; None if it runs nothing."""
    seconds: float | None = None
    """The expected duration; None if unknown."""
    complete: bool = True
    """Whether the command runs as it is. Otherwise the words in capitals are placeholders."""


class Explanation(FindingAboutRuns):
    """The result of ``contexta why``."""

    old_ref: RunRef
    new_ref: RunRef
    answer: tuple[str, ...]
    """The result in a few sentences."""
    metric: MetricShift | None
    """The explained metric: the first of ``metrics``. None if the runs have no metric in common."""
    metrics: tuple[MetricShift, ...]
    differences: tuple[Difference, ...]
    unknowns: tuple[UnknownAspect, ...]
    suspects: tuple[Suspect, ...]
    history: History | None
    environment: EnvironmentDiff
    next: tuple[NextStep, ...]
    completeness_notes: tuple[CompletenessNote, ...] = ()
