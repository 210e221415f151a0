"""Which of several runs did best."""

from __future__ import annotations

from contexta.contract.fields import Number, RunRef, Status
from contexta.findings.finding import Finding


class Candidate(Finding):
    """One run that was looked at. value: where the metric ended; None where the run lacks it. rank: 1 is the best, and
    equals share one; None for a run that cannot be ranked."""

    run_ref: RunRef
    name: str
    status: Status
    value: Number | None
    rank: int | None


class BestRun(Finding):
    """The best of several runs by where one metric ended.

    run_ref, value: None when no run has a finite value of it. candidates: the ranked ones first, then the others, in
    the order given. stage_name: where the metric was looked for; None for whichever stage logged it last.
    """

    metric_key: str
    stage_name: str | None
    higher_is_better: bool
    run_ref: RunRef | None
    value: Number | None
    candidates: tuple[Candidate, ...]
    completeness_notes: tuple[str, ...]
