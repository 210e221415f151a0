"""What is wrong with a run, or with what is known of it."""

from __future__ import annotations

from typing import Literal

from contexta.contract.fields import AnyRef, RunRef
from contexta.findings.finding import Finding

Severity = Literal["error", "warning", "info"]


class Issue(Finding):
    """One thing to look at.

    code: what kind of thing, the same text in every version: see the reference. subject_ref: what it is about, where
    that is not the run itself. fix: what can be done; None where nothing can.
    """

    severity: Severity
    code: str
    summary: str
    subject_ref: AnyRef | None = None
    fix: str | None = None


class RunDiagnosis(Finding):
    """Everything that stands out in what one run left behind: the errors first, then warnings, then remarks."""

    run_ref: RunRef
    issues: tuple[Issue, ...]
    completeness_notes: tuple[str, ...]

    @property
    def healthy(self) -> bool:
        """Whether there is neither an error nor a warning."""
        return all(issue.severity == "info" for issue in self.issues)
