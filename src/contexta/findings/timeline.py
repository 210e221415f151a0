"""Which versions of a package the runs of a project went through, and what a metric did meanwhile."""

from __future__ import annotations

from contexta.contract.fields import Number, RunRef, Status, Timestamp
from contexta.findings.finding import Finding


class TimelineRun(Finding):
    """One run: which version it had, and where the metric ended.

    version: None where its environment lacks the package. value: None where it has no such metric, or none was asked
    for.
    """

    run_ref: RunRef
    name: str
    status: Status
    started_at: Timestamp
    version: str | None
    value: Number | None = None


class VersionPeriod(Finding):
    """Runs in a row, by start, that had one version; None for runs whose environment lacks the package.

    low, high, last: of the metric over those runs, without NaN; None where none of them has it.
    """

    version: str | None
    first_run: RunRef
    last_run: RunRef
    first_at: Timestamp
    last_at: Timestamp
    runs: int
    low: Number | None = None
    high: Number | None = None
    last: Number | None = None


class PackageTimeline(Finding):
    """A package across runs, the oldest first.

    package: its name normalised by PEP 503. runs: every run with an environment. periods: the same, joined where
    neighbours have one version. without_environment: how many further runs have none recorded: what they ran on is
    unknown.
    """

    package: str
    metric: str | None = None
    runs: tuple[TimelineRun, ...] = ()
    periods: tuple[VersionPeriod, ...] = ()
    without_environment: int = 0
    completeness_notes: tuple[str, ...] = ()
