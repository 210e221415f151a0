"""Why a metric moved: whether it really did, what changed, what is suspected, what to do next."""

from __future__ import annotations

from typing import Literal

from contexta.contract.fields import Number, RunRef, Timestamp
from contexta.findings.environments import EnvironmentDiff
from contexta.findings.finding import Finding

Better = Literal["higher", "lower"]
Side = Literal["old", "new", "both"]
Kind = Literal[
    "package",
    "build",
    "origin",
    "python",
    "interpreter",
    "machine",
    "native",
    "variable",
    "source",
    "parameter",
    "input",
    "command",
    "seed",
]


def _name(kind: Kind, key: str) -> str:
    return key if kind in ("package", "python", key) else f"{kind} {key}"


class Repeats(Finding):
    """The runs that stand for one side: the run that was named, and those like it but for the seed.

    values: in the order of run_refs, the named run first. mean, spread (standard deviation): of the finite values; None
    where the named run has none, spread also for fewer than two.
    """

    run_refs: tuple[RunRef, ...]
    values: tuple[Number, ...]
    mean: float | None
    spread: float | None


class MetricShift(Finding):
    """One metric on both sides, and whether it really moved.

    better, better_from: which way is good, and who says so (a table of well-known ``name``s, ``configuration``, an
    ``argument``); None where nobody does. worse: whether it moved the bad way; None where that is not known.
    verdict: ``real`` (not chance), ``not_shown`` (chance explains it as well), ``unknown`` (too few runs to tell),
    ``same``. why: the reason in words.
    test: ``permutation`` (exact), ``welch``, ``one_more`` (a single run against a group), ``repeats`` (neither side
    varies, and they differ). p_adjusted is p_value corrected for all metrics that were tested (Holm).
    low, high: the 95 % interval of change. effect_size: Hedges' g. smallest_seen: the smallest true change that these
    repeats would have shown four times in five.
    usual_spread: the standard deviation between runs alike, from all of the project's repeats, usual_runs of them;
    repeats_needed: runs a side that would settle a change of this size at the spread known.
    """

    stage_name: str
    metric_key: str
    better: Better | None
    better_from: Literal["name", "configuration", "argument"] | None
    old: Repeats
    new: Repeats
    change: float | None
    change_ratio: float | None
    worse: bool | None
    verdict: Literal["real", "not_shown", "unknown", "same"]
    why: str
    test: Literal["permutation", "welch", "one_more", "repeats"] | None = None
    p_value: float | None = None
    p_adjusted: float | None = None
    low: float | None = None
    high: float | None = None
    effect_size: float | None = None
    smallest_seen: float | None = None
    usual_spread: float | None = None
    usual_runs: int = 0
    repeats_needed: int | None = None


class Evidence(Finding):
    """One reason to think that a difference could have mattered, or could not. weight: what it multiplies the score by.

    source: where it was read, e.g. ``imports of run:p.new``.
    """

    name: str
    says: str
    weight: float
    reason: str
    source: str = ""


class Difference(Finding):
    """One thing that differs between the two runs; None stands for absent.

    imported: whether either run imported it; reached: the chain of packages that leads to it from what the program
    asked for; requested: asked for by name or pulled in; jump: how far apart the versions are; numeric: a library that
    computes. None where that was not recorded. moved_with: what changed exactly when this did, in every run recorded.
    """

    kind: Kind
    key: str
    left_value: str | None
    right_value: str | None
    imported: bool | None = None
    reached: tuple[str, ...] | None = None
    requested: bool | None = None
    jump: str | None = None
    numeric: bool | None = None
    moved_with: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """``torch``, ``parameter lr``: the kind where it is no package."""
        return _name(self.kind, self.key)

    def __str__(self) -> str:
        left = "absent" if self.left_value is None else self.left_value
        right = "absent" if self.right_value is None else self.right_value
        return f"{self.name}: {left} -> {right}"


class Unknown(Finding):
    """What was not recorded on a side, and so may have changed."""

    what: str
    side: Side
    reason: str


class Suspect(Finding):
    """A hypothesis, not a finding of guilt. score: its share of all suspicion, 0 to 1; the product of the weights of
    its evidence, over the sum of all. rank: 1 is the first; equal scores share a rank."""

    rank: int
    kind: Kind
    key: str
    left_value: str | None
    right_value: str | None
    score: float
    evidence: tuple[Evidence, ...]
    moved_with: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """As of a ``Difference``."""
        return _name(self.kind, self.key)


class HistoryPoint(Finding):
    """One run of the project with the metric. level: the mean of the stretch of runs it belongs to. changed: what is
    known to differ from the run before it."""

    run_ref: RunRef
    started_at: Timestamp
    value: Number
    level: float
    changed: tuple[str, ...] = ()


class Step(Finding):
    """Where the level of a metric changed: between two runs that follow each other.

    change: of the level; low, high: its 95 % interval, None with fewer than two runs on a side. before, after: runs on
    either side. differences: what changed between these two runs, by name.
    """

    last_before: RunRef
    first_after: RunRef
    change: float
    low: float | None
    high: float | None
    before: int
    after: int
    worse: bool | None
    differences: tuple[str, ...] = ()


class Effect(Finding):
    """The metric with one state of a difference against the other, over all runs that had either.

    It says what went together, not what caused it: everything in ``moved_with`` shows the same figures.
    """

    name: str
    old_runs: int
    new_runs: int
    change: float | None
    low: float | None
    high: float | None
    moved_with: tuple[str, ...] = ()


class Confound(Finding):
    """Differences that no run of the history tells apart, over ``runs`` runs."""

    names: tuple[str, ...]
    runs: int
    says: str


class History(Finding):
    """The metric over the runs of the project, the oldest first.

    noise: the standard deviation between neighbours, from the series itself. steps: where its level changed.
    change_point: the step between the two compared runs, whichever came first. first_bad: the same where NEW came later
    and its level is worse: ``first_after`` is the first bad run. left_out: runs without the metric or not completed.
    """

    points: tuple[HistoryPoint, ...]
    noise: float
    steps: tuple[Step, ...]
    change_point: Step | None = None
    first_bad: Step | None
    effects: tuple[Effect, ...]
    confounds: tuple[Confound, ...]
    left_out: int
    notes: tuple[str, ...] = ()


class NextStep(Finding):
    """What to do, as a command that can be pasted. runs, seconds: what it is expected to cost; None where not known.
    complete: whether it runs as it stands; else the words in capitals are to be filled in."""

    purpose: str
    command: str
    runs: int | None = None
    seconds: float | None = None
    complete: bool = True


class Explanation(Finding):
    """What ``contexta why`` says: is it real, what changed, what is suspected, what next.

    metric: the one that is explained, the first of ``metrics``; None when the runs have none in common.
    answer: the whole in a few sentences. environment: the two environments side by side, what is the same included.
    """

    old_ref: RunRef
    new_ref: RunRef
    answer: tuple[str, ...]
    metric: MetricShift | None
    metrics: tuple[MetricShift, ...]
    differences: tuple[Difference, ...]
    unknowns: tuple[Unknown, ...]
    suspects: tuple[Suspect, ...]
    history: History | None
    environment: EnvironmentDiff
    next: tuple[NextStep, ...]
    completeness_notes: tuple[str, ...] = ()
