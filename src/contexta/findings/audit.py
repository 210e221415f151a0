"""How far a run can be had again."""

from __future__ import annotations

from typing import Literal

from contexta.contract.fields import RunRef
from contexta.findings.finding import Finding

CheckStatus = Literal["pass", "warn", "fail", "unknown"]


class Check(Finding):
    """One thing that reproducing a run needs. ``fix`` says how to get it; None where nothing is to be done."""

    name: str
    status: CheckStatus
    detail: str
    fix: str | None = None


class Audit(Finding):
    """How far a run's environment could be rebuilt from what was recorded.

    reproducibility_status: ``missing`` without a snapshot; ``complete`` when every check that matters for rebuilding
    passes; else ``partial``.
    """

    run_ref: RunRef
    python_version: str | None
    platform: str | None
    package_count: int
    environment_variable_count: int
    reproducibility_status: Literal["complete", "partial", "missing"]
    checks: tuple[Check, ...]
    completeness_notes: tuple[str, ...]

    def is_at_worst(self, status: str) -> bool:
        """Whether any check is ``fail``; for ``warn`` also whether any is ``warn``. What is unknown is neither."""
        return any(check.status == "fail" or check.status == status for check in self.checks)
