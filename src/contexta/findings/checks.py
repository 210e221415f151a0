"""Findings of ``audit``, ``check`` and ``diagnose``: lists of checks, rules and issues with a status."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import computed_field

from contexta.contract.aliases import alias
from contexta.contract.fields import AnyRef, EnvironmentRef, RunRef, TextMap, Timestamp
from contexta.findings.kinds.completeness_note import CompletenessNote
from contexta.findings.kinds.finding import Finding, FindingAboutRuns

CheckStatus = Literal["pass", "warn", "fail", "unknown"]
Severity = Literal["error", "warning", "info"]
Strictness = Literal["same", "packages", "any"]


class Check(Finding):
    """One requirement of a reproduction, or one property of a workspace."""

    name: str
    status: CheckStatus
    detail: str
    fix: str | None = None
    """How to pass the check; None if there is nothing to do."""


class Audit(FindingAboutRuns):
    """Whether the record of a run is enough to rebuild its environment."""

    run_ref: RunRef
    environment_ref: EnvironmentRef | None = None
    """None without a snapshot."""
    python_version: str | None
    platform: str | None
    package_count: int
    environment_variable_count: int
    reproducibility_status: Literal["complete", "partial", "missing"]
    """``missing`` without a snapshot; ``complete`` if every check that a rebuild needs passes; else ``partial``.

    A rebuild needs the packages and their origins. It also needs an index with the packages, unedited files and no
    failed rebuild, where these were checked.
    """
    checks: tuple[Check, ...]
    completeness_notes: tuple[CompletenessNote, ...]

    run_id: ClassVar[RunRef] = alias("run_ref")

    @property
    def headline(self) -> str:
        """The status, and the names of the checks with the worst result: failures, else warnings."""
        for status, words in (("fail", "failed"), ("warn", "warnings")):
            names = [check.name for check in self.checks if check.status == status]
            if names:
                return f"{self.reproducibility_status}; {words}: {', '.join(names)}"
        return self.reproducibility_status

    @property
    def worst(self) -> CheckStatus:
        """The worst result of a check, where ``unknown`` counts as ``pass``."""
        statuses = {check.status for check in self.checks}
        return "fail" if "fail" in statuses else "warn" if "warn" in statuses else "pass"

    def is_at_worst(self, status: str) -> bool:
        """Whether a check has this status, or ``fail``."""
        return any(check.status in ("fail", status) for check in self.checks)


class Rule(Finding):
    """One rule of a gate. A rule with status ``unknown`` counts as not met."""

    name: str
    status: Literal["pass", "fail", "unknown"]
    detail: str


class Gate(FindingAboutRuns):
    """The rules for a run, and whether it meets them."""

    run_ref: RunRef
    baseline_ref: RunRef | None
    rules: tuple[Rule, ...]

    run_id: ClassVar[RunRef] = alias("run_ref")

    @computed_field  # type: ignore[prop-decorator]  # pydantic's documented order of the two decorators
    @property
    def passed(self) -> bool:
        """Whether the run meets every rule."""
        return all(rule.status == "pass" for rule in self.rules)


BASELINE_MARK = b'"contexta_baseline"'


class BaselineMetric(Finding):
    """The last value of a metric of a baseline."""

    stage_name: str
    metric_key: str
    value: int | float


class Baseline(Finding):
    """What an exported baseline holds of a run: its metrics, and its packages with the digest of its environment."""

    contexta_baseline: Literal[1] = 1
    """The format of the file, and how it is recognised."""
    run_ref: RunRef
    status: str
    started_at: Timestamp
    metrics: tuple[BaselineMetric, ...]
    environment_digest: str | None
    """The digest of everything that was recorded about the environment; None without a snapshot."""
    python_version: str | None
    platform: str | None
    packages: TextMap
    """Normalised name -> version."""

    run_id: ClassVar[RunRef] = alias("run_ref")


class Issue(Finding):
    """One problem of a run."""

    severity: Severity
    code: str
    """The kind of problem, the same text in every version."""
    summary: str
    subject_ref: AnyRef | None = None
    """The part of the run that has the problem; None for the run itself."""
    fix: str | None = None
    """How to avoid the problem; None if unknown."""


class RunDiagnosis(FindingAboutRuns):
    """The problems of a run: errors first, then warnings, then remarks."""

    run_ref: RunRef
    issues: tuple[Issue, ...]
    completeness_notes: tuple[CompletenessNote, ...]

    run_id: ClassVar[RunRef] = alias("run_ref")

    @property
    def healthy(self) -> bool:
        """Whether there is no error and no warning."""
        return all(issue.severity == "info" for issue in self.issues)
